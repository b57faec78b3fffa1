//! The walk over a JSON text: tokens, strings, numbers and whole values, checked against RFC 8259. No recursion, no allocation.

use super::{Malformed, MalformedReason, NESTING_MAX};

/// The inside of a string that has been checked: a range of the text, between the quotes.
#[derive(Clone, Copy, Debug)]
pub(super) struct StringRange {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Holds escapes, so that its bytes are not yet its text.
    pub(super) escaped: bool,
}

/// A place in a text that is known to be UTF-8.
pub(super) struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str) -> Scan<'a> {
        Scan { text, bytes: text.as_bytes(), at: 0 }
    }

    /// The place, in bytes.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The raw bytes of a string.
    pub(super) fn bytes(&self, string: StringRange) -> &'a [u8] {
        self.bytes.get(string.start..string.end).unwrap_or_default()
    }

    /// One byte on.
    pub(super) fn step(&mut self) {
        self.at += 1;
    }

    /// Skips white space; the byte that follows, not taken.
    #[inline(always)]
    pub(super) fn next_token(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    /// The fault that lies in the byte here, or in there being none.
    #[cold]
    pub(super) fn unexpected(&self) -> Malformed {
        let reason = if self.at < self.bytes.len() { MalformedReason::NotJson } else { MalformedReason::Truncated };
        Malformed { reason, at_byte: self.at }
    }

    /// Nothing but white space may follow.
    pub(super) fn end(&mut self) -> Result<(), Malformed> {
        match self.next_token() {
            None => Ok(()),
            Some(_) => Err(self.unexpected()),
        }
    }

    /// A key and its colon.
    #[inline(always)]
    pub(super) fn key(&mut self) -> Result<StringRange, Malformed> {
        if self.next_token() != Some(b'"') {
            return Err(self.unexpected());
        }
        let key = self.string()?;
        if self.next_token() != Some(b':') {
            return Err(self.unexpected());
        }
        self.at += 1;
        Ok(key)
    }

    /// A string, from its quote, which the caller has seen.
    #[inline(always)]
    pub(super) fn string(&mut self) -> Result<StringRange, Malformed> {
        let start = self.at + 1;
        self.at = start;
        let mut escaped = false;
        loop {
            self.at = end_of_plain(self.bytes, self.at);
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    let end = self.at;
                    self.at += 1;
                    return Ok(StringRange { start, end, escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    let (_, length) = escape(self.bytes, self.at)?;
                    self.at += length;
                }
                _ => return Err(self.unexpected()),
            }
        }
    }

    /// Appends the text that a string with escapes stands for.
    pub(super) fn unescape(&self, string: StringRange, out: &mut String) {
        let mut at = string.start;
        while at < string.end {
            let plain_end = end_of_plain(self.bytes, at).min(string.end);
            out.push_str(self.text.get(at..plain_end).unwrap_or_default());
            at = plain_end;
            if at < string.end {
                // The string has been checked, so this is an escape and a valid one.
                let Ok((character, length)) = escape(self.bytes, at) else {
                    return;
                };
                out.push(character);
                at += length;
            }
        }
    }

    /// Checks and passes one value that stands within `depth` others.
    #[inline]
    pub(super) fn skip_value(&mut self, depth: u32) -> Result<(), Malformed> {
        match self.next_token() {
            Some(b'{' | b'[') => self.skip_composite(depth),
            _ => self.skip_scalar(),
        }
    }

    #[inline]
    fn skip_scalar(&mut self) -> Result<(), Malformed> {
        match self.bytes.get(self.at) {
            Some(b'"') => self.string().map(|_| ()),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            _ => Err(self.unexpected()),
        }
    }

    fn literal(&mut self, word: &'static [u8]) -> Result<(), Malformed> {
        if self.bytes[self.at..].starts_with(word) {
            self.at += word.len();
            return Ok(());
        }
        // The fault lies where the word and the text part.
        self.at += self.bytes[self.at..].iter().zip(word).take_while(|(found, wanted)| found == wanted).count();
        Err(self.unexpected())
    }

    #[inline(always)]
    fn number(&mut self) -> Result<(), Malformed> {
        self.at += usize::from(self.bytes.get(self.at) == Some(&b'-'));
        match self.bytes.get(self.at) {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            self.at += usize::from(matches!(self.bytes.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    /// One digit at least.
    #[inline(always)]
    fn digits(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at == start { Err(self.unexpected()) } else { Ok(()) }
    }

    /// An array or object, from its bracket, that stands within `depth` others.
    fn skip_composite(&mut self, depth: u32) -> Result<(), Malformed> {
        let mut open = Open { objects: 0, depth: 0, depth_max: NESTING_MAX.saturating_sub(depth) };
        loop {
            // A value is due.
            match self.next_token() {
                Some(bracket @ (b'{' | b'[')) => {
                    if !open.push(bracket == b'{') {
                        return Err(Malformed { reason: MalformedReason::TooDeep, at_byte: self.at });
                    }
                    self.at += 1;
                    let empty = self.next_token() == Some(if bracket == b'{' { b'}' } else { b']' });
                    if !empty {
                        if bracket == b'{' {
                            self.key()?;
                        }
                        continue;
                    }
                }
                _ => self.skip_scalar()?,
            }
            // A comma or a closing bracket is due.
            loop {
                match (self.next_token(), open.in_object()) {
                    (Some(b','), true) => {
                        self.at += 1;
                        self.key()?;
                        break;
                    }
                    (Some(b','), false) => {
                        self.at += 1;
                        break;
                    }
                    (Some(b'}'), true) | (Some(b']'), false) => {
                        self.at += 1;
                        open.pop();
                        if open.depth == 0 {
                            return Ok(());
                        }
                    }
                    _ => return Err(self.unexpected()),
                }
            }
        }
    }
}

/// Which brackets are open, innermost in the lowest bit: a stack of [`NESTING_MAX`] bits.
struct Open {
    objects: u128,
    depth: u32,
    depth_max: u32,
}

impl Open {
    fn push(&mut self, object: bool) -> bool {
        if self.depth == self.depth_max {
            return false;
        }
        self.objects = self.objects << 1 | u128::from(object);
        self.depth += 1;
        true
    }

    fn pop(&mut self) {
        self.objects >>= 1;
        self.depth -= 1;
    }

    fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }
}

/// Strings at least this long are scanned eight bytes at a time. Shorter ones are faster byte by byte (measured by `benches/decode`):
/// the processor guesses their ends and reads on, where a whole word must wait for its arithmetic.
const LONG_STRING_BYTES: usize = 16;

/// Whether a byte stands for itself in a string: no quote, no backslash, no control character.
static PLAIN: [bool; 256] = {
    let mut plain = [true; 256];
    let mut byte = 0;
    while byte < 0x20 {
        plain[byte] = false;
        byte += 1;
    }
    plain[b'"' as usize] = false;
    plain[b'\\' as usize] = false;
    plain
};

/// The first byte at or after `at` that is not plain, or the text's end.
#[inline(always)]
fn end_of_plain(bytes: &[u8], mut at: usize) -> usize {
    let long = at + LONG_STRING_BYTES;
    while bytes.get(at).is_some_and(|byte| PLAIN[usize::from(*byte)]) {
        at += 1;
        if at == long {
            return end_of_long_plain(bytes, at);
        }
    }
    at
}

fn end_of_long_plain(bytes: &[u8], mut at: usize) -> usize {
    while let Some(eight) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*eight);
        let marks = mark_equal(word, b'"') | mark_equal(word, b'\\') | mark_below_0x20(word);
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|byte| PLAIN[usize::from(*byte)]) {
        at += 1;
    }
    at
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// A high bit in each byte that equals `byte`. Borrows may mark bytes above a true mark, never below: the lowest mark is exact.
#[inline]
fn mark_equal(word: u64, byte: u8) -> u64 {
    let zero_where_equal = word ^ (ONES * u64::from(byte));
    zero_where_equal.wrapping_sub(ONES) & !zero_where_equal & HIGH_BITS
}

/// A high bit in each byte below 0x20; as exact as [`mark_equal`].
#[inline]
fn mark_below_0x20(word: u64) -> u64 {
    word.wrapping_sub(ONES * 0x20) & !word & HIGH_BITS
}

/// The character of the escape at `at`, where a backslash stands, and how many bytes it takes.
#[cold]
fn escape(bytes: &[u8], at: usize) -> Result<(char, usize), Malformed> {
    let character = match bytes.get(at + 1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode_escape(bytes, at),
        Some(_) => {
            return Err(Malformed { reason: MalformedReason::InvalidEscape, at_byte: at });
        }
        None => {
            return Err(Malformed { reason: MalformedReason::Truncated, at_byte: at + 1 });
        }
    };
    Ok((character, 2))
}

/// `\uXXXX`, or a surrogate pair of two.
fn unicode_escape(bytes: &[u8], at: usize) -> Result<(char, usize), Malformed> {
    let invalid = Malformed { reason: MalformedReason::InvalidEscape, at_byte: at };
    let first = four_hex_digits(bytes, at + 2).ok_or(invalid)?;
    if let Some(character) = char::from_u32(first) {
        return Ok((character, 6));
    }
    let low = match bytes.get(at + 6..at + 8) {
        Some(b"\\u") => four_hex_digits(bytes, at + 8).ok_or(invalid)?,
        _ => return Err(invalid),
    };
    if !(0xd800..0xdc00).contains(&first) || !(0xdc00..0xe000).contains(&low) {
        return Err(invalid);
    }
    let code = 0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00);
    char::from_u32(code).map(|character| (character, 12)).ok_or(invalid)
}

fn four_hex_digits(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..)?.first_chunk::<4>()?;
    digits.iter().try_fold(0, |code, &byte| Some(code << 4 | char::from(byte).to_digit(16)?))
}
