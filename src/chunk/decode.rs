//! Bytes to chunks: everything is checked before it is believed, and nothing is left out. The format itself stands in [`crate::chunk`].

use super::fault::ChunkFault;
use super::wire::{Reader, checksum};
use super::{Chunk, Evaluated, HEADER_BYTES, MAGIC, SECTION_FRAME_BYTES, VERSION, rows};
use crate::event::Offset;
use crate::time::Timestamp;

/// What a part says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartHeader {
    /// Its number, from 0.
    pub part: u32,
    /// How many parts the chunk has; at least one.
    pub parts: u32,
    /// First offset that the chunk covers.
    pub from: Offset,
    /// The offset after the last.
    pub to: Offset,
}

/// Reads a part's header, and checks that alone.
pub fn part_header(bytes: &[u8]) -> Result<PartHeader, ChunkFault> {
    header(bytes).map(|(header, _)| header)
}

/// The header, and how many sections follow it.
fn header(bytes: &[u8]) -> Result<(PartHeader, u32), ChunkFault> {
    if !MAGIC.starts_with(&bytes[..bytes.len().min(MAGIC.len())]) {
        return Err(ChunkFault::Magic);
    }
    let mut reader = Reader::new(bytes, 0);
    reader.array::<4>()?;
    let at = reader.at();
    let found = u16::from_le_bytes(reader.array()?);
    if found != VERSION {
        return Err(ChunkFault::Version { at, found, known: VERSION });
    }
    let part = u32::from_le_bytes(reader.array()?);
    let parts = u32::from_le_bytes(reader.array()?);
    let from = i64::from_le_bytes(reader.array()?);
    let to = i64::from_le_bytes(reader.array()?);
    let sections = u32::from_le_bytes(reader.array()?);
    verify(bytes, 0, "header", &mut reader)?;
    if part >= parts {
        return Err(ChunkFault::Range { at: 14, what: "the number of a part" });
    }
    if from > to {
        return Err(ChunkFault::Range { at: 30, what: "the end of an offset range" });
    }
    Ok((PartHeader { part, parts, from, to }, sections))
}

/// Compares the checksum that follows with that of the bytes since `begin`.
fn verify(bytes: &[u8], begin: usize, what: &str, reader: &mut Reader) -> Result<(), ChunkFault> {
    let computed = checksum(&bytes[begin..reader.at()]);
    let stored = reader.fixed()?;
    if stored == computed {
        return Ok(());
    }
    Err(ChunkFault::Checksum { at: begin, what: what.to_owned(), stored, computed })
}

/// Reads one part. Its facts add to those of the chunk's other parts; whether all parts are there is not seen here: see [`decode_parts`].
///
/// Texts may stand in [`Chunk::texts`] more than once. Never panics, and never allocates for more than the bytes can hold.
pub fn decode(bytes: &[u8]) -> Result<Chunk, ChunkFault> {
    let (header, sections) = header(bytes)?;
    let mut chunk = Chunk { from: header.from, to: header.to, ..Chunk::default() };
    add_sections(&mut chunk, bytes, sections, &mut Once::default())?;
    Ok(chunk)
}

/// The offset ranges over which aggregates were evaluated, as a part names them, without reading its facts. They stand in part 0; of another
/// part the answer is empty.
pub fn evaluated(bytes: &[u8]) -> Result<Vec<Evaluated>, ChunkFault> {
    let (_, sections) = header(bytes)?;
    let mut reader = Reader::new(bytes, HEADER_BYTES);
    for _ in 0..sections {
        let begin = reader.at();
        let name_length = reader.byte()?;
        let name = String::from_utf8_lossy(reader.raw(u64::from(name_length))?);
        let length = u32::from_le_bytes(reader.array()?);
        let body_at = reader.at();
        reader.raw(u64::from(length))?;
        let body_end = reader.at();
        match &*name {
            "head" => verify(bytes, begin, "section \"head\"", &mut reader)?,
            "evaluated" => {
                verify(bytes, begin, "section \"evaluated\"", &mut reader)?;
                return rows::evaluated(&mut Reader::new(&bytes[..body_end], body_at));
            }
            // Rows follow: nothing was evaluated.
            _ => break,
        }
    }
    Ok(Vec::new())
}

