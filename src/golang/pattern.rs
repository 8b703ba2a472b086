//! Lists of module path patterns: GOPRIVATE, GONOSUMDB, GONOPROXY, GOINSECURE.

/// A list of glob patterns, each for the first elements of a module path.
///
/// Matches exactly as golang.org/x/mod/module's `MatchPrefixPatterns`: comma-separated patterns of
/// Go's `path.Match`, of which one that is empty or malformed matches nothing. White space is part
/// of a pattern.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct PatternList {
    patterns: Vec<Pattern>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    text: Box<str>,
    slashes: usize,
}

impl PatternList {
    /// The first pattern that is malformed, and so matches nothing.
    #[must_use]
    pub fn first_malformed(&self) -> Option<&str> {
        self.patterns()
            .find(|pattern| check_syntax(pattern.as_bytes()).is_err())
    }

    /// Reads a list. Every text is one, as for Go.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let patterns = text
            .split(',')
            // Go drops one slash, and no more, from the end of a pattern.
            .map(|pattern| pattern.strip_suffix('/').unwrap_or(pattern))
            .filter(|pattern| !pattern.is_empty())
            .map(|pattern| Pattern {
                text: pattern.into(),
                slashes: pattern.matches('/').count(),
            })
            .collect();
        Self { patterns }
    }

    /// Whether one of the patterns matches the first elements of a module path.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(path))
    }

    /// Whether there is no pattern at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The patterns that are not empty, without the slash at their end, in the order given.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().map(|pattern| &*pattern.text)
    }
}

impl Pattern {
    /// A pattern with n slashes stands for the first n + 1 elements of a path.
    fn matches(&self, path: &str) -> bool {
        let mut slashes = path.match_indices('/').map(|(at, _)| at);
        let prefix = match slashes.nth(self.slashes) {
            Some(end) => path.get(..end).unwrap_or(path),
            None if path.matches('/').count() == self.slashes => path,
            None => return false,
        };
        glob(self.text.as_bytes(), prefix.as_bytes()) == Ok(true)
    }
}

/// The pattern is malformed: Go's `path.ErrBadPattern`.
#[derive(Debug, PartialEq, Eq)]
struct BadPattern;

/// Whether a pattern matches all of a name, as Go's `path.Match`: `*` and `?` stand for anything
/// but `/`, `[a-z]` and `[^a-z]` for one character, and `\` takes the next one as it is.
///
/// It works on bytes because Go's does, and a `*` may stop within a character. The first place
/// where the segment after a `*` fits is taken for good, so that the time is bounded by the
/// product of both lengths.
fn glob(pattern: &[u8], name: &[u8]) -> Result<bool, BadPattern> {
    let (mut pattern, mut name) = (pattern, name);
    while !pattern.is_empty() {
        let segment = Segment::first_of(pattern);
        if segment.after_star && segment.text.is_empty() {
            return Ok(!name.contains(&b'/'));
        }
        pattern = segment.rest;
        match segment.find_in(name)? {
            Some(rest) => name = rest,
            None => return check_syntax(pattern).map(|()| false),
        }
    }
    Ok(name.is_empty())
}

/// A malformed pattern is an error even where the name did not match what comes before.
fn check_syntax(pattern: &[u8]) -> Result<(), BadPattern> {
    let mut pattern = pattern;
    while !pattern.is_empty() {
        let segment = Segment::first_of(pattern);
        match_here(segment.text, b"")?;
        pattern = segment.rest;
    }
    Ok(())
}

/// A part of a pattern without `*`, and whether one stands before it.
struct Segment<'a> {
    after_star: bool,
    text: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Segment<'a> {
    fn first_of(pattern: &'a [u8]) -> Self {
        let stars = pattern.iter().take_while(|b| **b == b'*').count();
        let pattern = pattern.get(stars..).unwrap_or_default();
        let (text, rest) = pattern.split_at(end_of_segment(pattern));
        Self {
            after_star: stars > 0,
            text,
            rest,
        }
    }

    /// What follows the segment in a name, if it is there: at the start, or, after a `*`, at the
    /// first place before the next slash. The last segment has to end where the name ends.
    fn find_in<'n>(&self, name: &'n [u8]) -> Result<Option<&'n [u8]>, BadPattern> {
        let mut here = name;
        loop {
            if let Some(after) = match_here(self.text, here)?
                && (after.is_empty() || !self.rest.is_empty())
            {
                return Ok(Some(after));
            }
            match here.split_first() {
                Some((first, next)) if self.after_star && *first != b'/' => here = next,
                _ => return Ok(None),
            }
        }
    }
}

