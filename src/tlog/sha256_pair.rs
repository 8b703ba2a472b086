//! The block function of SHA-256 on two messages at once.
//!
//! The instructions for it (SHA-NI) take four cycles and can begin every second one, so that one
//! message leaves the processor idle half of the time and two do not: half as many again in the same
//! time (benches/tlog.rs). Where they are missing, one message follows the other.
//!
//! This is the one module with `unsafe` code: a single call, of a function that may only run where the
//! instructions are there, behind the question whether they are. The function itself is safe code.

use sha2::block_api::compress256;

/// Bytes of a block (FIPS 180-4 section 5.2.1).
pub(super) const BLOCK_BYTES: usize = 64;

pub(super) type Block = [u8; BLOCK_BYTES];
pub(super) type State = [u32; 8];

/// Compresses blocks of two messages into their states. As far as there are pairs, both at once.
pub(super) fn compress_pair(states: &mut [State; 2], blocks: [&[Block]; 2]) {
    let [first, second] = blocks;
    let pairs = first.len().min(second.len());
    let (Some((first, first_rest)), Some((second, second_rest))) = (
        first.split_at_checked(pairs),
        second.split_at_checked(pairs),
    ) else {
        return;
    };
    compress_equal(states, [first, second]);
    let [of_first, of_second] = states;
    compress256(of_first, first_rest);
    compress256(of_second, second_rest);
}

