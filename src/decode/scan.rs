//! The walk over a JSON text: tokens, strings, numbers and whole values, checked against RFC 8259. No recursion, no allocation.

use super::successors::{Successors, UNREAD};
use super::tree::Entry;
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
    marks: &'a [u8],
    successors: &'a mut Successors,
    at: usize,
}

impl<'a> Scan<'a> {
    /// `marks` are what [`mark`] made of the text.
    pub(super) fn new(text: &'a str, marks: &'a [u8], successors: &'a mut Successors) -> Scan<'a> {
        successors.begin();
        Scan { text, bytes: text.as_bytes(), marks, successors, at: 0 }
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
        match self.bytes.get(self.at) {
            // Nearly always: what machines write has no white space.
            Some(&byte) if byte > b' ' => Some(byte),
            _ => self.skip_white_space(),
        }
    }

    #[inline(never)]
    fn skip_white_space(&mut self) -> Option<u8> {
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

    /// A key of the object `node` and its colon, if it is one of those that are expected here: what it fills.
    #[inline(always)]
    pub(super) fn expected_key(&mut self, node: u32) -> Option<Option<Entry>> {
        let (length, entry) = self.successors.expected(self.bytes.get(self.at..)?, node)?;
        self.at += length;
        Some(entry)
    }

    /// The next time the key whose quote stands at `start`, and behind whose colon we are, is expected here.
    pub(super) fn expect(&mut self, start: usize, node: u32, entry: Option<Entry>) {
        self.successors.learn(self.bytes.get(start..self.at).unwrap_or_default(), node, entry);
    }

    /// A key that nobody reads, and its colon.
    fn skip_key(&mut self) -> Result<(), Malformed> {
        self.next_token();
        if self.expected_key(UNREAD).is_none() {
            let start = self.at;
            self.key()?;
            self.expect(start, UNREAD, None);
        }
        Ok(())
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
        let end = end_of_plain(self.marks, start);
        if self.bytes.get(end) == Some(&b'"') {
            self.at = end + 1;
            return Ok(StringRange { start, end, escaped: false });
        }
        self.at = end;
        self.rest_of_string(start)
    }

    /// A string that began at `start`, from a place within it where neither its end nor a plain byte stands.
    #[inline(never)]
    fn rest_of_string(&mut self, start: usize) -> Result<StringRange, Malformed> {
        let mut escaped = false;
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    let end = self.at;
                    self.at += 1;
                    return Ok(StringRange { start, end, escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    let (_, length) = escape(self.bytes, self.at)?;
                    self.at = end_of_plain(self.marks, self.at + length);
                }
                _ => return Err(self.unexpected()),
            }
        }
    }

    /// Appends the text that a string with escapes stands for.
    pub(super) fn unescape(&self, string: StringRange, out: &mut String) {
        let mut at = string.start;
        while at < string.end {
            let plain_end = end_of_plain(self.marks, at).min(string.end);
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
    #[inline(always)]
    pub(super) fn skip_value(&mut self, depth: u32) -> Result<(), Malformed> {
        match self.next_token() {
            Some(b'"') => self.string().map(|_| ()),
            Some(b'{' | b'[') => self.skip_composite(depth),
            _ => self.skip_plain(),
        }
    }

    /// A number, `true`, `false` or `null`.
    #[inline(never)]
    pub(super) fn skip_plain(&mut self) -> Result<(), Malformed> {
        match self.bytes.get(self.at) {
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
    #[inline(never)]
    pub(super) fn skip_composite(&mut self, depth: u32) -> Result<(), Malformed> {
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
                            self.skip_key()?;
                        }
                        continue;
                    }
                }
                Some(b'"') => self.string().map(|_| ())?,
                _ => self.skip_plain()?,
            }
            // A comma or a closing bracket is due.
            loop {
                match (self.next_token(), open.in_object()) {
                    (Some(b','), true) => {
                        self.at += 1;
                        self.skip_key()?;
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

/// Marks the bytes that do not stand for themselves in a string: quotes, backslashes, control characters. One byte of marks a byte of
/// text, not 0 where it is marked, and [`PADDING`] marked ones behind them, so that eight can be looked at from any place in the text.
///
/// A loop without a branch, which the compiler turns into vector instructions: marking a whole record costs less than it saves in looking
/// for the end of each string byte by byte. `marks` only ever grows; what it holds besides is of no meaning.
pub(super) fn mark<'m>(bytes: &[u8], marks: &'m mut Vec<u8>) -> &'m [u8] {
    let length = bytes.len() + PADDING;
    if marks.len() < length {
        marks.resize(length, MARK);
    }
    let marks = &mut marks[..length];
    let (of_text, padding) = marks.split_at_mut(bytes.len());
    padding.fill(MARK);
    // The last block overlaps the one before it, so that no bytes are left over to go through one by one.
    let (whole_blocks, last_block) = (bytes.len() / BLOCK * BLOCK, bytes.len().saturating_sub(BLOCK));
    mark_each(&bytes[..whole_blocks], &mut of_text[..whole_blocks]);
    mark_each(&bytes[last_block..], &mut of_text[last_block..]);
    marks
}

/// On its own, for inlined where the length is known it becomes no vector instructions.
#[inline(never)]
fn mark_each(bytes: &[u8], marks: &mut [u8]) {
    for (mark, byte) in marks.iter_mut().zip(bytes) {
        // One comparison for two: of all bytes above the control characters, only the quote becomes 0x20 when that bit is turned.
        let is_marked = (byte ^ 0x02 <= 0x20) | (*byte == b'\\');
        *mark = if is_marked { MARK } else { 0 };
    }
}

/// Bytes that the vector instructions mark at once.
const BLOCK: usize = 32;

/// What a marked byte's mark is; any but 0 would do.
const MARK: u8 = 0xff;

/// Marks behind the text's end.
const PADDING: usize = 8;

/// The first marked place at or after `at`, or the text's end.
#[inline(always)]
fn end_of_plain(marks: &[u8], mut at: usize) -> usize {
    while let Some(eight) = marks.get(at..).and_then(|rest| rest.first_chunk::<PADDING>()) {
        let word = u64::from_le_bytes(*eight);
        if word != 0 {
            return at + (word.trailing_zeros() / 8) as usize;
        }
        at += PADDING;
    }
    marks.len().saturating_sub(PADDING)
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
