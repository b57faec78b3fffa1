//! Which slot a key fills: a small table keyed by a key's length and three of its bytes, laid out so that names rarely collide.

/// The keys of an object that are read.
#[derive(Clone, Debug)]
pub(super) struct Names {
    fields: Vec<Box<[u8]>>,
    /// Positions in `fields` plus one, 0 where free; a power of two long and at most a quarter full, probed linearly.
    table: Vec<u32>,
    multiplier: u32,
    shift: u32,
}

/// How many multipliers are tried for a table without collisions. Two names alike in all that is hashed always collide.
const MULTIPLIERS_TRIED: u32 = 256;

impl Names {
    pub(super) fn new(fields: &[String]) -> Names {
        let size = (fields.len() * 4).next_power_of_two().max(8);
        let mut names = Names {
            fields: fields.iter().map(|field| field.as_bytes().into()).collect(),
            table: vec![0; size],
            multiplier: 0,
            shift: 32 - size.trailing_zeros(),
        };
        // Odd multiples of the golden ratio's fraction: the same choice for the same names, everywhere.
        let candidates = (0..MULTIPLIERS_TRIED).map(|number| 0x9e37_79b1_u32.wrapping_mul(2 * number + 1));
        let best = candidates.min_by_key(|multiplier| names.lay_out(*multiplier));
        names.lay_out(best.unwrap_or(1));
        names
    }

    /// The position of the field of that name.
    #[inline]
    pub(super) fn slot(&self, name: &[u8]) -> Option<usize> {
        let mut place = self.place(name);
        loop {
            let slot = (*self.table.get(place)? as usize).checked_sub(1)?;
            if &**self.fields.get(slot)? == name {
                return Some(slot);
            }
            place = (place + 1) & (self.table.len() - 1);
        }
    }

    #[inline]
    fn place(&self, name: &[u8]) -> usize {
        let Some((&last, _)) = name.split_last() else {
            return 0;
        };
        let (first, middle) = (name[0], name[name.len() / 2]);
        let mixed = u32::from_le_bytes([first, middle, last, name.len() as u8]);
        (mixed.wrapping_mul(self.multiplier) >> self.shift) as usize
    }

    /// Fills the table with that multiplier; returns how many steps besides the first all look-ups of names take together.
    fn lay_out(&mut self, multiplier: u32) -> usize {
        self.multiplier = multiplier;
        self.table.fill(0);
        let mut steps = 0;
        for slot in 0..self.fields.len() {
            let mut place = self.place(&self.fields[slot]);
            while self.table[place] != 0 {
                place = (place + 1) & (self.table.len() - 1);
                steps += 1;
            }
            self.table[place] = slot as u32 + 1;
        }
        steps
    }
}
