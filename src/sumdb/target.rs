//! What is asked of a checksum database: the paths below its URL.
//!
//! Source: the design of the checksum database, "Checksum Database"; C2SP tlog-tiles for tiles.

use crate::golang::module::ModuleVersion;
use crate::tlog::tile::Tile;

/// What is asked of a checksum database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SumdbTarget {
    /// `supported`
    Supported,
    /// `latest`
    Latest,
    /// `lookup/MODULE@VERSION`
    Lookup(ModuleVersion),
    /// `tile/…`
    Tile(Tile),
}

impl SumdbTarget {
    /// Reads a path below the database's URL, decoded, without its first `/`.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        match path {
            "supported" => Some(Self::Supported),
            "latest" => Some(Self::Latest),
            _ => match path.strip_prefix("lookup/") {
                Some(module) => ModuleVersion::unescape(module).ok().map(Self::Lookup),
                None => Tile::parse_path(path).ok().map(Self::Tile),
            },
        }
    }

    /// Reads a path below `/sumdb/` of a module proxy: the database's name, and what is asked of it.
    #[must_use]
    pub fn parse_proxied(path: &str) -> Option<(&str, Self)> {
        for end in ["/supported", "/latest"] {
            if let Some(name) = path.strip_suffix(end) {
                return Some((name, Self::parse(end.trim_start_matches('/'))?));
            }
        }
        let (name, _) = path
            .split_once("/lookup/")
            .or_else(|| path.split_once("/tile/"))?;
        let rest = path.get(name.len()..)?.strip_prefix('/')?;
        Some((name, Self::parse(rest)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_asked_directly_and_through_a_proxy() {
        for path in [
            "supported",
            "latest",
            "lookup/example.com/!m@v1.0.0",
            "tile/8/0/000.p/5",
            "tile/8/data/x001/234",
        ] {
            let target = SumdbTarget::parse(path).unwrap();
            for name in ["sum.golang.org", "log.example/sums"] {
                let proxied = format!("{name}/{path}");
                let proxied = SumdbTarget::parse_proxied(&proxied);
                assert_eq!(proxied, Some((name, target.clone())));
            }
        }
        for path in ["", "lookup/", "lookup/x", "tile/8/0", "else", "latest/x"] {
            assert_eq!(SumdbTarget::parse(path), None, "{path}");
            assert_eq!(SumdbTarget::parse_proxied(path), None, "{path}");
        }
    }
}