/// The place of the next `*` that is neither escaped nor within brackets.
fn end_of_segment(pattern: &[u8]) -> usize {
    let mut in_brackets = false;
    let mut escaped = false;
    let ends = |b: &u8| {
        if escaped {
            escaped = false;
            return false;
        }
        match b {
            b'\\' => escaped = true,
            b'[' => in_brackets = true,
            b']' => in_brackets = false,
            b'*' => return !in_brackets,
            _ => {}
        }
        false
    };
    pattern.iter().position(ends).unwrap_or(pattern.len())
}

/// What follows a segment in a name that begins with it. A segment that does not match is read to
/// its end all the same, in search of errors.
fn match_here<'n>(segment: &[u8], name: &'n [u8]) -> Result<Option<&'n [u8]>, BadPattern> {
    let mut segment = segment;
    let mut name = Some(name);
    while let Some((first, mut rest)) = segment.split_first() {
        match first {
            b'[' => {
                let class = Class::parse(rest)?;
                rest = class.rest;
                name = name.and_then(|name| {
                    let (found, after) = first_char(name)?;
                    class.contains(found).then_some(after)
                });
            }
            b'?' => {
                name = name.and_then(|name| match first_char(name)? {
                    ('/', _) => None,
                    (_, after) => Some(after),
                });
            }
            b'\\' => {
                let (literal, after_literal) = rest.split_first().ok_or(BadPattern)?;
                rest = after_literal;
                name = name.and_then(|name| name.strip_prefix(&[*literal]));
            }
            literal => name = name.and_then(|name| name.strip_prefix(&[*literal])),
        }
        segment = rest;
    }
    Ok(name)
}

/// A character class: `a-z]` or `^abc]`, its opening bracket already read.
struct Class<'a> {
    negated: bool,
    ranges: Vec<(char, char)>,
    rest: &'a [u8],
}

impl<'a> Class<'a> {
    fn parse(text: &'a [u8]) -> Result<Self, BadPattern> {
        let (negated, mut text) = match text.strip_prefix(b"^") {
            Some(after) => (true, after),
            None => (false, text),
        };
        let mut ranges = Vec::new();
        loop {
            if !ranges.is_empty()
                && let Some(rest) = text.strip_prefix(b"]")
            {
                return Ok(Self {
                    negated,
                    ranges,
                    rest,
                });
            }
            let (low, after_low) = class_char(text)?;
            let (high, after_high) = match after_low.strip_prefix(b"-") {
                Some(after_dash) => class_char(after_dash)?,
                None => (low, after_low),
            };
            ranges.push((low, high));
            text = after_high;
        }
    }

    fn contains(&self, c: char) -> bool {
        let listed = self
            .ranges
            .iter()
            .any(|(low, high)| (*low..=*high).contains(&c));
        listed != self.negated
    }
}

/// One end of a range, after which the class still has to go on.
fn class_char(text: &[u8]) -> Result<(char, &[u8]), BadPattern> {
    let text = match text.split_first() {
        None | Some((b'-' | b']', _)) => return Err(BadPattern),
        Some((b'\\', escaped)) => escaped,
        Some(_) => text,
    };
    match first_char(text) {
        Some((c, rest)) if !rest.is_empty() => Ok((c, rest)),
        _ => Err(BadPattern),
    }
}

