//! Standard output, whoever reads it.

use std::io::{self, Write};

/// For people: colours are removed where nobody sees them.
pub(in crate::cli) fn out() -> impl Write {
    UntilClosed(anstream::stdout().lock())
}

/// For programs.
pub(in crate::cli) fn plain_out() -> impl Write {
    UntilClosed(io::BufWriter::new(io::stdout().lock()))
}

/// A reader that has seen enough, such as `head`, changes no verdict: what it does not want to
/// read is dropped.
struct UntilClosed<W>(W);

impl<W: Write> Write for UntilClosed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        unless_closed(self.0.write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        unless_closed(self.0.flush(), ())
    }
}

fn unless_closed<T>(result: io::Result<T>, when_closed: T) -> io::Result<T> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(when_closed),
        result => result,
    }
}
