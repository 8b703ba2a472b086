//! How large a module zip may be.

/// Largest archive. Go's own limit (golang.org/x/mod/zip, `MaxZipFile`).
pub const MAX_ARCHIVE_BYTES: u64 = 500 << 20;

/// Most content of all files together. Go's own limit (`MaxZipFile` again).
///
/// With both below 4 GiB no file needs zip64.
pub const MAX_CONTENT_BYTES: u64 = 500 << 20;

/// Largest go.mod at the root, which is held in memory. Go's own limit (`MaxGoMod`).
pub const MAX_GO_MOD_BYTES: u64 = 16 << 20;

/// Largest LICENSE at the root. Go's own limit (`MaxLICENSE`).
pub const MAX_LICENSE_BYTES: u64 = 16 << 20;

/// Most files and folders together: a hostile zip of 500 MiB could have millions of empty files,
/// each of which costs about 200 bytes of memory until the end. Large real modules have 20,000.
pub const MAX_PATHS: usize = 1 << 18;

/// Longest name with its prefix: Linux has no longer paths, so that nobody could unpack it.
pub const MAX_NAME_BYTES: usize = 4096;

/// Most bytes of all names together: the names are in memory until the end. A large real module
/// has about 2 MiB.
pub const MAX_NAMES_BYTES: usize = 32 << 20;

/// The limits that a reader keeps to. The default is those of Go, and for what Go does not limit,
/// what bounds the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// See [`MAX_ARCHIVE_BYTES`].
    pub archive_bytes: u64,
    /// See [`MAX_CONTENT_BYTES`].
    pub content_bytes: u64,
    /// See [`MAX_GO_MOD_BYTES`].
    pub go_mod_bytes: u64,
    /// See [`MAX_LICENSE_BYTES`].
    pub license_bytes: u64,
    /// See [`MAX_PATHS`].
    pub paths: usize,
    /// See [`MAX_NAMES_BYTES`].
    pub names_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            archive_bytes: MAX_ARCHIVE_BYTES,
            content_bytes: MAX_CONTENT_BYTES,
            go_mod_bytes: MAX_GO_MOD_BYTES,
            license_bytes: MAX_LICENSE_BYTES,
            paths: MAX_PATHS,
            names_bytes: MAX_NAMES_BYTES,
        }
    }
}