/// The first character, for which a byte in the midst of one counts as U+FFFD, as in Go.
fn first_char(text: &[u8]) -> Option<(char, &[u8])> {
    const LONGEST_UTF8: usize = 4;
    let start = text.get(..LONGEST_UTF8).unwrap_or(text);
    let first_chunk = start.utf8_chunks().next()?;
    match first_chunk.valid().chars().next() {
        Some(c) => Some((c, text.get(c.len_utf8()..).unwrap_or_default())),
        None => Some((
            char::REPLACEMENT_CHARACTER,
            text.get(1..).unwrap_or_default(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(patterns: &str, path: &str) -> bool {
        PatternList::parse(patterns).matches(path)
    }

    fn path_match(pattern: &str, name: &str) -> Result<bool, BadPattern> {
        glob(pattern.as_bytes(), name.as_bytes())
    }

    #[test]
    fn a_pattern_covers_every_module_below_it() {
        assert!(matches("example.com", "example.com"));
        assert!(matches("example.com", "example.com/a/b"));
        assert!(matches(
            "*.corp.example.com,x.y/*",
            "git.corp.example.com/a"
        ));
        assert!(matches("x.y/a*/b", "x.y/abc/b/c"));
        assert!(matches("*", "anything.com/at/all"));
        assert!(matches(",,a.b/,,", "a.b/c"));
    }

    #[test]
    fn a_pattern_covers_nothing_beside_it() {
        assert!(!matches("example.com/a", "example.com"));
        assert!(!matches("example.com/a", "example.com/ab"));
        assert!(!matches("*.example.com", "example.com"));
        assert!(!matches("example.com", "sub.example.com"));
        assert!(!matches("Example.com", "example.com"));
        assert!(!matches("a.b//", "a.b/c"));
        assert!(!matches(" a.b", "a.b"));
        assert!(!matches("", "a.b"));
        assert!(!matches("/", "a.b"));
        assert!(!matches("none", "a.b"));
    }

    #[test]
    fn a_malformed_pattern_matches_nothing_and_spares_the_others() {
        assert!(!matches("a.b/[", "a.b/["));
        assert!(!matches("a.[", "a.b"));
        assert!(matches("a.[,a.b", "a.b"));
    }

    #[test]
    fn a_malformed_pattern_can_be_told() {
        assert_eq!(PatternList::parse("a.b,*.c,[a-z]").first_malformed(), None);
        for malformed in ["a.b/[evil", "[", "a\\", "*/[]"] {
            let list = PatternList::parse(&format!("a.b,{malformed}"));
            assert_eq!(list.first_malformed(), Some(malformed));
        }
    }

    #[test]
    fn the_list_shows_what_it_kept() {
        let list = PatternList::parse(",a.b/,*.c,,/");
        assert_eq!(list.patterns().collect::<Vec<_>>(), ["a.b", "*.c"]);
        assert!(!list.is_empty());
        assert!(PatternList::parse(",/,").is_empty());
    }

    /// Each expectation is the answer of Go 1.26's `path.Match`.
    #[test]
    fn globs_match_as_in_go() {
        for (pattern, name, expected) in [
            ("abc", "abc", Ok(true)),
            ("*c", "abc", Ok(true)),
            ("a*/b", "a/c/b", Ok(false)),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/f", Ok(true)),
            ("a*b?c*x", "abxbbxdbxebxczzx", Ok(true)),
            ("a*b?c*x", "abxbbxdbxebxczzy", Ok(false)),
            ("ab[c]", "abc", Ok(true)),
            ("ab[e-g]", "abc", Ok(false)),
            ("ab[^c]", "abc", Ok(false)),
            ("ab[^e-g]", "abc", Ok(true)),
            ("a\\*b", "a*b", Ok(true)),
            ("a\\*b", "axb", Ok(false)),
            ("a?b", "a☺b", Ok(true)),
            ("a[^a]b", "a☺b", Ok(true)),
            ("a???b", "a☺b", Ok(false)),
            ("a[^a][^a][^a]b", "a☺b", Ok(false)),
            ("[a-ζ]*", "α", Ok(true)),
            ("*[a-ζ]", "A", Ok(false)),
            ("a?b", "a/b", Ok(false)),
            ("a*b", "a/b", Ok(false)),
            ("a[.-0]b", "a/b", Ok(true)),
            ("[\\]a]", "]", Ok(true)),
            ("[\\-]", "-", Ok(true)),
            ("[x\\-]", "z", Ok(false)),
            ("*x", "xxx", Ok(true)),
            ("[*]", "*", Ok(true)),
            ("", "", Ok(true)),
            ("", "a", Ok(false)),
            ("*[\u{fffd}]", "é", Ok(true)),
        ] {
            assert_eq!(path_match(pattern, name), expected, "{pattern} {name}");
        }
    }

    /// Each pattern is `path.ErrBadPattern` to Go 1.26, also where the name differs before it.
    #[test]
    fn malformed_globs_are_errors_as_in_go() {
        for (pattern, name) in [
            ("[]a]", "]"),
            ("[-]", "-"),
            ("[x-]", "x"),
            ("[-x]", "x"),
            ("[a-b-c]", "a"),
            ("[", "a"),
            ("[^", "a"),
            ("[^bc", "a"),
            ("a[", "a"),
            ("a[", "ab"),
            ("a[", "x"),
            ("a/b[", "x"),
            ("*x\\", "y"),
            ("\\", "a"),
            ("[\\", "a"),
            ("[a", ""),
        ] {
            assert_eq!(
                path_match(pattern, name),
                Err(BadPattern),
                "{pattern} {name}"
            );
        }
    }
}
