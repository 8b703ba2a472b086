#![allow(clippy::indexing_slicing)]

use super::*;

fn refused(path: &str) -> String {
    ModulePath::parse(path).unwrap_err().to_string()
}

fn reason(path: &str) -> ModulePathReason {
    ModulePath::parse(path).unwrap_err().reason
}

#[test]
fn real_module_paths_are_valid() {
    for path in [
        "golang.org/x/text",
        "github.com/Azure/azure-sdk-for-go",
        "github.com/cespare/xxhash/v2",
        "gopkg.in/yaml.v2",
        "gopkg.in/yaml.v0",
        "gopkg.in/src-d/go-git.v4",
        "gopkg.in/yaml.v1-unstable",
        "example.com",
        "example.com/v",
        "example.com/va2",
        "example.com/x.2",
        "example.com/a~b",
        "example.com/a~",
        "example.com/~1a",
        "example.com/con1",
        "example.com/com0",
        "example.com/a_b-c",
        "a-b.c/d",
        "1.2/3",
    ] {
        assert_eq!(ModulePath::parse(path).unwrap().as_str(), path);
    }
}

#[test]
fn slashes_stand_between_elements_only() {
    assert_eq!(refused(""), "module path \"\" is empty");
    assert_eq!(refused("/a.b"), "module path \"/a.b\" begins with '/'");
    assert_eq!(refused("a.b/"), "module path \"a.b/\" ends in '/'");
    assert_eq!(
        refused("a.b//c"),
        "module path \"a.b//c\" has two slashes in a row"
    );
}

#[test]
fn a_path_is_no_option_and_no_way_out_of_a_folder() {
    assert_eq!(refused("-a.b/c"), "module path \"-a.b/c\" begins with '-'");
    for path in ["a.b/..", "a.b/.", "../a.b", "a.b/.git", "a.b/...", ".a/b"] {
        assert_eq!(reason(path), ModulePathReason::LeadingDot, "{path}");
    }
    assert_eq!(reason("a.b/c."), ModulePathReason::TrailingDot);
    assert_eq!(reason("a./b"), ModulePathReason::TrailingDot);
}

#[test]
fn a_character_outside_the_set_is_named() {
    assert_eq!(
        refused("a.b/c d"),
        "module path \"a.b/c d\" has the character ' ', which is none of letters, digits, \
         '-', '.', '_', '~'"
    );
    for (path, c) in [
        ("a.b/é", 'é'),
        ("a.b/c\n", '\n'),
        ("a.b/c\0", '\0'),
        ("a.b/c@d", '@'),
        ("a.b/!c", '!'),
        ("a.b/c+d", '+'),
        ("a.b/c%20", '%'),
        ("a.b\\c", '\\'),
        ("a.b/\u{212a}", '\u{212a}'),
    ] {
        assert_eq!(reason(path), ModulePathReason::Character(c), "{path}");
    }
}

#[test]
fn names_that_windows_keeps_are_refused_in_any_case() {
    for path in [
        "a.b/con",
        "a.b/CoN",
        "a.b/aux.go",
        "a.b/NUL.x.y/c",
        "a.b/prn",
        "a.b/com1",
        "a.b/LPT9",
        "con.com/a",
    ] {
        assert_eq!(reason(path), ModulePathReason::ReservedName, "{path}");
    }
    for path in ["a.b/c~1", "a.b/c~12.go", "a.b/~0", "a.b/c~a~7/d"] {
        assert_eq!(reason(path), ModulePathReason::TildeDigits, "{path}");
    }
}

#[test]
fn the_first_element_is_a_lower_case_domain() {
    assert_eq!(
        refused("fmt"),
        "module path \"fmt\" has no dot in its first element: it begins with a domain name such \
         as example.com"
    );
    assert_eq!(reason("a/b.c"), ModulePathReason::NoDotInDomain);
    assert_eq!(
        refused("GitHub.com/a"),
        "module path \"GitHub.com/a\" has the character 'G' in its domain name, which is of \
         'a' to 'z', digits, '-', '.'"
    );
    assert_eq!(reason("a_b.c/d"), ModulePathReason::DomainCharacter('_'));
}

