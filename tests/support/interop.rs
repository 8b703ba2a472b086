//! The programs of tests/interop, in which golang.org/x/mod is the judge.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::skipped;

/// The built program. None, and said aloud, where there is no go command that can build it.
pub fn interop() -> Option<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match BUILT.get_or_init(build) {
        Ok(path) => Some(path.clone()),
        Err(error) => {
            skipped(error);
            None
        }
    }
}

fn build() -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let program = folder.join(format!("interop{}", std::env::consts::EXE_SUFFIX));
    // Several test binaries may build at once: each makes a file of its own and renames it.
    let built = folder.join(format!("interop-{}", std::process::id()));
    let output = Command::new("go")
        .args(["build", "-o"])
        .arg(&built)
        .arg(".")
        .current_dir(source)
        .output()
        .map_err(|error| format!("the go command does not start: {error}"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(format!("go build in tests/interop failed: {words}"));
    }
    std::fs::rename(&built, &program).map_err(|error| format!("{}: {error}", program.display()))?;
    Ok(program)
}
