//! Fuzz input as text and as numbers, and what must hold for every message made of it.

use std::fmt::Display;

use sumcheck::tlog::hash::Hash;

/// Takes numbers off the front of the input. Where it has ended they are zero, so that every
/// input means something.
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let (taken, rest) = self.0.split_at(N.min(self.0.len()));
        array[..taken.len()].copy_from_slice(taken);
        self.0 = rest;
        array
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.byte() & 1 == 0
    }

    pub(crate) fn number(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    /// Below `end`, which is 2^16 at most.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::from(u16::from_le_bytes(self.array())) % end
    }

    pub(crate) fn hash(&mut self) -> Hash {
        Hash::from_bytes(self.array())
    }
}

/// The input as text; `None` where it is not UTF-8.
pub(crate) fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// What a parser gave, once its refusal has been seen to be fit for a terminal.
pub(crate) fn ok<T, E: Display>(result: Result<T, E>) -> Option<T> {
    /// The longest texts are quoted, and the messages around them are sentences.
    const MAX_MESSAGE_CHARS: usize = 2_000;
    let error = match result {
        Ok(value) => return Some(value),
        Err(error) => error.to_string(),
    };
    assert!(!error.is_empty(), "a refusal without a reason");
    assert!(error.chars().count() < MAX_MESSAGE_CHARS, "{error:?}");
    assert!(!error.contains(acts_on_terminals), "{error:?}");
    None
}

/// Control characters, line ends, and what turns the direction of writing.
fn acts_on_terminals(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{61c}'
        )
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
