//! Members of dimensions: interned texts, so that a row's member is one number.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// What a NULL dimension is called.
pub const NONE_NAME: &str = "(none)";

/// Number of an interned member; means something only beside its [`Members`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub u32);

impl MemberId {
    /// The NULL member, and the only member of a series without a dimension.
    pub const NONE: MemberId = MemberId(0);
    /// A member that never came: no series has it.
    pub const NEVER: MemberId = MemberId(u32::MAX);
}

/// The texts of all members, each once. Numbers depend on the order of arrival: they never reach an output.
#[derive(Clone, Debug)]
pub struct Members {
    hasher: DefaultHashBuilder,
    numbers: HashTable<Known>,
    names: Vec<Box<str>>,
}

/// A member in the table: what most texts differ in stands beside its number, so that one look-up touches one place.
#[derive(Clone, Copy, Debug)]
struct Known {
    ends: Ends,
    id: MemberId,
}

/// A text's length and its first and last bytes: all of a text of up to 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Ends {
    first: u64,
    last: u64,
    length: u32,
}

/// The longest text that its [`Ends`] tell from all others.
const ENDS_MAX: u32 = 16;

impl Ends {
    #[inline]
    fn of(text: &[u8]) -> Ends {
        // Longer than 4 GiB is no text of a record.
        let length = text.len() as u32;
        let (first, last) = if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
            (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
        } else if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
            (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)))
        } else {
            // At most three.
            (text.iter().fold(0, |bytes, byte| bytes << 8 | u64::from(*byte)), 0)
        };
        Ends { first, last, length }
    }
}

impl Default for Members {
    fn default() -> Members {
        let mut members =
            Members { hasher: DefaultHashBuilder::default(), numbers: HashTable::new(), names: Vec::new() };
        members.intern(NONE_NAME);
        members
    }
}

impl Members {
    /// The number of `name`; a new one if it was never seen.
    #[inline]
    pub fn intern(&mut self, name: &str) -> MemberId {
        let (hash, ends) = self.hash(name);
        match self.look_up(name, hash, ends) {
            Some(id) => id,
            None => self.add(name, hash, ends),
        }
    }

    /// The number of `name`, if it ever came.
    pub fn find(&self, name: &str) -> Option<MemberId> {
        let (hash, ends) = self.hash(name);
        self.look_up(name, hash, ends)
    }

    /// The text of a member.
    pub fn name(&self, id: MemberId) -> &str {
        self.names.get(id.0 as usize).map_or(NONE_NAME, |name| name)
    }

    #[inline]
    fn hash(&self, name: &str) -> (u64, Ends) {
        let ends = Ends::of(name.as_bytes());
        (if ends.length <= ENDS_MAX { self.hasher.hash_one(ends) } else { self.hasher.hash_one(name) }, ends)
    }

    #[inline]
    fn look_up(&self, name: &str, hash: u64, ends: Ends) -> Option<MemberId> {
        let is_it = |known: &Known| known.ends == ends && (ends.length <= ENDS_MAX || self.name(known.id) == name);
        self.numbers.find(hash, is_it).map(|known| known.id)
    }

    #[inline(never)]
    fn add(&mut self, name: &str, hash: u64, ends: Ends) -> MemberId {
        let id = MemberId(self.names.len() as u32);
        self.names.push(name.into());
        let Members { hasher, numbers, names } = self;
        let name_of = |known: &Known| names.get(known.id.0 as usize).map_or(NONE_NAME, |name| name);
        let hash_of = |known: &Known| match known.ends.length {
            ..=ENDS_MAX => hasher.hash_one(known.ends),
            _ => hasher.hash_one(name_of(known)),
        };
        numbers.insert_unique(hash, Known { ends, id }, hash_of);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Texts alike in their ends, or in all but their length, are told apart.
        #[test]
        fn equal_texts_have_one_number_and_others_another(
            texts in prop::collection::vec("[ab\u{0}]{0,5}|[a]{6,10}|[ab]{15,18}|a{8}[ab]{0,20}a{8}|商[店铺]{0,6}", 1..200),
        ) {
            let mut members = Members::default();
            for text in &texts {
                let known = members.find(text);
                let id = members.intern(text);
                prop_assert_eq!(members.name(id), text.as_str());
                prop_assert!(known.is_none_or(|known| known == id));
            }
            let (mut ids, mut distinct): (Vec<u32>, Vec<&String>) =
                (texts.iter().map(|text| members.intern(text).0).collect(), texts.iter().collect());
            ids.sort_unstable();
            ids.dedup();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(ids.len(), distinct.len());
        }
    }
}
