//! Where a tile lies: `/tile/H/L/N[.p/W]` (go.dev/design/25530-sumdb, C2SP tlog-tiles).

/// The coordinates in a tile's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TilePath {
    pub height: u32,
    /// None for a data tile.
    pub level: Option<u32>,
    pub index: u64,
    /// Hashes or records in it: `1 << height` for a full tile.
    pub width: u64,
}

/// Higher tiles would not fit a reply; x/mod has the same bound.
const MAX_HEIGHT: u32 = 30;

impl TilePath {
    /// Reads a canonical path; all else is no tile.
    pub fn parse(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix("/tile/")?.split('/');
        let height: u32 = parts.next()?.parse().ok()?;
        if !(1..=MAX_HEIGHT).contains(&height) {
            return None;
        }
        let level = match parts.next()? {
            "data" => None,
            level => Some(level.parse().ok()?),
        };
        let (mut index, mut width) = (0_u64, 1 << height);
        while let Some(part) = parts.next() {
            let (digits, partial) = match part.strip_suffix(".p") {
                Some(digits) => (digits, true),
                None => (part, false),
            };
            let digits: u64 = digits.trim_start_matches('x').parse().ok()?;
            index = index.checked_mul(1000)?.checked_add(digits)?;
            if partial {
                width = parts.next()?.parse().ok()?;
                break;
            }
        }
        let tile = Self {
            height,
            level,
            index,
            width,
        };
        (tile.to_string() == path).then_some(tile)
    }

    pub fn is_partial(&self) -> bool {
        self.width < 1 << self.height
    }

    /// The full tile at the same place.
    pub fn full(self) -> Self {
        Self {
            width: 1 << self.height,
            ..self
        }
    }
}

impl std::fmt::Display for TilePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "/tile/{}/", self.height)?;
        match self.level {
            None => f.write_str("data")?,
            Some(level) => write!(f, "{level}")?,
        }
        let mut index = format!("{:03}", self.index % 1000);
        let mut rest = self.index / 1000;
        while rest > 0 {
            index = format!("x{:03}/{index}", rest % 1000);
            rest /= 1000;
        }
        write!(f, "/{index}")?;
        if self.is_partial() {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}
