//! The walk over a JSON text: tokens, strings, numbers and whole values, checked against RFC 8259. No recursion, no allocation.
//!
//! Every step takes the place where it begins, in bytes, and returns the one behind what it passed, so that the place stays in a register:
//! kept in the scan it would go through memory at each step, and the next step would wait for it.

use wide::u8x16;

use super::successors::{Key, Place, Successors};
use super::{Malformed, MalformedReason};

/// What stands behind the end of a text: no token begins with it.
const END: u8 = 0;

/// The inside of a string that has been checked: a range of the text, between the quotes.
#[derive(Clone, Copy, Debug)]
pub(super) struct StringRange {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Holds escapes, so that its bytes are not yet its text.
    pub(super) escaped: bool,
}

/// A text that is known to be UTF-8, and the keys that are expected in it.
pub(super) struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    successors: &'a mut Successors,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str, successors: &'a mut Successors) -> Scan<'a> {
        successors.begin();
        Scan { text, bytes: text.as_bytes(), successors }
    }

    /// The raw bytes of a string.
    pub(super) fn bytes(&self, string: StringRange) -> &'a [u8] {
        self.bytes.get(string.start..string.end).unwrap_or_default()
    }

    /// How many bytes there are.
    pub(super) fn length(&self) -> usize {
        self.bytes.len()
    }

    /// The byte at a place.
    #[inline(always)]
    pub(super) fn peek(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(END)
    }

    /// Skips white space: where the next token is, and its first byte; [`END`] where there is none.
    #[inline(always)]
    pub(super) fn token(&self, at: usize) -> (usize, u8) {
        let byte = self.peek(at);
        // Nearly always: what machines write has no white space, but beside keys, where it is expected with them.
        if byte > b' ' { (at, byte) } else { self.skip_white_space(at) }
    }

    #[inline(never)]
    fn skip_white_space(&self, mut at: usize) -> (usize, u8) {
        while matches!(self.peek(at), b' ' | b'\t' | b'\n' | b'\r') {
            at += 1;
        }
        (at, self.peek(at))
    }

    /// The fault that lies in the byte there, or in there being none.
    #[cold]
    pub(super) fn unexpected(&self, at: usize) -> Malformed {
        let reason = if at < self.bytes.len() { MalformedReason::NotJson } else { MalformedReason::Truncated };
        Malformed { reason, at_byte: at }
    }

    /// Nothing but white space may follow.
    pub(super) fn end(&self, at: usize) -> Result<(), Malformed> {
        let (at, _) = self.token(at);
        if at == self.bytes.len() { Ok(()) } else { Err(self.unexpected(at)) }
    }

    /// The next key, if it is one of those that are expected at that place; what is compared begins at `at`.
    #[inline(always)]
    pub(super) fn expected_key(&mut self, at: usize, place: Place) -> Option<Key> {
        self.successors.expected(self.bytes, at, place)
    }

    /// From now on that key is expected at that place, with all that stands before it from `at` on.
    pub(super) fn expect(&mut self, at: usize, place: Place, key: Key) {
        self.successors.learn(self.bytes.get(at..key.content_at).unwrap_or_default(), place, key.entry, key.is_text);
    }

    /// A key, its colon and the white space around them: where its value begins.
    pub(super) fn key(&self, at: usize) -> Result<(StringRange, usize), Malformed> {
        let (at, quote) = self.token(at);
        if quote != b'"' {
            return Err(self.unexpected(at));
        }
        let (key, at) = self.string(at)?;
        let (at, colon) = self.token(at);
        if colon != b':' {
            return Err(self.unexpected(at));
        }
        Ok((key, self.token(at + 1).0))
    }

    /// A string, from its quote, which the caller has seen.
    #[inline(always)]
    pub(super) fn string(&self, at: usize) -> Result<(StringRange, usize), Malformed> {
        let (start, end) = (at + 1, self.end_of_plain(at + 1));
        if self.peek(end) == b'"' {
            return Ok((StringRange { start, end, escaped: false }, end + 1));
        }
        self.rest_of_string(start, end)
    }

    /// The first place at or after `at` whose byte does not stand for itself in a string.
    #[inline(always)]
    pub(super) fn end_of_plain(&self, at: usize) -> usize {
        end_of_plain(self.bytes, at)
    }

    /// A string that began at `start`, from a place within it where neither its end nor a plain byte stands.
    #[inline(never)]
    pub(super) fn rest_of_string(&self, start: usize, mut at: usize) -> Result<(StringRange, usize), Malformed> {
        let mut escaped = false;
        loop {
            match self.peek(at) {
                b'"' => return Ok((StringRange { start, end: at, escaped }, at + 1)),
                b'\\' => {
                    escaped = true;
                    let (_, length) = escape(self.bytes, at)?;
                    at = end_of_plain(self.bytes, at + length);
                }
                _ => return Err(self.unexpected(at)),
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

    /// A number, `true`, `false` or `null`.
    #[inline(always)]
    pub(super) fn skip_plain(&self, at: usize) -> Result<usize, Malformed> {
        match self.end_of_short_number(at) {
            Some(end) => Ok(end),
            None => self.skip_any_plain(at),
        }
    }

    /// The end of what most numbers are: digits, and perhaps a point and digits. `None` where it may be anything else, or is none.
    #[inline(always)]
    pub(super) fn end_of_short_number(&self, at: usize) -> Option<usize> {
        let end = self.end_of_digits(at);
        let leads_with_zero = self.peek(at) == b'0' && end != at + 1;
        if end == at || leads_with_zero {
            return None;
        }
        let end = match self.peek(end) {
            b'.' => {
                let fraction = end + 1;
                Some(self.end_of_digits(fraction)).filter(|end| *end != fraction)?
            }
            _ => end,
        };
        (self.peek(end) | 0x20 != b'e').then_some(end)
    }

    #[inline(always)]
    fn end_of_digits(&self, mut at: usize) -> usize {
        while self.peek(at).is_ascii_digit() {
            at += 1;
        }
        at
    }

    #[inline(never)]
    fn skip_any_plain(&self, at: usize) -> Result<usize, Malformed> {
        match self.peek(at) {
            b'-' | b'0'..=b'9' => self.number(at),
            b't' => self.literal(at, b"true"),
            b'f' => self.literal(at, b"false"),
            b'n' => self.literal(at, b"null"),
            _ => Err(self.unexpected(at)),
        }
    }

    fn literal(&self, at: usize, word: &'static [u8]) -> Result<usize, Malformed> {
        // A fault lies where the word and the text part.
        let alike = word.iter().zip(at..).take_while(|(wanted, at)| self.peek(*at) == **wanted).count();
        if alike == word.len() { Ok(at + alike) } else { Err(self.unexpected(at + alike)) }
    }

    fn number(&self, mut at: usize) -> Result<usize, Malformed> {
        at += usize::from(self.peek(at) == b'-');
        at = if self.peek(at) == b'0' { at + 1 } else { self.digits(at)? };
        if self.peek(at) == b'.' {
            at = self.digits(at + 1)?;
        }
        if self.peek(at) | 0x20 == b'e' {
            at += 1;
            at += usize::from(matches!(self.peek(at), b'+' | b'-'));
            at = self.digits(at)?;
        }
        Ok(at)
    }

    /// One digit at least.
    fn digits(&self, at: usize) -> Result<usize, Malformed> {
        let end = self.end_of_digits(at);
        if end == at { Err(self.unexpected(at)) } else { Ok(end) }
    }
}

/// Bytes that are looked at at once: a vector that every 64-bit processor has.
const BLOCK: usize = 16;

/// The first place at or after `at` whose byte does not stand for itself in a string (a quote, a backslash, a control character), or the
/// text's end.
#[inline(always)]
fn end_of_plain(bytes: &[u8], at: usize) -> usize {
    let (blocks, tail) = bytes.get(at..).unwrap_or_default().as_chunks::<BLOCK>();
    let mut passed = at;
    for block in blocks {
        let marks = marks(block);
        if marks != 0 {
            return passed + marks.trailing_zeros() as usize;
        }
        passed += BLOCK;
    }
    passed + plain_bytes(bytes, tail)
}

/// A bit for each byte that does not stand for itself, the first one lowest.
#[inline(always)]
fn marks(block: &[u8; BLOCK]) -> u32 {
    let bytes = u8x16::new(*block);
    // One comparison for two: of all bytes above the control characters, only the quote becomes 0x20 when that bit is turned.
    let turned = bytes ^ u8x16::splat(0x02);
    let control_or_quote = turned.min(u8x16::splat(0x20)).simd_eq(turned);
    (control_or_quote | bytes.simd_eq(u8x16::splat(b'\\'))).to_bitmask()
}

/// How many bytes stand for themselves, of the last ones of a text, which are no whole block.
#[inline(always)]
fn plain_bytes(bytes: &[u8], tail: &[u8]) -> usize {
    let marks = match bytes.last_chunk() {
        // The last block of all, and in front those of the tail.
        Some(block) => marks(block) >> (BLOCK - tail.len()),
        None => {
            let is_marked = |byte: &u8| matches!(byte, 0..=0x1f | b'"' | b'\\');
            tail.iter().rev().fold(0, |marks, byte| marks << 1 | u32::from(is_marked(byte)))
        }
    };
    if marks == 0 { tail.len() } else { marks.trailing_zeros() as usize }
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
