//! Chance, the same in every run.

/// SplitMix64 (Steele, Lea, Flood 2014): a few lines, and random enough to choose test input.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to and without `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }

    /// A number of up to so many bits, short ones as often as long ones.
    pub(crate) fn up_to_bits(&mut self, bits: u32) -> u64 {
        match self.below(bits as usize + 1) {
            0 => 0,
            length => self.number() >> (64 - length),
        }
    }

    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        [(); N].map(|()| self.number() as u8)
    }

    /// The text with one to three small damages; `pieces` are what is put in.
    pub(crate) fn damage(&mut self, text: &str, pieces: &[&str]) -> String {
        let mut chars: Vec<char> = text.chars().collect();
        for _ in 0..=self.below(3) {
            let at = self.below(chars.len() + 1);
            let end = (at + 1 + self.below(3)).min(chars.len());
            let piece = self.pick(pieces).chars();
            match self.below(8) {
                0 => drop(chars.drain(at..end)),
                1 | 2 => drop(chars.splice(at..at, piece)),
                3 | 4 => drop(chars.splice(at..end, piece)),
                5 => chars.extend_from_within(at..),
                6 if at + 1 < chars.len() => chars.swap(at, at + 1),
                7 if at < chars.len() => {
                    chars[at] = if chars[at].is_ascii_uppercase() {
                        chars[at].to_ascii_lowercase()
                    } else {
                        chars[at].to_ascii_uppercase()
                    };
                }
                _ => chars.truncate(at),
            }
        }
        chars.into_iter().collect()
    }

    /// The same for bytes; a third of the damages are single bits.
    pub(crate) fn damage_bytes(&mut self, bytes: &[u8], pieces: &[&str]) -> Vec<u8> {
        if let Ok(text) = std::str::from_utf8(bytes)
            && !self.one_in(3)
        {
            return self.damage(text, pieces).into_bytes();
        }
        let mut bytes = bytes.to_vec();
        if !bytes.is_empty() {
            let at = self.below(bytes.len());
            bytes[at] ^= 1 << self.below(8);
        }
        bytes
    }
}
