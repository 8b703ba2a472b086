//! Names of files below a module's root.

use super::error::FileFault;
use super::letters::is_letter;
use crate::golang::module::is_reserved_on_windows;

pub(super) const GO_MOD: &str = "go.mod";
pub(super) const LICENSE: &str = "LICENSE";

/// ASCII characters of names besides letters and digits.
const PUNCTUATION: &str = "!#$%&()+,-.=@[]^_{}~ ";

/// Lets pass the paths that golang.org/x/mod's `CheckZip` does: clean, relative, of characters that
/// mean nothing to a shell or a file system, with a go.mod at the root alone.
pub(super) fn check(path: &str) -> Result<(), FileFault> {
    for element in path.split('/') {
        check_element(element)?;
    }
    let base = path.rsplit('/').next().unwrap_or(path);
    if !base.eq_ignore_ascii_case(GO_MOD) {
        return Ok(());
    }
    if base != path {
        return Err(FileFault::GoModNested);
    }
    if base != GO_MOD {
        return Err(FileFault::GoModCase);
    }
    Ok(())
}

/// One element, as golang.org/x/mod/module's `CheckFilePath` has it.
fn check_element(element: &str) -> Result<(), FileFault> {
    if element.is_empty() {
        return Err(FileFault::EmptyElement);
    }
    if element.bytes().all(|b| b == b'.') {
        return Err(FileFault::DotElement);
    }
    if element.ends_with('.') {
        return Err(FileFault::TrailingDot);
    }
    if let Some(other) = element.chars().find(|c| !is_allowed(*c)) {
        return Err(FileFault::Character(other));
    }
    let stem = element.split_once('.').map_or(element, |(stem, _)| stem);
    if is_reserved_on_windows(stem) {
        return Err(FileFault::ReservedName);
    }
    Ok(())
}

fn is_allowed(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || PUNCTUATION.contains(c)
    } else {
        is_letter(c)
    }
}
