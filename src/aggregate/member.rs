//! Members of dimensions: interned texts, so that a row's member is one number.

use super::interner::{Interned, Interner};

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
#[derive(Debug)]
pub struct Members(Interner<str>);

/// A text's length and its first and last bytes: all of a text of up to 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ends {
    first: u64,
    last: u64,
    length: u32,
}

/// The longest text that its [`Ends`] tell from all others.
const ENDS_MAX: u32 = 16;

impl Interned for str {
    type Head = Ends;

    #[inline]
    fn head(&self) -> Ends {
        let text = self.as_bytes();
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

    #[inline]
    fn is_whole(ends: &Ends) -> bool {
        ends.length <= ENDS_MAX
    }
}

impl Default for Members {
    fn default() -> Members {
        let mut members = Members(Interner::default());
        members.intern(NONE_NAME);
        members
    }
}

impl Members {
    /// The number of `name`; a new one if it was never seen.
    #[inline]
    pub fn intern(&mut self, name: &str) -> MemberId {
        MemberId(self.0.intern(name))
    }

    /// The number of `name`, if it ever came.
    pub fn find(&self, name: &str) -> Option<MemberId> {
        self.0.find(name).map(MemberId)
    }

    /// The text of a member.
    pub fn name(&self, id: MemberId) -> &str {
        self.0.get(id.0).unwrap_or(NONE_NAME)
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
