//! Who asks.

/// Who sent a request, as far as the gate knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The name of its token; for whoever has none, its address.
    pub name: String,
    /// Whether it showed a token that the gate knows.
    pub authenticated: bool,
    /// Whether it came by an address at which only this machine can ask.
    pub loopback: bool,
}

impl Client {
    /// The gate itself: what it fetches before it is asked.
    #[must_use]
    pub fn gate() -> Self {
        Self {
            name: "gate".to_owned(),
            authenticated: true,
            loopback: true,
        }
    }

    /// Whether private modules may be given to it.
    #[must_use]
    pub const fn is_trusted(&self) -> bool {
        self.authenticated || self.loopback
    }
}
