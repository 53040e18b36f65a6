//! Is this number prime? The lab's completely stateless call: no session, no store, only arithmetic.

/// The first twelve primes. No composite number below 318,665,857,834,031,151,167,461 passes for prime
/// with all of them as bases, and a `u64` ends long before that: so the answer is certain, not probable.
/// Jonathan Sorenson and Jonathan Webster, "Strong pseudoprimes to twelve prime bases", Mathematics of
/// Computation 86 (2017).
const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];

/// Whether `n` is prime: the test of Miller and Rabin, made deterministic by its choice of bases.
pub fn is_prime(n: u64) -> bool {
    if n < 2 {
        return false;
    }
    for base in BASES {
        if n.is_multiple_of(base) {
            return n == base;
        }
    }
    BASES.iter().all(|&base| passes(n, base))
}

/// Whether the odd number `n` looks prime to `base`: with n − 1 = odd · 2^twos, either base^odd is 1, or
/// squaring it meets −1 before the twos run out. A composite that passes is a strong pseudoprime.
fn passes(n: u64, base: u64) -> bool {
    let twos = (n - 1).trailing_zeros();
    let odd = (n - 1) >> twos;
    let mut power = power_mod(base, odd, n);
    if power == 1 || power == n - 1 {
        return true;
    }
    for _ in 1..twos {
        power = multiply_mod(power, power, n);
        if power == n - 1 {
            return true;
        }
    }
    false
}

fn power_mod(mut base: u64, mut exponent: u64, n: u64) -> u64 {
    let mut product = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            product = multiply_mod(product, base, n);
        }
        base = multiply_mod(base, base, n);
        exponent >>= 1;
    }
    product
}

/// Through `u128`: two `u64` multiplied do not fit into one.
fn multiply_mod(a: u64, b: u64, n: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(n)) as u64
}

#[cfg(test)]
mod tests {
    use super::is_prime;

    #[test]
    fn agrees_with_a_sieve_on_every_number_up_to_a_million() {
        let limit = 1_000_000;
        let mut composite = vec![false; limit + 1];
        composite[0] = true;
        composite[1] = true;
        for p in 2..=limit {
            if !composite[p] {
                for multiple in (p * p..=limit).step_by(p) {
                    composite[multiple] = true;
                }
            }
        }
        for (n, composite) in composite.into_iter().enumerate() {
            assert_eq!(is_prime(n as u64), !composite, "{n}");
        }
    }

    #[test]
    fn is_not_fooled_by_numbers_that_fool_fewer_bases() {
        // Each is the smallest composite that passes with all of the first 1, 2, 3 … primes as bases
        // (OEIS A014233, as far as it fits into a u64).
        for fooler in [
            2_047,
            1_373_653,
            25_326_001,
            3_215_031_751,
            2_152_302_898_747,
            3_474_749_660_383,
            341_550_071_728_321,
            3_825_123_056_546_413_051,
        ] {
            assert!(!is_prime(fooler), "{fooler}");
        }
    }

    #[test]
    fn knows_the_largest_primes_of_a_u64_and_their_neighbours() {
        assert!(is_prime(18_446_744_073_709_551_557));
        for n in 18_446_744_073_709_551_558..=u64::MAX {
            assert!(!is_prime(n), "{n}");
        }
        // A square and a product of two primes near 2^32: nothing small divides them.
        assert!(is_prime(4_294_967_291));
        assert!(!is_prime(4_294_967_291 * 4_294_967_291));
        assert!(!is_prime(4_294_967_291 * 4_294_967_279));
    }
}
