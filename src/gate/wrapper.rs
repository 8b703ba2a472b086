//! `sumcheck gate -- CMD`: a command that can fetch modules through the gate alone.

mod signals;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitStatus;

use tokio::process::Command;

use self::signals::Signals;

/// How the command ended, or why it did not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With its own code, or 128 and the signal that ended it.
    Code(u8),
    /// It is not there: 127, as a shell has it.
    NotFound,
    /// It is there and cannot be run: 126, as a shell has it.
    NotExecutable,
}

impl Ended {
    /// The exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::NotFound => 127,
            Self::NotExecutable => 126,
        }
    }
}

/// A path that no other user of this machine can guess.
///
/// # Errors
/// If the system has no randomness.
pub fn secret_prefix() -> Result<String, getrandom::Error> {
    let mut secret = [0; 16];
    getrandom::fill(&mut secret)?;
    Ok(format!("/{}/", hex::encode(secret)))
}

/// What the command finds in its environment.
#[derive(Debug)]
pub struct Environment<'e> {
    /// The gate, for its only module proxy.
    pub goproxy: &'e str,
    /// The checksum database that the gate proves against.
    pub gosumdb: &'e str,
    /// Another module cache than the user's.
    pub gomodcache: Option<&'e Path>,
}

/// Runs the command.
///
/// GONOPROXY must be `none`, else GOPRIVATE would lead past the gate; GONOSUMDB keeps the value
/// that it has through GOPRIVATE, since it is not set here. A proxy for http in the environment
/// changes nothing: the go command asks loopback addresses itself.
///
/// # Errors
/// What the system says if the command could not even be tried.
pub async fn run(
    environment: &Environment<'_>,
    command: &[OsString],
) -> Result<Ended, std::io::Error> {
    let Some((program, arguments)) = command.split_first() else {
        return Ok(Ended::NotFound);
    };
    // Before there is a command: a signal in between must not end us alone.
    let mut signals = Signals::listen()?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("GOPROXY", environment.goproxy)
        .env("GONOPROXY", "none")
        .env("GOSUMDB", environment.gosumdb)
        .kill_on_drop(true);
    if let Some(folder) = environment.gomodcache {
        command.env("GOMODCACHE", folder);
    }
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return not_begun(error),
    };
    let status = signals.wait(&mut child).await?;
    Ok(Ended::Code(code(status)))
}

/// As a shell tells it.
fn not_begun(error: std::io::Error) -> Result<Ended, std::io::Error> {
    use std::io::ErrorKind;

    match error.kind() {
        ErrorKind::NotFound => Ok(Ended::NotFound),
        ErrorKind::PermissionDenied
        | ErrorKind::IsADirectory
        | ErrorKind::NotADirectory
        | ErrorKind::InvalidInput
        | ErrorKind::ArgumentListTooLong => Ok(Ended::NotExecutable),
        // A script without a `#!`, or a program for another machine.
        #[cfg(unix)]
        _ if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
            Ok(Ended::NotExecutable)
        }
        _ => Err(error),
    }
}

fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(u8::MAX)
}