/// Reads all parts of one chunk, in order: part 0 of n to part n − 1. A missing or foreign one is a fault.
pub fn decode_parts<B: AsRef<[u8]>>(parts: &[B]) -> Result<Chunk, ChunkFault> {
    let Some(first) = parts.first() else {
        return Err(ChunkFault::Truncated { at: 0, needed: HEADER_BYTES as u64, left: 0 });
    };
    let first = part_header(first.as_ref())?;
    let mut chunk = Chunk { from: first.from, to: first.to, ..Chunk::default() };
    let mut once = Once::default();
    let mut wanted = 0;
    for part in parts {
        let (found, sections) = header(part.as_ref())?;
        if found != (PartHeader { part: wanted, ..first }) {
            return Err(misplaced(&found, wanted, first.parts));
        }
        add_sections(&mut chunk, part.as_ref(), sections, &mut once)?;
        wanted += 1;
    }
    // The part that would come next is the one that is missing.
    if wanted < first.parts { Err(ChunkFault::Missing { wanted, wanted_parts: first.parts }) } else { Ok(chunk) }
}

fn misplaced(found: &PartHeader, wanted: u32, wanted_parts: u32) -> ChunkFault {
    let PartHeader { part, parts, from, to } = *found;
    ChunkFault::Part { found: part, parts, from, to, wanted, wanted_parts }
}

/// Which sections that may stand once have been seen.
#[derive(Debug, Default)]
struct Once {
    head: bool,
    evaluated: bool,
    floor: bool,
}

fn add_sections(chunk: &mut Chunk, bytes: &[u8], sections: u32, once: &mut Once) -> Result<(), ChunkFault> {
    let mut reader = Reader::new(bytes, HEADER_BYTES);
    for _ in 0..sections {
        let begin = reader.at();
        let name_length = reader.byte()?;
        let name = String::from_utf8_lossy(reader.raw(u64::from(name_length))?);
        let length = u32::from_le_bytes(reader.array()?);
        let body_at = reader.at();
        reader.raw(u64::from(length))?;
        let body_end = reader.at();
        verify(bytes, begin, &format!("section \"{name}\""), &mut reader)?;
        let mut body = Reader::new(&bytes[..body_end], body_at);
        add_section(chunk, &name, begin, &mut body, once)?;
        body.end()?;
        debug_assert_eq!(reader.at() - begin, SECTION_FRAME_BYTES + usize::from(name_length) + length as usize);
    }
    reader.end()
}

fn add_section(chunk: &mut Chunk, name: &str, at: usize, body: &mut Reader, once: &mut Once) -> Result<(), ChunkFault> {
    let seen = |seen: &mut bool| match std::mem::replace(seen, true) {
        false => Ok(()),
        true => Err(ChunkFault::RepeatedSection { at, name: name.to_owned() }),
    };
    match name {
        "head" => {
            seen(&mut once.head)?;
            chunk.head = rows::head(body)?;
        }
        "evaluated" => {
            seen(&mut once.evaluated)?;
            chunk.evaluated = rows::evaluated(body)?;
        }
        "floor" => {
            seen(&mut once.floor)?;
            chunk.floor = Some(Timestamp(body.signed()?));
        }
        "cells" => rows::cells(chunk, body)?,
        "bins" => rows::bins(chunk, body)?,
        "distinct" => rows::distincts(chunk, body)?,
        "halves" => rows::halves(chunk, body)?,
        "levels" => rows::levels(chunk, body)?,
        _ => match name.strip_prefix("ids/").and_then(|day| day.parse().ok()) {
            Some(day) => rows::ids(chunk, day, body)?,
            None => {
                return Err(ChunkFault::UnknownSection { at, name: name.to_owned() });
            }
        },
    }
    Ok(())
}
