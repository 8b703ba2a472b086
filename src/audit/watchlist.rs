//! Records that somebody wants to be told of.

use std::collections::HashMap;

use crate::golang::pattern::PatternList;
use crate::io::store::{Watched, WatchedRecord};

/// A hash that somebody has written down for a file of a module version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownHash {
    /// `h1:` and base64.
    pub hash: String,
    /// Where it stands.
    pub place: String,
}

/// What to look for in records that nobody has looked at.
///
/// What is found is told of, and proves nothing by itself: the record is authentic, and what it
/// contradicts is somebody's file.
#[derive(Debug, Clone, Default)]
pub struct Watchlist {
    modules: PatternList,
    /// By path and version, the latter with `/go.mod` for that file.
    hashes: HashMap<(String, String), Vec<KnownHash>>,
}

impl Watchlist {
    /// Looks for modules whose path matches, and for records that contradict these hashes: by module
    /// path and version as a go.sum has them, the version of a go.mod with `/go.mod`.
    #[must_use]
    pub fn new(
        modules: PatternList,
        hashes: impl IntoIterator<Item = ((String, String), KnownHash)>,
    ) -> Self {
        let mut by_file: HashMap<_, Vec<KnownHash>> = HashMap::new();
        for (file, known) in hashes {
            by_file.entry(file).or_default().push(known);
        }
        Self {
            modules,
            hashes: by_file,
        }
    }

    /// Whether nothing is looked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.modules.is_empty() && self.hashes.is_empty()
    }

    /// Looks at a record of this module version.
    pub fn look(
        &self,
        path: &str,
        version: &str,
        record_index: u64,
        text: &str,
        found: &mut Vec<WatchedRecord>,
    ) {
        let mut note = |why, because: String| {
            found.push(WatchedRecord {
                record_index,
                module: path.to_owned(),
                version: version.to_owned(),
                why,
                because,
                text: text.to_owned(),
            });
        };
        if !self.modules.is_empty() && self.modules.matches(path) {
            let of_one = |pattern: &&str| PatternList::parse(pattern).matches(path);
            let pattern = self.modules.patterns().find(of_one).unwrap_or_default();
            note(Watched::Module, pattern.to_owned());
        }
        if self.hashes.is_empty() {
            return;
        }
        for file in [version.to_owned(), format!("{version}/go.mod")] {
            let Some(known) = self.hashes.get(&(path.to_owned(), file.clone())) else {
                continue;
            };
            let hash = text.lines().find_map(|line| {
                let mut fields = line.split_ascii_whitespace();
                let is_of_file = fields.next() == Some(path) && fields.next() == Some(&file);
                fields.next().filter(|_| is_of_file)
            });
            let other = |known: &&KnownHash| hash.is_some_and(|hash| hash != known.hash);
            if let Some(known) = known.iter().find(other) {
                note(Watched::GoSum, known.place.clone());
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "example.com/m v1.0.0 h1:AAAA=\nexample.com/m v1.0.0/go.mod h1:BBBB=\n";

    fn found(watchlist: &Watchlist) -> Vec<(Watched, String)> {
        let mut found = Vec::new();
        watchlist.look("example.com/m", "v1.0.0", 7, TEXT, &mut found);
        let found = found.into_iter();
        found.map(|record| (record.why, record.because)).collect()
    }

    fn line(version: &str, hash: &str) -> ((String, String), KnownHash) {
        let key = ("example.com/m".to_owned(), version.to_owned());
        let (hash, place) = (hash.to_owned(), "go.sum:1:1".to_owned());
        (key, KnownHash { hash, place })
    }

    #[test]
    fn the_pattern_that_matches_is_named() {
        let patterns = PatternList::parse("example.org,example.com/[a-z],example.com");
        let watchlist = Watchlist::new(patterns, []);
        let expected = (Watched::Module, "example.com/[a-z]".to_owned());
        assert_eq!(found(&watchlist), [expected]);
    }

    #[test]
    fn another_hash_than_in_a_go_sum_is_found_and_the_same_is_not() {
        let none = PatternList::default();
        for (version, hash, is_found) in [
            ("v1.0.0", "h1:AAAA=", false),
            ("v1.0.0", "h1:CCCC=", true),
            ("v1.0.0/go.mod", "h1:BBBB=", false),
            ("v1.0.0/go.mod", "h1:AAAA=", true),
            ("v1.0.1", "h1:CCCC=", false),
        ] {
            let watchlist = Watchlist::new(none.clone(), [line(version, hash)]);
            let found = !found(&watchlist).is_empty();
            assert_eq!(found, is_found, "{version} {hash}");
        }
    }
}
