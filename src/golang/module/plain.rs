//! Module versions as nearly all are, told in one pass over their bytes: an audit looks at each that
//! there is.

/// Whether this is a module path without a major version at its end, and a canonical version v0 or
/// v1 of it, both without anything that has rules of its own. What is not plain may be sound all the
/// same.
#[must_use]
pub fn is_plain(path: &str, version: &str) -> bool {
    is_plain_path(path.as_bytes()) && is_plain_version(version.as_bytes())
}

fn is_plain_path(path: &[u8]) -> bool {
    // All of it first, without a way out in the middle: so it takes a few instructions.
    if !all(path, |byte| {
        byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'.' | b'_' | b'/')
    }) {
        return false;
    }
    let mut elements = path.split(|byte| *byte == b'/');
    let Some(domain) = elements.next() else {
        return false;
    };
    let is_domain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
    if !is_plain_element(domain)
        || !all(domain, is_domain)
        || !domain.contains(&b'.')
        || domain.starts_with(b"-")
        || domain == b"gopkg.in"
    {
        return false;
    }
    let mut last = domain;
    for element in elements {
        if !is_plain_element(element) {
            return false;
        }
        last = element;
    }
    !matches!(last, [b'v', b'0'..=b'9' | b'.', ..])
}

fn all(bytes: &[u8], is_allowed: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(true, |all, byte| all & is_allowed(*byte))
}

/// Of bytes that are allowed.
fn is_plain_element(element: &[u8]) -> bool {
    let ends = [element.first(), element.last()];
    let has_ends = ends.iter().all(|end| end.is_some_and(|end| *end != b'.'));
    // Device names of Windows have three or four letters before the first dot.
    let may_be_device = matches!(
        element.first(),
        Some(b'c' | b'C' | b'p' | b'P' | b'a' | b'A' | b'n' | b'N' | b'l' | b'L')
    ) && (element.get(5..).is_none()
        || element.iter().take(5).any(|byte| *byte == b'.'));
    has_ends && !may_be_device
}

/// `v0.1.2`, `v1.2.3` and these with a pre-release, pseudo-versions among them.
fn is_plain_version(version: &[u8]) -> bool {
    let [b'v', b'0' | b'1', b'.', rest @ ..] = version else {
        return false;
    };
    let Some(rest) = after_number(rest) else {
        return false;
    };
    let Some(rest) = rest.strip_prefix(b".").and_then(after_number) else {
        return false;
    };
    match rest {
        [] => true,
        [b'-', pre_release @ ..] => {
            let mut parts = pre_release.split(|byte| *byte == b'.');
            parts.all(|part| match part {
                [] | [b'0', b'0'..=b'9', ..] => false,
                part => all(part, |byte| byte.is_ascii_alphanumeric() | (byte == b'-')),
            })
        }
        _ => false,
    }
}

/// What follows a number without a leading zero.
fn after_number(bytes: &[u8]) -> Option<&[u8]> {
    let digits = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (number, rest) = bytes.split_at_checked(digits)?;
    match number {
        [] | [b'0', _, ..] => None,
        _ => Some(rest),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::golang::module::ModuleVersion;

    fn is_sound(path: &str, version: &str) -> bool {
        ModuleVersion::new(path, version)
            .is_ok_and(|module| module.version().canonical() == *module.version())
    }

    #[test]
    fn what_nearly_all_are_is_plain() {
        for (path, version) in [
            ("github.com/spf13/viper", "v1.8.1"),
            ("golang.org/x/mod", "v0.0.0-20190308221718-c2843e01d9a2"),
            ("github.com/Masterminds/sprig", "v1.0.0-rc.1"),
            ("example.com", "v0.1.0"),
        ] {
            assert!(
                is_plain(path, version) && is_sound(path, version),
                "{path}@{version}"
            );
        }
        for (path, version) in [
            ("example.com/m/v2", "v2.0.0"),
            ("gopkg.in/yaml.v2", "v2.0.0"),
            ("example.com/con", "v1.0.0"),
            ("example.com/m", "v1.0"),
            ("example.com/m", "v1.0.0+incompatible"),
        ] {
            assert!(!is_plain(path, version), "{path}@{version}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn what_is_plain_is_sound(
            path in "[a-c.-]{0,4}(\\.[a-d-]{1,3})?(/[a-zA-Z0-9._~v-]{0,5}|/(con|AUX|com1|lpt9|v1|v2|x)(\\.x)?){0,3}",
            version in "v[0-2]\\.(0|1|01|22)(\\.(0|1|01|333))?(-[a-z0-9.-]{0,6})?(\\+incompatible|\\+meta)?",
        ) {
            if is_plain(&path, &version) {
                prop_assert!(is_sound(&path, &version), "{}@{}", path, version);
            }
        }
    }
}
