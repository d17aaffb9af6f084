//! Weak RSA keys, constructed as their generators construct them.

use num_bigint::BigUint;
use proptest::prelude::*;

use super::*;

const F4: [u8; 3] = [1, 0, 1];

/// An odd modulus with this number of bits and without the fingerprint of ROCA.
fn modulus(bits: u32) -> Vec<u8> {
    let mut number = (BigUint::from(1_u8) << (bits - 1)) + 1_u8;
    while is_roca(&number.to_bytes_be()) {
        number += 2_u8;
    }
    number.to_bytes_be()
}

#[test]
fn an_rsa_modulus_must_have_2048_to_8192_bits() {
    for (bits, expected) in [
        (512, Err(KeyError::RsaModulus)),
        (1024, Err(KeyError::RsaModulus)),
        (2047, Err(KeyError::RsaModulus)),
        (2048, Ok(())),
        (8192, Ok(())),
        (8193, Err(KeyError::RsaModulus)),
    ] {
        assert_eq!(check_rsa(&modulus(bits), &F4), expected, "{bits}");
    }
    assert_eq!(check_rsa(&[], &F4), Err(KeyError::RsaModulus));
}

#[test]
fn leading_zeros_are_not_part_of_a_number() {
    for (number, expected) in [(&[0, 0, 1, 0][..], &[1, 0][..]), (&[1, 0], &[1, 0]), (&[0, 0], &[]), (&[], &[])] {
        assert_eq!(without_leading_zeros(number), expected);
    }
}

#[test]
fn an_rsa_exponent_must_be_odd_and_above_65536() {
    for exponent in [&[][..], &[1], &[3], &[0xff, 0xff], &[1, 0, 0]] {
        assert_eq!(check_rsa(&modulus(2048), exponent), Err(KeyError::RsaExponent), "{exponent:?}");
    }
    for exponent in [&[1, 0, 1][..], &[1, 0, 0, 1]] {
        assert_eq!(check_rsa(&modulus(2048), exponent), Ok(()), "{exponent:?}");
    }
}

/// A product of two numbers of the form of ROCA's primes: k * M + (65537^a mod M), where M is the product of the first
/// primes.
fn roca_modulus() -> BigUint {
    let m: BigUint = ROCA_PRIMES.iter().map(|prime| BigUint::from(*prime)).product::<BigUint>() * 2_u8;
    let generator = BigUint::from(65537_u32);
    let prime_like = |k: u32, a: u32| {
        let scale = (BigUint::from(1_u8) << 1023) / &m + k;
        scale * &m + generator.modpow(&BigUint::from(a), &m)
    };
    prime_like(12_345, 77) * prime_like(54_321, 1234)
}

#[test]
fn a_modulus_of_the_roca_generator_is_rejected() {
    let modulus = roca_modulus();
    assert!(modulus.bits() >= 2046);
    let modulus = if modulus.bits() < 2048 { modulus * 65537_u32 } else { modulus };
    assert_eq!(check_rsa(&modulus.to_bytes_be(), &F4), Err(KeyError::Roca));
    assert_eq!(check_rsa(&(modulus + 2_u8).to_bytes_be(), &F4), Ok(()));
}

proptest! {
    #[test]
    fn no_bytes_panic(
        modulus in proptest::collection::vec(any::<u8>(), 0..1100),
        exponent in proptest::collection::vec(any::<u8>(), 0..5),
    ) {
        let _ = check_rsa(&modulus, &exponent);
    }
}
