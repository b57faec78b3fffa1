//! Which slots the keys of a record fill: one node for every object that a named path leads into.
//!
//! | the value at a key that paths go through | what comes out |
//! |---|---|
//! | an object | its keys fill the slots below |
//! | anything else, or nothing | the slots below are NULL |
//! | an array that is read as rows | one set of slots an element |
//! | a second value at an equal key | all of the first is forgotten: the last of two equal keys wins at every level |

use super::names::Names;
use super::successors::UNREAD;
use crate::book::Field;
use crate::event::FieldSlot;

/// Where nothing is.
const NONE: u32 = u32::MAX;

/// The paths of a topic's fields.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// The record's own object first.
    nodes: Vec<Node>,
    inners: Vec<Inner>,
    pub(super) arrays: Vec<Array>,
    /// An object that no path leads into.
    pub(super) unread: Node,
}

/// The keys of one object.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Its position among the nodes.
    pub(super) number: u32,
    names: Names,
    /// By position in `names`.
    entries: Vec<Entry>,
}

/// What the value of a key fills.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    slot: u32,
    inner: u32,
}

/// A key that paths go through, or whose array is read as rows.
#[derive(Clone, Debug)]
pub(super) struct Inner {
    node: u32,
    array: u32,
    /// The slots and arrays below, which an equal key before may have filled.
    pub(super) slots: Vec<u32>,
    pub(super) arrays: Vec<u32>,
}

/// An array that is read as rows.
#[derive(Clone, Debug)]
pub(super) struct Array {
    path: Vec<String>,
    /// The topic's slots that an element fills; positions in it are the slots of `node`.
    pub(super) fields: Vec<FieldSlot>,
    own: u32,
    node: u32,
}

/// A path, from some object in, and what it leads to.
type Lead<'f> = (&'f [String], u32);

impl Tree {
    pub(super) fn new(fields: &[Field]) -> Tree {
        let unread = Node { number: UNREAD, names: Names::new(&[]), entries: Vec::new() };
        let mut tree = Tree { nodes: Vec::new(), inners: Vec::new(), arrays: Vec::new(), unread };
        let mut values: Vec<Lead<'_>> = Vec::new();
        let mut within: Vec<Vec<Lead<'_>>> = Vec::new();
        for (field, slot) in fields.iter().zip(0..) {
            match field {
                Field::Path(path) => values.push((path, slot)),
                Field::Element { array, path } => {
                    let known = tree.arrays.iter().position(|known| known.path == *array);
                    let index = known.unwrap_or_else(|| {
                        tree.arrays.push(Array { path: array.clone(), fields: Vec::new(), own: NONE, node: NONE });
                        within.push(Vec::new());
                        tree.arrays.len() - 1
                    });
                    within[index].push((path, tree.arrays[index].fields.len() as u32));
                    // A topic has at most 1,000 fields.
                    tree.arrays[index].fields.push(FieldSlot(slot as u16));
                }
                Field::Key | Field::Header(_) | Field::Timestamp => {}
            }
        }
        let paths: Vec<Vec<String>> = tree.arrays.iter().map(|array| array.path.clone()).collect();
        let arrays: Vec<Lead<'_>> = paths.iter().map(Vec::as_slice).zip(0..).collect();
        tree.node(&values, &arrays);
        for (index, within) in within.iter().enumerate() {
            let (own, below): (Vec<Lead<'_>>, Vec<Lead<'_>>) = within.iter().partition(|(path, _)| path.is_empty());
            tree.arrays[index].own = own.first().map_or(NONE, |(_, slot)| *slot);
            if !below.is_empty() {
                tree.arrays[index].node = tree.node(&below, &[]);
            }
        }
        tree
    }

    /// Adds the node of an object that these paths lead into; its number.
    fn node(&mut self, values: &[Lead<'_>], arrays: &[Lead<'_>]) -> u32 {
        let number = self.nodes.len();
        self.nodes.push(Node { number: number as u32, names: Names::new(&[]), entries: Vec::new() });
        let mut keys: Vec<&String> = values.iter().chain(arrays).filter_map(|(path, _)| path.first()).collect();
        keys.sort_unstable();
        keys.dedup();
        let names: Vec<String> = keys.iter().map(|key| (*key).clone()).collect();
        let entries = keys.iter().map(|key| self.entry(key, values, arrays)).collect();
        self.nodes[number] = Node { number: number as u32, names: Names::new(&names), entries };
        number as u32
    }

    fn entry(&mut self, key: &String, values: &[Lead<'_>], arrays: &[Lead<'_>]) -> Entry {
        let at = |leads: &[Lead<'_>]| {
            let here = leads.iter().find(|(path, _)| matches!(path, [only] if only == key));
            here.map_or(NONE, |(_, number)| *number)
        };
        fn below<'f>(leads: &[Lead<'f>], key: &String) -> Vec<Lead<'f>> {
            let through = leads.iter().filter_map(|(path, number)| match path.split_first() {
                Some((first, rest)) if first == key && !rest.is_empty() => Some((rest, *number)),
                _ => None,
            });
            through.collect()
        }
        let (slot, array) = (at(values), at(arrays));
        let (values, arrays) = (below(values, key), below(arrays, key));
        if array == NONE && values.is_empty() && arrays.is_empty() {
            return Entry { slot, inner: NONE };
        }
        let node = if values.is_empty() && arrays.is_empty() { NONE } else { self.node(&values, &arrays) };
        let numbers = |leads: &[Lead<'_>]| leads.iter().map(|(_, number)| *number).collect::<Vec<u32>>();
        let mut all_arrays = numbers(&arrays);
        all_arrays.extend((array != NONE).then_some(array));
        self.inners.push(Inner { node, array, slots: numbers(&values), arrays: all_arrays });
        Entry { slot, inner: self.inners.len() as u32 - 1 }
    }

    /// The record's own object.
    pub(super) fn root(&self) -> Option<&Node> {
        self.nodes.first()
    }

    pub(super) fn inner(&self, entry: Entry) -> Option<&Inner> {
        self.inners.get(entry.inner as usize)
    }

    /// The object that paths lead into there.
    pub(super) fn inner_node(&self, inner: &Inner) -> Option<&Node> {
        self.nodes.get(inner.node as usize)
    }

    /// The object that an element is, where fields of it are read.
    pub(super) fn element_node(&self, array: &Array) -> Option<&Node> {
        self.nodes.get(array.node as usize)
    }
}

impl Node {
    /// What the value of that key fills.
    #[inline]
    pub(super) fn entry(&self, key: &[u8]) -> Entry {
        self.names.slot(key).and_then(|position| self.entries.get(position)).copied().unwrap_or(Entry::UNREAD)
    }
}

impl Entry {
    /// Of a key that nobody reads.
    pub(super) const UNREAD: Entry = Entry { slot: NONE, inner: NONE };

    /// The slot of the value itself; past the end where nobody reads it, or only parts of it are read.
    #[inline]
    pub(super) fn slot(self) -> usize {
        self.slot as usize
    }

    /// Whether only the value itself is read.
    #[inline]
    pub(super) fn is_plain(self) -> bool {
        self.inner == NONE
    }
}

impl Inner {
    /// The array that is read as rows there.
    pub(super) fn array(&self) -> Option<usize> {
        (self.array != NONE).then_some(self.array as usize)
    }
}

impl Array {
    /// The slot of the element itself, among those of an element.
    pub(super) fn own(&self) -> Option<usize> {
        (self.own != NONE).then_some(self.own as usize)
    }
}
