//! Members of dimensions: interned texts, so that a row's member is one number.

use hashbrown::HashMap;

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
    numbers: HashMap<Box<str>, MemberId>,
    names: Vec<Box<str>>,
}

impl Default for Members {
    fn default() -> Members {
        Members { numbers: HashMap::from_iter([(NONE_NAME.into(), MemberId::NONE)]), names: vec![NONE_NAME.into()] }
    }
}

impl Members {
    /// The number of `name`; a new one if it was never seen.
    pub fn intern(&mut self, name: &str) -> MemberId {
        if let Some(id) = self.numbers.get(name) {
            return *id;
        }
        let id = MemberId(self.names.len() as u32);
        self.names.push(name.into());
        self.numbers.insert(name.into(), id);
        id
    }

    /// The number of `name`, if it ever came.
    pub fn find(&self, name: &str) -> Option<MemberId> {
        self.numbers.get(name).copied()
    }

    /// The text of a member.
    pub fn name(&self, id: MemberId) -> &str {
        self.names.get(id.0 as usize).map_or(NONE_NAME, |name| name)
    }
}
