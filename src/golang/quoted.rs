//! Outside text as an error may show it.

use std::fmt;

/// How much of an outside text is shown, in characters.
///
/// Enough for the longest module path in the public log that a person would read in full, and
/// short enough that a hostile one cannot push the rest of a message off the screen.
pub const MAX_QUOTED_CHARS: usize = 120;

/// Outside text in double quotes, cut to [`MAX_QUOTED_CHARS`], with everything that a terminal
/// could act upon escaped: control characters, line ends, bidirectional overrides.
#[derive(Clone, PartialEq, Eq)]
pub struct Quoted(Box<str>);

impl Quoted {
    /// Quotes a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut shown = String::from("\"");
        let mut rest = text.chars();
        for c in rest.by_ref().take(MAX_QUOTED_CHARS) {
            if c == '\'' {
                shown.push(c);
            } else {
                shown.extend(c.escape_debug());
            }
        }
        shown.push('"');
        if rest.next().is_some() {
            shown.push('…');
        }
        Self(shown.into_boxed_str())
    }
}

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_text_is_shown_as_it_is() {
        assert_eq!(Quoted::new("it's/a~path").to_string(), "\"it's/a~path\"");
    }

    #[test]
    fn what_a_terminal_would_act_upon_is_escaped() {
        let hostile = "\u{1b}[31m\r\n\0\u{202e}\u{200b}\u{9b}\"\\";
        assert_eq!(
            Quoted::new(hostile).to_string(),
            r#""\u{1b}[31m\r\n\0\u{202e}\u{200b}\u{9b}\"\\""#
        );
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        let long = "é".repeat(MAX_QUOTED_CHARS + 1);
        let shown = Quoted::new(&long).to_string();
        assert_eq!(shown.chars().count(), MAX_QUOTED_CHARS + 3);
        assert!(shown.ends_with("é\"…"), "{shown}");
        let fits = "é".repeat(MAX_QUOTED_CHARS);
        assert!(Quoted::new(&fits).to_string().ends_with("é\""));
    }
}
