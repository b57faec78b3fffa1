//! Seeded chance for the demo's company: the same seed gives the same company. Not for anything that must not be guessed.

/// A stream of random numbers: SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014).
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// 64 random bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in 0..1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `low..high`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with probability `p`.
    pub(super) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Exponential with that mean: the time to the next of independent arrivals.
    pub(super) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// Log-normal with that mean and that standard deviation of its logarithm: how long people and parcels take.
    pub(super) fn lognormal(&mut self, mean: f64, sigma: f64) -> f64 {
        // Box and Muller; 1 − unit is never 0.
        let normal = (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos();
        mean * (sigma * normal - sigma * sigma / 2.0).exp()
    }

    /// One of `choices`, by their weights. The list is not empty.
    pub(super) fn pick<T: Copy>(&mut self, choices: &[(T, f64)]) -> T {
        let mut left = self.unit() * choices.iter().map(|(_, weight)| weight).sum::<f64>();
        for (choice, weight) in choices {
            left -= weight;
            if left < 0.0 {
                return *choice;
            }
        }
        choices[choices.len() - 1].0
    }
}

/// Says yes to a given share of the questions, evenly: the share of a few hundred is the intended one, and the story does not hang on luck.
#[derive(Clone, Debug, Default)]
pub(super) struct Quota(f64);

impl Quota {
    /// Whether this one of the questions, each with its own share, is a yes.
    pub(super) fn take(&mut self, share: f64) -> bool {
        self.0 += share;
        let yes = self.0 >= 1.0;
        if yes {
            self.0 -= 1.0;
        }
        yes
    }
}
