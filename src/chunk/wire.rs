//! Numbers, texts and checksums as bytes: the alphabet of the stored format. Knows nothing of rows.

use super::fault::ChunkFault;

/// Maps small magnitudes of either sign to small numbers: 0, −1, 1, −2 … become 0, 1, 2, 3 …
pub(super) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The reverse of [`zigzag`].
pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// [`zigzag`] of 128 bits.
fn zigzag_wide(value: i128) -> u128 {
    ((value << 1) ^ (value >> 127)) as u128
}

/// The reverse of [`zigzag_wide`].
fn unzigzag_wide(value: u128) -> i128 {
    (value >> 1) as i128 ^ -((value & 1) as i128)
}

/// XXH3-64 with seed 0: the checksum of the header and of each section.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

/// Bytes being written.
#[derive(Debug, Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    /// Bytes as they are.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// One byte that holds the bits of all that is there.
    pub(super) fn flags(&mut self, there: &[(bool, u8)]) {
        self.0.push(there.iter().fold(0, |flags, (there, bit)| flags | (u8::from(*there) * bit)));
    }

    /// Little-endian LEB128: seven bits a byte, the high bit set on all but the last.
    pub(super) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// A signed number: the LEB128 of its zig-zag.
    pub(super) fn signed(&mut self, value: i64) {
        self.varint(zigzag(value));
    }

    /// LEB128 of 128 bits.
    pub(super) fn wide(&mut self, mut value: u128) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// A signed 128-bit number: the LEB128 of its zig-zag.
    pub(super) fn wide_signed(&mut self, value: i128) {
        self.wide(zigzag_wide(value));
    }

    /// Length in bytes, then UTF-8.
    pub(super) fn text(&mut self, text: &str) {
        self.varint(text.len() as u64);
        self.raw(text.as_bytes());
    }
}

/// Bytes being read, up to an end; positions are those of the whole part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads `bytes` from `at` to their end; `at` must not lie beyond it.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Reader<'a> {
        Reader { bytes, at: at.min(bytes.len()) }
    }

    /// Position in the part.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The next bytes as they are.
    pub(super) fn raw(&mut self, length: u64) -> Result<&'a [u8], ChunkFault> {
        let truncated = ChunkFault::Truncated { at: self.at, needed: length, left: self.left() };
        let length = usize::try_from(length).map_err(|_| truncated.clone())?;
        let taken = self.bytes[self.at..].get(..length).ok_or(truncated)?;
        self.at += length;
        Ok(taken)
    }

    /// A fixed number of bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], ChunkFault> {
        let truncated = ChunkFault::Truncated { at: self.at, needed: N as u64, left: self.left() };
        let taken = self.bytes[self.at..].first_chunk::<N>().ok_or(truncated)?;
        self.at += N;
        Ok(*taken)
    }

    /// One byte.
    pub(super) fn byte(&mut self) -> Result<u8, ChunkFault> {
        let byte = self.bytes.get(self.at).ok_or(ChunkFault::Truncated { at: self.at, needed: 1, left: 0 })?;
        self.at += 1;
        Ok(*byte)
    }

    /// A little-endian 64-bit number.
    pub(super) fn fixed(&mut self) -> Result<u64, ChunkFault> {
        self.array().map(u64::from_le_bytes)
    }

    /// LEB128 of at most 64 bits.
    pub(super) fn varint(&mut self) -> Result<u64, ChunkFault> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.range("a number of 64 bits"))
    }

    /// The reverse of [`Writer::signed`].
    pub(super) fn signed(&mut self) -> Result<i64, ChunkFault> {
        self.varint().map(unzigzag)
    }

    /// LEB128 of at most 128 bits.
    pub(super) fn wide(&mut self) -> Result<u128, ChunkFault> {
        let mut value = 0;
        for shift in (0..133).step_by(7) {
            let byte = self.byte()?;
            if shift == 126 && byte > 3 {
                break;
            }
            value |= u128::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.range("a number of 128 bits"))
    }

    /// The reverse of [`Writer::wide_signed`].
    pub(super) fn wide_signed(&mut self) -> Result<i128, ChunkFault> {
        self.wide().map(unzigzag_wide)
    }

    /// How many items follow, each at least `bytes_min` long: never more than there is room for.
    pub(super) fn count(&mut self, bytes_min: usize) -> Result<usize, ChunkFault> {
        let at = self.at;
        let count = self.varint()?;
        let left = self.left();
        match usize::try_from(count) {
            Ok(count) if count <= left / bytes_min => Ok(count),
            _ => Err(ChunkFault::Count { at, count, left }),
        }
    }

    /// The reverse of [`Writer::text`].
    pub(super) fn text(&mut self) -> Result<&'a str, ChunkFault> {
        let length = self.count(1)?;
        let at = self.at;
        std::str::from_utf8(self.raw(length as u64)?).map_err(|error| ChunkFault::Utf8 { at: at + error.valid_up_to() })
    }

    /// The fault of a number that ended here.
    pub(super) fn range(&self, what: &'static str) -> ChunkFault {
        ChunkFault::Range { at: self.at, what }
    }

    /// Refuses bytes that are left over.
    pub(super) fn end(&self) -> Result<(), ChunkFault> {
        match self.left() {
            0 => Ok(()),
            bytes => Err(ChunkFault::Trailing { at: self.at, bytes }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_their_edges() {
        for (value, bytes) in [(0, 1), (0x7f, 1), (0x80, 2), (1 << 35, 6), (u64::MAX >> 1, 9), (u64::MAX, 10)] {
            let mut out = Writer::default();
            out.varint(value);
            assert_eq!((Reader::new(&out.0, 0).varint(), out.0.len()), (Ok(value), bytes));
        }
        for value in [0, -1, 1, -64, 63, 64, i64::MIN, i64::MAX] {
            let mut out = Writer::default();
            out.signed(value);
            assert_eq!(Reader::new(&out.0, 0).signed(), Ok(value));
        }
        for (value, bytes) in [(0, 1), (-64, 1), (64, 2), (i128::MIN, 19), (i128::MAX, 19)] {
            let mut out = Writer::default();
            out.wide_signed(value);
            assert_eq!((Reader::new(&out.0, 0).wide_signed(), out.0.len()), (Ok(value), bytes));
        }
    }
}
