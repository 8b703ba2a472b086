//! What is asked of those behind the gate.

use super::target::ModuleFile;
use crate::golang::module::{ModulePath, ModuleVersion};

/// What can be asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'w> {
    /// A file of a module version.
    File(&'w ModuleVersion, ModuleFile),
    /// The versions of a module.
    List(&'w ModulePath),
    /// The information about its latest version.
    Latest(&'w ModulePath),
    /// The information about the version of a branch or a commit, which is not escaped.
    Query(&'w ModulePath, &'w str),
}

impl Wanted<'_> {
    /// Below a proxy's URL.
    pub(super) fn path(self) -> String {
        match self {
            Self::File(module, file) => format!(
                "{}/@v/{}.{}",
                module.path().escaped(),
                module.version().escaped(),
                file.extension()
            ),
            Self::List(module) => format!("{}/@v/list", module.escaped()),
            Self::Latest(module) => format!("{}/@latest", module.escaped()),
            Self::Query(module, query) => {
                let mut escaped = String::new();
                for c in query.chars() {
                    if c.is_ascii_uppercase() {
                        escaped.push('!');
                    }
                    escaped.push(c.to_ascii_lowercase());
                }
                format!("{}/@v/{escaped}.info", module.escaped())
            }
        }
    }

    pub(super) fn module(&self) -> &ModulePath {
        match self {
            Self::File(module, _) => module.path(),
            Self::List(module) | Self::Latest(module) | Self::Query(module, _) => module,
        }
    }
}
