//! A setting and where it comes from.

use std::fmt;
use std::path::PathBuf;

use super::shown;

/// The value of one of Go's variables, with where it comes from.
#[derive(Clone, PartialEq, Eq)]
pub struct Setting<T> {
    value: T,
    origin: Origin,
}

/// Where a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A variable of the process.
    Environment,
    /// The file that `go env -w` writes.
    GoEnvFile(PathBuf),
    /// `go.env` of the Go installation.
    GoRoot(PathBuf),
    /// Nobody set it.
    Default,
    /// It is not set itself, and GOPRIVATE stands in for it.
    Goprivate(Box<Origin>),
}

impl<T> Setting<T> {
    pub(super) fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Where it comes from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl<T: Clone> Setting<T> {
    /// GOPRIVATE in the place of another variable. A default stays a default: there is nobody
    /// to name.
    pub(super) fn as_fall_back(&self) -> Self {
        let origin = match &self.origin {
            Origin::Default => Origin::Default,
            set => Origin::Goprivate(Box::new(set.clone())),
        };
        Self {
            value: self.value.clone(),
            origin,
        }
    }
}

/// Without the value, which may hold a password.
impl<T> fmt::Debug for Setting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setting")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("from the environment"),
            Self::GoEnvFile(path) | Self::GoRoot(path) => write!(f, "from {}", shown(path)),
            Self::Default => f.write_str("by default"),
            Self::Goprivate(origin) => write!(f, "as GOPRIVATE, {origin}"),
        }
    }
}
