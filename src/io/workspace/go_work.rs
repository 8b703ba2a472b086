//! go.work: the folders of the modules that a workspace uses.
//!
//! Source: <https://go.dev/ref/mod#go-work-file>, and the behaviour of golang.org/x/mod/modfile.

use crate::golang::quoted::Quoted;

/// Why a text is not a go.work file. Lines are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GoWorkError {
    /// Go takes any bytes in a path; here paths are text.
    #[error("line {line}: not UTF-8; write it in UTF-8")]
    NotUtf8 {
        /// The line.
        line: usize,
    },
    /// A character that has no place in the format.
    #[error("line {line}: unexpected character {found}; take it out or put the path in quotes")]
    Character {
        /// The line.
        line: usize,
        /// The character.
        found: Quoted,
    },
    /// A comment in C's form.
    #[error("line {line}: comments are written with //, not with /* */")]
    BlockComment {
        /// The line.
        line: usize,
    },
    /// A quotation that the line does not close.
    #[error("line {line}: a string is not closed; end it with its quotation mark on its line")]
    UnclosedString {
        /// The line.
        line: usize,
    },
    /// Not a string in double quotes as Go writes them, or quotes where none may be.
    #[error("line {line}: {found} is not a path; write it plainly or in double quotes")]
    BadPath {
        /// The line.
        line: usize,
        /// The token.
        found: Quoted,
    },
    /// A block that the file does not close.
    #[error("line {line}: a block begins and is not closed; end it with )")]
    UnclosedBlock {
        /// The line where it begins.
        line: usize,
    },
    /// Something after the end of a block.
    #[error("line {line}: expected the end of the line after )")]
    AfterBlock {
        /// The line.
        line: usize,
    },
    /// A block of what comes in no blocks.
    #[error(
        "line {line}: {found} cannot begin a block; go.work has blocks of use, replace and godebug"
    )]
    Block {
        /// The line.
        line: usize,
        /// What stands before the parenthesis.
        found: Quoted,
    },
    /// Nothing that belongs in a go.work. What it meant could change which modules belong to the
    /// workspace, so it is not passed over.
    #[error(
        "line {line}: unknown directive {found}; go.work has go, toolchain, godebug, use and replace"
    )]
    Directive {
        /// The line.
        line: usize,
        /// The directive.
        found: Quoted,
    },
    /// `use` takes one folder.
    #[error("line {line}: use takes one folder and has {found} arguments; write one on each line")]
    UseArguments {
        /// The line.
        line: usize,
        /// How many there are.
        found: usize,
    },
}

/// The paths of the `use` directives, as they are written, in order. Relative ones are relative
/// to go.work's folder. The arguments of other directives are not looked at.
///
/// # Errors
/// [`GoWorkError`]
pub fn go_work_uses(bytes: &[u8]) -> Result<Vec<String>, GoWorkError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        GoWorkError::NotUtf8 { line }
    })?;
    let mut uses = Vec::new();
    // The block that is open: its directive, and where it began.
    let mut block: Option<(&str, usize)> = None;
    for (line, text) in (1..).zip(text.split('\n')) {
        let tokens = tokens(line, text)?;
        match (tokens.as_slice(), block) {
            ([], _) => {}
            ([")"], Some(_)) => block = None,
            ([")", ..], Some(_)) => return Err(GoWorkError::AfterBlock { line }),
            (arguments, Some((name, _))) => directive(line, name, arguments, &mut uses)?,
            ([header @ .., "("], None) if !header.is_empty() => {
                block = Some((block_name(line, header)?, line));
            }
            ([header @ .., "(", ")"], None) if !header.is_empty() => {
                block_name(line, header)?;
            }
            ([name, arguments @ ..], None) => directive(line, name, arguments, &mut uses)?,
        }
    }
    match block {
        Some((_, line)) => Err(GoWorkError::UnclosedBlock { line }),
        None => Ok(uses),
    }
}

fn block_name<'a>(line: usize, header: &[&'a str]) -> Result<&'a str, GoWorkError> {
    match *header {
        [name @ ("use" | "replace" | "godebug")] => Ok(name),
        _ => Err(GoWorkError::Block {
            line,
            found: Quoted::new(&header.join(" ")),
        }),
    }
}

fn directive(
    line: usize,
    name: &str,
    arguments: &[&str],
    uses: &mut Vec<String>,
) -> Result<(), GoWorkError> {
    match (name, arguments) {
        ("use", [token]) => uses.push(path(line, token)?),
        ("use", _) => {
            return Err(GoWorkError::UseArguments {
                line,
                found: arguments.len(),
            });
        }
        ("go" | "toolchain" | "godebug" | "replace", _) => {}
        _ => {
            return Err(GoWorkError::Directive {
                line,
                found: Quoted::new(name),
            });
        }
    }
    Ok(())
}

