//! Module zips, read as strictly as their hash deserves: every byte is accounted for, and whatever
//! two readers could take differently is refused.
//!
//! Bytes are pushed as they arrive and are not kept: a [`ModZipHasher`] inflates, hashes and
//! compares on the way, so that the verdict falls with the last byte.
//!
//! ```
//! # use sumcheck::golang::module::ModuleVersion;
//! # use sumcheck::golang::modzip::{Limits, ModZipError, ModZipHasher};
//! # fn read(chunks: &[&[u8]]) -> Result<(), ModZipError> {
//! let module = ModuleVersion::parse("example.com/m@v1.0.0").expect("a version of a module");
//! let mut hasher = ModZipHasher::new(&module, Limits::default())?;
//! for chunk in chunks {
//!     hasher.push(chunk)?;
//! }
//! assert!(hasher.finish()?.h1().to_string().starts_with("h1:"));
//! # Ok(()) }
//! ```
//!
//! # What a module zip is
//! A file, its data descriptor if it has one, the next file and so on; the central directory, which
//! lists the same files in the same order; the end record. Nothing before, between or after. No
//! sizes above those of Go, hence no zip64 but for the number of files. Names are those that
//! golang.org/x/mod/zip's `CheckZip` lets pass, below `module@version/`.
//!
//! That a zip is well-formed says nothing about whose it is: for that, compare [`CheckedZip::h1`]
//! with an authentic record.
//!
//! Sources: PKWARE's APPNOTE.TXT 6.3.10 (sections 4.3 to 4.5), golang.org/x/mod/zip. Where Go is
//! more tolerant, `docs/differences.md` says so and why.

mod checked;
mod collision;
mod content;
mod directory;
mod error;
mod extra;
mod files;
mod letters;
mod limits;
mod name;
mod records;
mod stream;

pub use checked::CheckedZip;
pub use error::{EndField, Field, FileFault, ModZipError, Part, Place};
pub use limits::{
    Limits, MAX_ARCHIVE_BYTES, MAX_CONTENT_BYTES, MAX_GO_MOD_BYTES, MAX_LICENSE_BYTES,
    MAX_NAME_BYTES, MAX_NAMES_BYTES, MAX_PATHS,
};
pub use stream::ModZipHasher;

#[cfg(test)]
mod tests;