/// Both messages have as many blocks.
fn compress_equal(states: &mut [State; 2], blocks: [&[Block]; 2]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("sha")
        && std::arch::is_x86_feature_detected!("ssse3")
        && std::arch::is_x86_feature_detected!("sse4.1")
    {
        // SAFETY: the features that the function is compiled with were found on this processor.
        #[allow(unsafe_code)]
        unsafe {
            x86::compress(states, blocks);
        }
        return;
    }
    for (state, blocks) in states.iter_mut().zip(blocks) {
        compress256(state, blocks);
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_set_epi8, _mm_set_epi32,
        _mm_set_epi64x, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32,
        _mm_shuffle_epi8, _mm_shuffle_epi32,
    };

    use super::{Block, State};

    /// FIPS 180-4 section 4.2.2, four to a row.
    const ROUND_CONSTANTS: [[u32; 4]; 16] = [
        [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
        [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
        [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
        [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
        [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
        [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
        [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
        [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
        [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
        [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
        [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
        [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
        [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
        [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
        [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
        [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
    ];

    /// The instructions have the words of the state in this order: a, b, e, f and c, d, g, h, the first
    /// in the highest lane.
    #[derive(Clone, Copy)]
    struct Lanes {
        abef: __m128i,
        cdgh: __m128i,
    }

    /// Sixteen words of the message schedule, four to a lane set, the first in the lowest lane.
    type Words = [__m128i; 4];

    #[target_feature(enable = "sha,ssse3,sse4.1")]
    pub(super) fn compress(states: &mut [State; 2], blocks: [&[Block]; 2]) {
        let [first, second] = states;
        let (mut one, mut other) = (lanes(first), lanes(second));
        let [of_first, of_second] = blocks;
        for (block, other_block) in of_first.iter().zip(of_second) {
            let (before, other_before) = (one, other);
            let (mut words, mut other_words) = (words_of(block), words_of(other_block));
            let (last_rounds, scheduled) = (4, 12);
            for constants in ROUND_CONSTANTS.iter().take(scheduled) {
                let constants = row(constants);
                four_rounds(&mut one, words[0], constants);
                four_rounds(&mut other, other_words[0], constants);
                schedule(&mut words);
                schedule(&mut other_words);
            }
            let rest = ROUND_CONSTANTS.iter().skip(scheduled).take(last_rounds);
            for (constants, (word, other_word)) in rest.zip(words.iter().zip(&other_words)) {
                let constants = row(constants);
                four_rounds(&mut one, *word, constants);
                four_rounds(&mut other, *other_word, constants);
            }
            one = sum(one, before);
            other = sum(other, other_before);
        }
        *first = state(one);
        *second = state(other);
    }

    #[target_feature(enable = "sha,ssse3,sse4.1")]
    #[inline]
    fn four_rounds(lanes: &mut Lanes, words: __m128i, constants: __m128i) {
        let words = _mm_add_epi32(words, constants);
        lanes.cdgh = _mm_sha256rnds2_epu32(lanes.cdgh, lanes.abef, words);
        let words = _mm_shuffle_epi32::<0b00_00_11_10>(words);
        lanes.abef = _mm_sha256rnds2_epu32(lanes.abef, lanes.cdgh, words);
    }

    /// Takes the oldest four words away and adds the next four (FIPS 180-4 section 6.2.2, step 1).
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    #[inline]
    fn schedule(words: &mut Words) {
        let [w0, w1, w2, w3] = *words;
        let seven_back = _mm_alignr_epi8::<4>(w3, w2);
        let next = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), seven_back);
        *words = [w1, w2, w3, _mm_sha256msg2_epu32(next, w3)];
    }

    #[target_feature(enable = "sha,ssse3,sse4.1")]
    #[inline]
    fn sum(one: Lanes, other: Lanes) -> Lanes {
        Lanes {
            abef: _mm_add_epi32(one.abef, other.abef),
            cdgh: _mm_add_epi32(one.cdgh, other.cdgh),
        }
    }

    /// The bytes of a block as words, the most significant byte first.
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    #[inline]
    fn words_of(block: &Block) -> Words {
        let turned = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
        let mut words = [turned; 4];
        let (quarters, _) = block.as_chunks::<16>();
        for (words, quarter) in words.iter_mut().zip(quarters) {
            let [low, high] = [0, 8].map(|at| {
                let bytes = quarter.get(at..).and_then(<[u8]>::first_chunk);
                i64::from_le_bytes(bytes.copied().unwrap_or_default())
            });
            *words = _mm_shuffle_epi8(_mm_set_epi64x(high, low), turned);
        }
        words
    }

    #[target_feature(enable = "sha,ssse3,sse4.1")]
    #[inline]
    fn row(words: &[u32; 4]) -> __m128i {
        let [a, b, c, d] = words.map(u32::cast_signed);
        _mm_set_epi32(d, c, b, a)
    }

    #[target_feature(enable = "sha,ssse3,sse4.1")]
    #[inline]
    fn lanes(state: &State) -> Lanes {
        let [a, b, c, d, e, f, g, h] = state.map(u32::cast_signed);
        Lanes {
            abef: _mm_set_epi32(a, b, e, f),
            cdgh: _mm_set_epi32(c, d, g, h),
        }
    }

    #[target_feature(enable = "sha,ssse3,sse4.1")]
    #[inline]
    fn state(lanes: Lanes) -> State {
        let Lanes { abef, cdgh } = lanes;
        [
            _mm_extract_epi32::<3>(abef),
            _mm_extract_epi32::<2>(abef),
            _mm_extract_epi32::<3>(cdgh),
            _mm_extract_epi32::<2>(cdgh),
            _mm_extract_epi32::<1>(abef),
            _mm_extract_epi32::<0>(abef),
            _mm_extract_epi32::<1>(cdgh),
            _mm_extract_epi32::<0>(cdgh),
        ]
        .map(i32::cast_unsigned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_at_once_are_each_as_alone() {
        let block = |number: usize| -> Block {
            std::array::from_fn(|at| u8::try_from((at * 7 + number * 31) % 251).unwrap_or(0))
        };
        let blocks: Vec<Block> = (0..9).map(block).collect();
        for first in 0..blocks.len() {
            for second in 0..blocks.len() {
                let of_first = &blocks[..first];
                let of_second = &blocks[9 - second..];
                let begin: [State; 2] = [[0x6a09_e667; 8], [0x5be0_cd19, 1, 2, 3, 4, 5, 6, 7]];
                let mut pair = begin;
                compress_pair(&mut pair, [of_first, of_second]);
                let mut alone = begin;
                compress256(&mut alone[0], of_first);
                compress256(&mut alone[1], of_second);
                assert_eq!(pair, alone, "{first} and {second} blocks");
            }
        }
    }
}
