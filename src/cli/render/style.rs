//! The few colours there are.

use anstyle::{AnsiColor, Style};

/// Something is wrong.
pub(in crate::cli) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// Something should be known.
pub(in crate::cli) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// All is well.
pub(in crate::cli) const OK: Style = AnsiColor::Green.on_default().bold();
/// What matters less.
pub(in crate::cli) const DIM: Style = Style::new().dimmed();