/// The tokens of a line without its comment. No token spans lines.
fn tokens(line: usize, text: &str) -> Result<Vec<&str>, GoWorkError> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r']);
        let Some(first) = rest.chars().next() else {
            return Ok(tokens);
        };
        if rest.starts_with("//") {
            return Ok(tokens);
        }
        if rest.starts_with("/*") {
            return Err(GoWorkError::BlockComment { line });
        }
        let length = match first {
            '(' | ')' | '[' | ']' | '{' | '}' | ',' => 1,
            '"' | '`' => string_length(rest, first).ok_or(GoWorkError::UnclosedString { line })?,
            _ => word_length(rest),
        };
        let (token, after) = rest.split_at(length);
        if token.is_empty() {
            let found = Quoted::new(first.encode_utf8(&mut [0; 4]));
            return Err(GoWorkError::Character { line, found });
        }
        tokens.push(token);
        rest = after;
    }
}

/// How far a string goes that begins with `quote`, both quotation marks included.
fn string_length(text: &str, quote: char) -> Option<usize> {
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        if character == quote {
            return Some(at + 1);
        }
        if character == '\\' && quote == '"' {
            characters.next()?;
        }
    }
    None
}

/// How far a plain word goes. A comment ends it, in either form.
fn word_length(text: &str) -> usize {
    let ends = |(at, character): &(usize, char)| {
        matches!(character, '(' | ')' | '[' | ']' | '{' | '}' | ',')
            || character.is_whitespace()
            || character.is_control()
            || text
                .get(*at..)
                .is_some_and(|rest| rest.starts_with("//") || rest.starts_with("/*"))
    };
    text.char_indices()
        .find(ends)
        .map_or(text.len(), |(at, _)| at)
}

/// A path out of its token. Only double quotes are quotes here: Go reads a string in back quotes
/// as a token, and then refuses it as a path.
fn path(line: usize, token: &str) -> Result<String, GoWorkError> {
    let bad = || GoWorkError::BadPath {
        line,
        found: Quoted::new(token),
    };
    match token
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(content) => unescape(content).ok_or_else(bad),
        None if token.contains(['"', '\'', '`']) => Err(bad()),
        None => Ok(token.to_owned()),
    }
}

/// Resolves the escapes of an interpreted string (the Go specification, "Rune literals").
/// `None` for what is no escape, and for bytes that are not UTF-8 in the end.
fn unescape(content: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(content.len());
    let mut rest = content;
    while let Some((before, escape)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let kind = escape.chars().next()?;
        let after = escape.get(kind.len_utf8()..)?;
        rest = match kind {
            'x' => escaped_byte(&mut bytes, after, 2, 16)?,
            '0'..='7' => escaped_byte(&mut bytes, escape, 3, 8)?,
            'u' => escaped_char(&mut bytes, after, 4)?,
            'U' => escaped_char(&mut bytes, after, 8)?,
            _ => {
                bytes.push(match kind {
                    'a' => 0x07,
                    'b' => 0x08,
                    'f' => 0x0c,
                    'n' => b'\n',
                    'r' => b'\r',
                    't' => b'\t',
                    'v' => 0x0b,
                    '\\' => b'\\',
                    '"' => b'"',
                    _ => return None,
                });
                after
            }
        };
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok()
}

fn escaped_byte<'a>(
    bytes: &mut Vec<u8>,
    text: &'a str,
    digits: usize,
    radix: u32,
) -> Option<&'a str> {
    let (number, after) = number(text, digits, radix)?;
    bytes.push(u8::try_from(number).ok()?);
    Some(after)
}

fn escaped_char<'a>(bytes: &mut Vec<u8>, text: &'a str, digits: usize) -> Option<&'a str> {
    let (number, after) = number(text, digits, 16)?;
    bytes.extend_from_slice(char::from_u32(number)?.encode_utf8(&mut [0; 4]).as_bytes());
    Some(after)
}

