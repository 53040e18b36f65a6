//! What is random in a run, and from which seed? The order of the cells and the ids a client makes up.
//! The same seed draws the same, on every machine and in every version of this tool.

use uuid::{Builder, Uuid};

/// A stream of numbers that one seed determines (SplitMix64). Not for secrets.
#[derive(Debug, Clone)]
pub struct Draws {
    state: u64,
}

impl Draws {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Self {
        Draws { state: seed }
    }

    /// The stream of the `part`-th part of `seed`'s work: it does not depend on what the other parts drew,
    /// so a cell draws the same whether it runs alone or in a matrix.
    pub fn of_part(seed: u64, part: u64) -> Self {
        Draws::new(seed ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15)).branch()
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A stream of its own, determined by this one.
    pub fn branch(&mut self) -> Self {
        Draws::new(self.number())
    }

    /// The next UUID (version 4).
    pub fn uuid(&mut self) -> Uuid {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.number().to_be_bytes());
        bytes[8..].copy_from_slice(&self.number().to_be_bytes());
        Builder::from_random_bytes(bytes).into_uuid()
    }

    /// Puts `items` into an order of this stream's choice (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            // The remainder prefers small numbers by less than one part in 2^50 here.
            let chosen = (self.number() % (end as u64 + 1)) as usize;
            items.swap(end, chosen);
        }
    }
}

/// A seed nobody chose; it is printed, so that the run can be repeated.
pub fn fresh_seed() -> u64 {
    let mut bytes = [0; 4];
    // Without randomness any seed will do: it is not a secret, and it is printed.
    let _ = getrandom::fill(&mut bytes);
    u64::from(u32::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_draws_one_stream() {
        let draw = |seed| {
            let mut draws = Draws::new(seed);
            let mut order: Vec<u32> = (0..100).collect();
            draws.shuffle(&mut order);
            (order, draws.uuid())
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let (mut order, _) = draw(7);
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_numbers_are_those_of_the_published_algorithm() {
        // From the reference implementation, seed 1234567.
        let mut draws = Draws::new(1_234_567);
        assert_eq!(draws.number(), 6_457_827_717_110_365_317);
        assert_eq!(draws.number(), 3_203_168_211_198_807_973);
    }
}
