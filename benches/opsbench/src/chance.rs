//! Seeded chance, the same on every machine (but for the last bit of `ln` and `cos`, which no answer depends on).

/// splitmix64.
pub struct Chance(u64);

impl Chance {
    /// Chance that is the same for the same seed.
    pub fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    /// Any 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0 … bound − 1, each as likely.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// 0 ≤ x < 1.
    pub fn share(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Whether something of this probability happens.
    pub fn is(&mut self, probability: f64) -> bool {
        self.share() < probability
    }

    /// 0 … bound − 1, the low ones more often: as warehouses and categories are in a company.
    pub fn skewed(&mut self, bound: u16) -> u16 {
        let share = self.share();
        ((share * share * f64::from(bound)) as u16).min(bound - 1)
    }

    /// e to the power of a normal deviate: times of work, amounts of orders.
    pub fn log_normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.share()).ln()).sqrt();
        (mean + deviation * radius * (std::f64::consts::TAU * self.share()).cos()).exp()
    }

    /// A waiting time with this mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -(1.0 - self.share()).ln() * mean
    }
}
