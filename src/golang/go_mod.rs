//! What a go.mod requires, as far as it is needed to fetch first what is asked for first: a hint, on
//! which no verdict hangs.
//!
//! Source: the Go Modules Reference, "go.mod files".

use std::collections::BTreeMap;

use super::module::ModuleVersion;

/// Who needs a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Requirement {
    /// Packages of the main module.
    Direct,
    /// Other modules alone.
    Indirect,
}

/// The module versions that are required, and which of them without `// indirect`: those that the
/// module's own packages import. Lines that are not understood are passed over.
#[must_use]
pub fn requirements(go_mod: &str) -> BTreeMap<ModuleVersion, Requirement> {
    let mut is_in_block = false;
    let mut requirements = BTreeMap::new();
    for line in go_mod.lines() {
        let (code, comment) = line.split_once("//").unwrap_or((line, ""));
        let words: Vec<&str> = code.split_whitespace().collect();
        let (path, version) = match words.as_slice() {
            ["require", "("] | ["require("] => {
                is_in_block = true;
                continue;
            }
            [")"] => {
                is_in_block = false;
                continue;
            }
            ["require", path, version] => (path, version),
            [path, version] if is_in_block => (path, version),
            _ => continue,
        };
        let is_indirect = comment
            .split([';', ' '])
            .any(|word| word.trim() == "indirect");
        let requirement = if is_indirect {
            Requirement::Indirect
        } else {
            Requirement::Direct
        };
        let unquoted = path.trim_matches(['"', '`']);
        if let Ok(module) = ModuleVersion::new(unquoted, version) {
            requirements.insert(module, requirement);
        }
    }
    requirements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_module_itself_imports_is_told_from_the_rest() {
        let go_mod = "module example.com/m // a comment\n\ngo 1.26\n\n\
            require example.com/one v1.0.0\n\
            require (\n\
            \texample.com/two v2.0.0+incompatible\n\
            \t\"example.com/three\" v0.1.0 // why\n\
            \texample.com/four v0.1.0 // indirect; why\n\
            \tnot a requirement\n\
            )\n\
            exclude (\n\texample.com/five v1.0.0\n)\n\
            replace example.com/six v1.0.0 => ../six\n";
        let requirements: Vec<(String, Requirement)> = requirements(go_mod)
            .into_iter()
            .map(|(module, requirement)| (module.to_string(), requirement))
            .collect();
        let expected = [
            ("example.com/four@v0.1.0", Requirement::Indirect),
            ("example.com/one@v1.0.0", Requirement::Direct),
            ("example.com/three@v0.1.0", Requirement::Direct),
            ("example.com/two@v2.0.0+incompatible", Requirement::Direct),
        ];
        assert!(
            requirements
                .iter()
                .map(|(module, requirement)| (module.as_str(), *requirement))
                .eq(expected),
            "{requirements:?}"
        );
    }
}
