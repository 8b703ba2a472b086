//! Paths in the shortest form that names the same place, as Go's filepath.Clean writes them.

use std::path::{Component, Path, PathBuf};

/// Takes out `.`, `..` and repeated separators without looking at the disk, so that `..` after a
/// symbolic link means the folder in which the link lies. An empty path is `.`.
pub(in crate::io) fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for component in path.components() {
        match (component, cleaned.components().next_back()) {
            (Component::ParentDir, Some(Component::Normal(_))) => {
                cleaned.pop();
            }
            // Above the root is the root.
            (Component::CurDir, _) | (Component::ParentDir, Some(Component::RootDir)) => {}
            _ => cleaned.push(component),
        }
    }
    if cleaned.as_os_str().is_empty() {
        cleaned.push(".");
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_path_is_cleaned_as_go_cleans_it() {
        for (path, expected) in [
            ("", "."),
            (".", "."),
            ("./", "."),
            ("/", "/"),
            ("/..", "/"),
            ("/../a", "/a"),
            ("a//b/./c/", "a/b/c"),
            ("a/b/../../c", "c"),
            ("a/..", "."),
            ("..", ".."),
            ("../../a", "../../a"),
            ("a/../../b", "../b"),
            ("/a/b/../../../c", "/c"),
        ] {
            assert_eq!(clean(Path::new(path)).to_str().unwrap(), expected, "{path}");
        }
    }
}
