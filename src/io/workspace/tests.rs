use std::fs;

use super::*;

/// A temporary folder with files, some of which are folders (`name/`).
fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = root.path().join(name);
        if name.ends_with('/') {
            fs::create_dir_all(path).unwrap();
        } else {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
    root
}

#[test]
fn the_nearest_go_mod_upwards_is_the_module() {
    let tree = tree(&[
        ("go.mod", ""),
        ("a/go.mod", ""),
        ("a/b/go.mod/", ""),
        ("c/d/", ""),
    ]);
    let root = |dir: &str| find_module_root(&tree.path().join(dir)).unwrap();
    assert_eq!(root("a/b"), tree.path().join("a"));
    assert_eq!(root("a"), tree.path().join("a"));
    assert_eq!(root("c/d"), tree.path());
    assert_eq!(root("c/none/../d/./"), tree.path());
}

#[test]
fn where_no_go_mod_is_there_is_no_module() {
    let tree = tree(&[("go.mod/", ""), ("a/", "")]);
    assert_eq!(find_module_root(&tree.path().join("a")), None);
}

#[test]
fn the_nearest_go_work_upwards_is_the_workspace() {
    let tree = tree(&[
        ("go.work", ""),
        ("a/go.work", ""),
        ("a/b/go.work/", ""),
        ("c/d/", ""),
    ]);
    let found =
        |dir: &str, gowork: &str| find_workspace(&tree.path().join(dir), gowork, None).unwrap();
    assert_eq!(found("a/b", ""), Some(tree.path().join("a/go.work")));
    assert_eq!(found("c/d", "auto"), Some(tree.path().join("go.work")));
    assert_eq!(found("c/d", "off"), None);
}

#[test]
fn gowork_names_a_file_by_an_absolute_path_only() {
    let tree = tree(&[("go.work", "")]);
    let absolute = tree.path().join("none/go.work");
    let found = find_workspace(tree.path(), absolute.to_str().unwrap(), None).unwrap();
    assert_eq!(found, Some(absolute));
    let error = find_workspace(tree.path(), "go.work", None)
        .unwrap_err()
        .to_string();
    let expected = "GOWORK=\"go.work\" is not an absolute path: write one, or off, or auto";
    assert_eq!(error, expected);
}

#[test]
fn the_search_does_not_go_up_into_goroot() {
    let tree = tree(&[("go.work", ""), ("go/go.work", ""), ("go/src/cmd/", "")]);
    let goroot = tree.path().join("go");
    let found = |dir: &str| find_workspace(&tree.path().join(dir), "", Some(&goroot)).unwrap();
    assert_eq!(found("go/src/cmd"), None);
    assert_eq!(found("go"), Some(goroot.join("go.work")));
}

#[test]
fn a_workspace_has_its_own_sums_and_those_of_its_modules() {
    let elsewhere = std::env::temp_dir().join("elsewhere");
    let text = format!(
        "use (\n./a\n../x/./b/\n{:?}\n)\n",
        elsewhere.to_str().unwrap()
    );
    let tree = tree(&[("w/go.work", &text)]);
    let workspace = Workspace::read(&tree.path().join("w/go.work")).unwrap();
    assert_eq!(workspace.file(), tree.path().join("w/go.work"));
    let roots = [
        tree.path().join("w/a"),
        tree.path().join("x/b"),
        elsewhere.clone(),
    ];
    assert_eq!(workspace.module_roots(), roots);
    let sums = [
        tree.path().join("w/go.work.sum"),
        tree.path().join("w/a/go.sum"),
        tree.path().join("x/b/go.sum"),
        elsewhere.join("go.sum"),
    ];
    assert_eq!(workspace.sum_files(), sums);
}

#[test]
fn modfile_moves_go_sum() {
    let root = Path::new("/m");
    assert_eq!(sum_file_of_module(root, None), Path::new("/m/go.sum"));
    let modfile = Path::new("/x/tools.v2.mod");
    assert_eq!(
        sum_file_of_module(root, Some(modfile)),
        Path::new("/x/tools.v2.sum")
    );
}

#[test]
fn a_workspace_that_cannot_be_known_is_an_error() {
    let tree = tree(&[
        ("twice", "use ./a\nuse a\n"),
        ("bad", "use\n"),
        ("folder/", ""),
    ]);
    let message = |name: &str| {
        let path = tree.path().join(name);
        let error = Workspace::read(&path).unwrap_err().to_string();
        error.replace(tree.path().to_str().unwrap(), "/w")
    };
    assert_eq!(
        message("twice"),
        "\"/w/twice\" uses \"/w/a\" twice: take one out"
    );
    assert_eq!(
        message("bad"),
        "\"/w/bad\" is not valid: correct it, or set GOWORK=off"
    );
    let missing = "there is no \"/w/none\": create it, or set GOWORK to another file or to off";
    assert_eq!(message("none"), missing);
    let unreadable = "cannot read \"/w/folder\": make it readable, or set GOWORK=off";
    assert_eq!(message("folder"), unreadable);
}

#[test]
fn what_is_wrong_in_the_file_is_the_errors_source() {
    let tree = tree(&[("go.work", "use a b")]);
    let error = Workspace::read(&tree.path().join("go.work")).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    let expected = "line 1: use takes one folder and has 2 arguments; write one on each line";
    assert_eq!(source, expected);
}
