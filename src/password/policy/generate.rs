//! The generator of passwords.

use aws_lc_rs::rand;
use zeroize::Zeroizing;

/// Returns a random password of 24 characters, which are 118 bits.
///
/// The characters are lower-case letters and digits that are not mistaken for others when read or typed.
pub(crate) fn generate() -> Zeroizing<String> {
    let mut password = Zeroizing::new(String::with_capacity(LENGTH));
    let mut random = Zeroizing::new([0; 2 * LENGTH]);
    while password.len() < LENGTH {
        rand::fill(&mut *random).expect("AWS-LC aborts if it has no random bytes, and never returns an error");
        let missing = LENGTH - password.len();
        password.extend(random.iter().filter_map(|byte| character(*byte)).take(missing));
    }
    password
}

/// A character for a random byte; `None` for the last bytes, with which some characters would be more frequent.
fn character(byte: u8) -> Option<char> {
    let copies = usize::from(u8::MAX) / ALPHABET.len();
    let index = usize::from(byte);
    let is_uniform = index < copies * ALPHABET.len();
    is_uniform.then(|| ALPHABET.get(index % ALPHABET.len())).flatten().map(|byte| char::from(*byte))
}

/// The length of a generated password. No policy may require a longer one.
pub(super) const LENGTH: usize = 24;

/// Without `0` and `o`, and without `1`, `i` and `l`.
const ALPHABET: &[u8] = b"23456789abcdefghjkmnpqrstuvwxyz";

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::password::policy::rules::PasswordPolicy;

    #[test]
    fn a_generated_password_has_over_100_bits_in_an_unambiguous_alphabet() {
        let alphabet: BTreeSet<_> = ALPHABET.iter().collect();
        assert_eq!(alphabet.len(), ALPHABET.len());
        assert!((LENGTH as f64) * (ALPHABET.len() as f64).log2() >= 100.0);
        assert!(b"0o1il".iter().all(|ambiguous| !alphabet.contains(ambiguous)));
        let password = generate();
        assert!(password.len() == LENGTH && password.bytes().all(|byte| alphabet.contains(&byte)), "{password:?}");
    }

    #[test]
    fn ten_thousand_generated_passwords_differ_and_their_characters_are_uniform() {
        let all: Vec<_> = (0..10_000).map(|_| generate()).collect();
        assert_eq!(all.iter().map(|password| password.as_str()).collect::<BTreeSet<_>>().len(), all.len());
        let mut counts = BTreeMap::new();
        all.iter().flat_map(|password| password.bytes()).for_each(|byte| *counts.entry(byte).or_insert(0_u32) += 1);
        let expected = (all.len() * LENGTH) as f64 / ALPHABET.len() as f64;
        let chi_square: f64 = counts.values().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
        // 30 degrees of freedom: above 90 in fewer than one run of ten million.
        assert!(counts.len() == ALPHABET.len() && chi_square < 90.0, "{chi_square}");
    }

    #[test]
    fn each_character_comes_from_the_same_number_of_bytes() {
        let mut counts = BTreeMap::new();
        (0..=u8::MAX).filter_map(character).for_each(|character| *counts.entry(character).or_insert(0) += 1);
        assert!(counts.len() == ALPHABET.len() && counts.values().all(|count| *count == 8), "{counts:?}");
    }

    #[test]
    fn a_generated_password_passes_the_strictest_policy() {
        let policy = PasswordPolicy::builder().min_length(LENGTH).max_length(64).context(["Acme"]).build().unwrap();
        for _ in 0..1_000 {
            assert_eq!(policy.check(&generate(), &["ann@example.com"]), []);
        }
    }
}
