//! Module paths and versions: escaping and unescaping are inverse, and never leave a folder.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sumcheck::golang::module::{ModulePath, ModuleVersion};

fuzz_target!(|text: &str| {
    if let Ok(module) = ModuleVersion::parse(text) {
        let escaped = module.escaped();
        assert_eq!(ModuleVersion::unescape(&escaped).as_ref(), Ok(&module));
        assert!(escaped.is_ascii() && !escaped.bytes().any(|byte| byte.is_ascii_uppercase()));
        assert!(!escaped.split('/').any(|part| part.is_empty() || part == "." || part == ".."));
    }
    if let Ok(path) = ModulePath::unescape(text) {
        assert_eq!(path.escaped(), text);
    }
});
