//! Private modules, of which the log must not know.

use std::collections::HashMap;

use crate::golang::gosum::Kind;
use crate::golang::module::{ModulePath, ModuleVersion};
use crate::golang::pattern::PatternList;
use crate::io::store::Pin;

/// Which modules are private, and what the gate has pinned of them.
#[derive(Debug)]
pub struct Private {
    patterns: PatternList,
    pins: HashMap<(String, String, String), Pin>,
}

impl Private {
    /// The modules that these patterns match, with these pins.
    #[must_use]
    pub fn new(patterns: PatternList, pins: Vec<Pin>) -> Self {
        let keyed = |pin: Pin| {
            let key = (pin.module.clone(), pin.version.clone(), pin.kind.clone());
            (key, pin)
        };
        Self {
            patterns,
            pins: pins.into_iter().map(keyed).collect(),
        }
    }

    /// Whether a module is private.
    #[must_use]
    pub fn matches(&self, path: &ModulePath) -> bool {
        self.patterns.matches(path.as_str())
    }

    /// The pin of a file.
    #[must_use]
    pub fn pin(&self, module: &ModuleVersion, kind: Kind) -> Option<&Pin> {
        let (path, version) = (module.path().as_str(), module.version().as_str());
        let key = (
            path.to_owned(),
            version.to_owned(),
            kind.as_str().to_owned(),
        );
        self.pins.get(&key)
    }
}