fn number(text: &str, digits: usize, radix: u32) -> Option<(u32, &str)> {
    let (number, after) = text.split_at_checked(digits)?;
    // from_str_radix would take a sign.
    if !number.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    Some((u32::from_str_radix(number, radix).ok()?, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(text: &str) -> Vec<String> {
        go_work_uses(text.as_bytes()).unwrap()
    }

    fn message(text: &str) -> String {
        go_work_uses(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn uses_come_alone_and_in_blocks() {
        let text = "// a workspace\ngo 1.21\n\ntoolchain go1.22.0\nuse ./a // first\nuse (\n\
            \t./b\r\n\n\t// none\n\t../c//x\n)\nuse (\n)\nuse()\nuse ( ) // none\n\
            replace (\n\tx.example/y => ./z\n)\ngodebug x=y\nuse d";
        assert_eq!(uses(text), ["./a", "./b", "../c", "d"]);
        assert!(uses("").is_empty());
        assert_eq!(uses("use (\n(\n)"), ["("]);
        assert_eq!(uses("use(\n./é\\b\n)//"), ["./é\\b"]);
    }

    #[test]
    fn double_quotes_hold_what_go_strings_hold() {
        assert_eq!(uses(r#"use "./b c//(d)""#), ["./b c//(d)"]);
        assert_eq!(
            uses(r#"use "\x62\040\u00e9\U0001f600\\\"\t""#),
            ["b é😀\\\"\t"]
        );
        assert_eq!(uses(r#"use "\xc3\xa9""#), ["é"]);
        assert_eq!(uses(r#"use """#), [""]);
    }

    #[test]
    fn a_string_that_go_refuses_is_refused() {
        for token in [
            "`./a`",
            "'./a'",
            "a\"b",
            r#""\q""#,
            r#""\'""#,
            r#""\x6""#,
            r#""\400""#,
            r#""\+12""#,
            r#""\u+123""#,
            r#""\ud800""#,
            r#""\U00110000""#,
            r#""\xff""#,
            r#""\é""#,
        ] {
            let expected = format!(
                "line 2: {} is not a path; write it plainly or in double quotes",
                Quoted::new(token)
            );
            assert_eq!(message(&format!("go 1.21\nuse {token}\n")), expected);
        }
        let unclosed = "line 1: a string is not closed; end it with its quotation mark on its line";
        for text in [
            "use \"./a",
            "use \"./a\\\"",
            "use `./a\n`",
            "use \"a\\\n\"",
            "use \"",
        ] {
            assert_eq!(message(text), unclosed, "{text}");
        }
    }

    #[test]
    fn use_takes_one_folder() {
        for (text, found) in [
            ("use", 0),
            ("use a b", 2),
            ("use [a]", 3),
            ("use \"a\"b", 2),
        ] {
            let expected = format!(
                "line 1: use takes one folder and has {found} arguments; write one on each line"
            );
            assert_eq!(message(text), expected);
        }
        assert!(message("use (./a\n)").starts_with("line 1: use takes one folder"));
        assert!(message("use (\nuse ./a\n)").starts_with("line 2: use takes one folder"));
        assert!(message("use () x").starts_with("line 1: use takes one folder"));
    }

    #[test]
    fn an_unknown_directive_is_not_passed_over() {
        let tail = "go.work has go, toolchain, godebug, use and replace";
        for name in ["require", "\"use\"", "(", ")", "\u{feff}use"] {
            let text = format!("{name} ./a");
            let found = Quoted::new(name);
            let expected = format!("line 1: unknown directive {found}; {tail}");
            assert_eq!(message(&text), expected);
        }
        assert_eq!(
            message("(\n)"),
            format!("line 1: unknown directive \"(\"; {tail}")
        );
    }

    #[test]
    fn blocks_are_closed_and_of_a_known_kind() {
        let tail = "cannot begin a block; go.work has blocks of use, replace and godebug";
        assert_eq!(message("go (\n1.21\n)"), format!("line 1: \"go\" {tail}"));
        assert_eq!(message("use x ()"), format!("line 1: \"use x\" {tail}"));
        let unclosed = "line 2: a block begins and is not closed; end it with )";
        assert_eq!(message("\nuse (\n./a"), unclosed);
        let after = "line 3: expected the end of the line after )";
        assert_eq!(message("use (\n./a\n) x"), after);
    }

    #[test]
    fn characters_without_a_place_are_refused() {
        let expected = "line 1: unexpected character \"\\u{c}\"; \
            take it out or put the path in quotes";
        assert_eq!(message("use ./a\u{c}"), expected);
        assert!(message("use \u{a0}a").contains("unexpected character"));
        assert!(message("use \0").contains("unexpected character"));
        let comment = "line 1: comments are written with //, not with /* */";
        assert_eq!(message("use ./a /* x */"), comment);
        assert_eq!(message("use ./a/* x */"), comment);
        let error = go_work_uses(b"use a\nuse \xff").unwrap_err().to_string();
        assert_eq!(error, "line 2: not UTF-8; write it in UTF-8");
    }
}
