//! A chunk's texts as members of this process.

use crate::aggregate::member::{MemberId, Members};
use crate::aggregate::pair::{TupleId, Tuples};
use crate::chunk::{Chunk, TextIndex};

/// A chunk's texts, each looked up once, and only if a row that counts names it.
pub(super) struct ChunkMembers<'c> {
    texts: &'c [String],
    known: Vec<Option<MemberId>>,
    tuple: Vec<MemberId>,
}

impl<'c> ChunkMembers<'c> {
    pub(super) fn of(chunk: &'c Chunk) -> ChunkMembers<'c> {
        ChunkMembers { texts: &chunk.texts, known: vec![None; chunk.texts.len()], tuple: Vec::new() }
    }

    /// The member that a row names; that of NULL where it names none.
    pub(super) fn member(&mut self, text: Option<TextIndex>, members: &mut Members) -> MemberId {
        let Some(index) = text.map(|text| text.0 as usize).filter(|index| *index < self.known.len()) else {
            return MemberId::NONE;
        };
        *self.known[index].get_or_insert_with(|| members.intern(&self.texts[index]))
    }

    /// The tuple of the members that a row names.
    pub(super) fn tuple(&mut self, texts: &[Option<TextIndex>], members: &mut Members, tuples: &mut Tuples) -> TupleId {
        let mut tuple = std::mem::take(&mut self.tuple);
        tuple.clear();
        tuple.extend(texts.iter().map(|text| self.member(*text, members)));
        let id = tuples.intern(&tuple);
        self.tuple = tuple;
        id
    }
}
