//! Values that are told apart by a number each. What most of them differ in stands in the table itself, so that one look-up touches one place.

use std::fmt::Debug;
use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};

/// A value of which a part of fixed size is looked at first.
pub(super) trait Interned: Hash + Eq {
    /// That part; equal values have equal ones.
    type Head: Copy + Debug + Eq + Hash;

    /// The part of a value.
    fn head(&self) -> Self::Head;

    /// Whether no other value has that part.
    fn is_whole(head: &Self::Head) -> bool;
}

/// The distinct values, each once. Numbers depend on the order of arrival: they never reach an output.
#[derive(Debug)]
pub(super) struct Interner<T: Interned + ?Sized> {
    hasher: DefaultHashBuilder,
    numbers: HashTable<(T::Head, u32)>,
    values: Vec<Box<T>>,
}

impl<T: Interned + ?Sized> Default for Interner<T> {
    fn default() -> Interner<T> {
        Interner { hasher: DefaultHashBuilder::default(), numbers: HashTable::new(), values: Vec::new() }
    }
}

impl<T: Interned + ?Sized> Interner<T> {
    /// The number of a value; a new one if it was never seen.
    #[inline]
    pub(super) fn intern(&mut self, value: &T) -> u32
    where
        for<'v> Box<T>: From<&'v T>,
    {
        let head = value.head();
        let hash = hash(&self.hasher, &head, || value);
        match self.look_up(value, head, hash) {
            Some(number) => number,
            None => self.add(value, head, hash),
        }
    }

    /// The number of a value, if it was ever seen.
    #[inline]
    pub(super) fn find(&self, value: &T) -> Option<u32> {
        let head = value.head();
        self.look_up(value, head, hash(&self.hasher, &head, || value))
    }

    /// The value of a number.
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.values.get(number as usize).map(|value| &**value)
    }

    #[inline]
    fn look_up(&self, value: &T, head: T::Head, hash: u64) -> Option<u32> {
        let is_it =
            |known: &(T::Head, u32)| known.0 == head && (T::is_whole(&head) || self.get(known.1) == Some(value));
        self.numbers.find(hash, is_it).map(|(_, number)| *number)
    }

    #[inline(never)]
    fn add(&mut self, value: &T, head: T::Head, hash: u64) -> u32
    where
        for<'v> Box<T>: From<&'v T>,
    {
        let number = self.values.len() as u32;
        self.values.push(value.into());
        let Interner { hasher, numbers, values } = self;
        numbers.insert_unique(hash, (head, number), |(head, number)| {
            self::hash(hasher, head, || &*values[*number as usize])
        });
        number
    }
}

/// Of the part alone where that is all; `value` is asked for only otherwise.
#[inline]
fn hash<'v, T: Interned + ?Sized + 'v>(
    hasher: &DefaultHashBuilder,
    head: &T::Head,
    value: impl FnOnce() -> &'v T,
) -> u64 {
    if T::is_whole(head) { hasher.hash_one(head) } else { hasher.hash_one(value()) }
}
