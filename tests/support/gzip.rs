//! Gzip bombs, by hand (RFC 1951 and 1952): no compressor is needed for zeros.

/// The longest match that deflate can copy, in bytes.
const LONGEST_MATCH: u64 = 258;

/// A gzip file of so many zero bytes (at least one), some 158 times smaller than they are. Its
/// checksum and length are right: only a limit stops it.
pub fn zeros(unpacked_bytes: u64) -> Vec<u8> {
    assert!(unpacked_bytes > 0);
    let matches = (unpacked_bytes - 1) / LONGEST_MATCH;
    let literals = (unpacked_bytes - 1) % LONGEST_MATCH;

    // Magic number, deflate, no flags, no time, no extra flags, unknown system.
    let mut bits = Bits {
        bytes: vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255],
        ..Bits::default()
    };
    bits.put(0b011, 3); // the last block, with fixed Huffman codes
    bits.put_code(0b0011_0000, 8); // the byte 0
    for _ in 0..matches {
        // Length 258 (code 285), distance 1 (code 0).
        bits.put_code(0b1_1000_1010_0000, 13);
    }
    for _ in 0..literals {
        bits.put_code(0b0011_0000, 8);
    }
    bits.put_code(0, 7); // end of block
    let mut file = bits.finish();
    file.extend(crc32_of_zeros(unpacked_bytes).to_le_bytes());
    file.extend((unpacked_bytes % (1 << 32)).to_le_bytes().iter().take(4));
    file
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    pending: u64,
    count: u32,
}

impl Bits {
    fn put(&mut self, value: u64, count: u32) {
        self.pending |= value << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push(self.pending.to_le_bytes()[0]);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    /// Huffman codes go in with their first bit first, unlike numbers.
    fn put_code(&mut self, code: u64, count: u32) {
        self.put(code.reverse_bits() >> (64 - count), count);
    }

    fn finish(mut self) -> Vec<u8> {
        self.put(0, 7);
        self.bytes
    }
}

/// The CRC-32 of so many zero bytes, in the time of a logarithm: feeding a zero bit multiplies
/// the register by x in the field of the polynomial.
pub fn crc32_of_zeros(bytes: u64) -> u32 {
    const X_TO_THE_8: u32 = 1 << (31 - 8); // the highest bit is x to the 0
    let (mut register, mut power, mut rest) = (u32::MAX, X_TO_THE_8, bytes);
    while rest > 0 {
        if rest & 1 == 1 {
            register = multiply(register, power);
        }
        power = multiply(power, power);
        rest >>= 1;
    }
    !register
}

fn multiply(a: u32, mut b: u32) -> u32 {
    let mut product = 0;
    for bit in (0..32).rev() {
        if a >> bit & 1 == 1 {
            product ^= b;
        }
        let carry = b & 1;
        b >>= 1;
        if carry == 1 {
            b ^= 0xedb8_8320;
        }
    }
    product
}