#[test]
fn a_major_version_suffix_has_its_form() {
    for path in [
        "a.b/v0",
        "a.b/v1",
        "a.b/v02",
        "a.b/v2.0",
        "a.b/v1.2.3",
        "a.b/c/v0.1",
    ] {
        assert_eq!(reason(path), ModulePathReason::MajorSuffix, "{path}");
    }
    for path in [
        "gopkg.in/yaml",
        "gopkg.in/yaml/v2",
        "gopkg.in/yaml.v",
        "gopkg.in/yaml.v02",
        "gopkg.in/yaml.v0-unstable",
        "gopkg.in/yaml-unstable",
    ] {
        assert_eq!(reason(path), ModulePathReason::GopkgInSuffix, "{path}");
    }
}

#[test]
fn path_and_version_have_one_major_version() {
    for (path, version) in [
        ("a.b/c", "v0.1.0"),
        ("a.b/c", "v1.0.0"),
        ("a.b/c", "v2.0.0+incompatible"),
        ("a.b/c/v2", "v2.3.4"),
        ("a.b/c/v10", "v10.0.0-20200101000000-abcdefabcdef"),
        ("gopkg.in/check.v1", "v0.0.0-20161208181325-20d25e280405"),
        ("gopkg.in/check.v1-unstable", "v0.0.0-1"),
        ("gopkg.in/yaml.v2", "v2.4.0"),
        ("gopkg.in/yaml.v0", "v0.1.0"),
    ] {
        let module = ModuleVersion::new(path, version).unwrap();
        assert_eq!(module.to_string(), format!("{path}@{version}"));
        assert_eq!(ModuleVersion::parse(&module.to_string()).unwrap(), module);
    }
    for (path, version) in [
        ("a.b/c", "v2.0.0"),
        ("a.b/c", "v2.0.0+incompatible.1"),
        ("a.b/c/v2", "v1.0.0"),
        ("a.b/c/v2", "v3.0.0+incompatible"),
        ("a.b/c/v2", "v0.0.0-20161208181325-20d25e280405"),
        ("gopkg.in/yaml.v2", "v0.0.0-20161208181325-20d25e280405"),
        ("gopkg.in/yaml.v1", "v0.0.1"),
        ("gopkg.in/yaml.v-unstable", "v1.0.0"),
    ] {
        assert!(
            matches!(
                ModuleVersion::new(path, version),
                Err(ModuleError::Major { .. })
            ),
            "{path}@{version}"
        );
    }
}

#[test]
fn a_wrong_major_version_says_which_would_be_right() {
    let message = |path, version| ModuleVersion::new(path, version).unwrap_err().to_string();
    assert_eq!(
        message("a.b/c/v2", "v1.0.0"),
        "module \"a.b/c/v2\" has versions \"v2\", and not \"v1.0.0\""
    );
    assert_eq!(
        message("a.b/c", "v2.0.0"),
        "module \"a.b/c\" has versions v0, v1 or marked +incompatible, and not \"v2.0.0\""
    );
}

#[test]
fn a_module_without_version_says_how_to_write_one() {
    assert_eq!(
        ModuleVersion::parse("a.b/c").unwrap_err().to_string(),
        "\"a.b/c\" names no version: write it as in example.com/module@v1.2.3"
    );
    let message = |text| ModuleVersion::parse(text).unwrap_err().to_string();
    assert!(message("a.b@v1.0.0@v1.0.0").contains("version \"v1.0.0@v1.0.0\""));
    assert!(message("@v1.0.0").contains("is empty"));
    assert!(message("a.b@").contains("does not begin with 'v'"));
}
