//! Validation of Ed25519 public keys and signatures beyond what aws-lc checks (RFC 8032 §5.1).

use curve25519_dalek::edwards::CompressedEdwardsY;

/// Whether these bytes are a point of the curve, in canonical form and not of small order.
///
/// aws-lc checks a key only when it verifies, and permits small orders. With such a key, one signature is valid for
/// many messages, so an issuer that published it would let everyone sign.
pub(crate) fn is_valid_key(bytes: &[u8; 32]) -> bool {
    let point = CompressedEdwardsY(*bytes).decompress();
    // Decompression accepts some encodings that are not canonical; compressing again reveals them.
    point.is_some_and(|point| !point.is_small_order() && point.compress().to_bytes() == *bytes)
}

/// Whether these bytes encode a point of order 1, 2, 4 or 8, in any encoding.
///
/// A table instead of dalek's `is_small_order`, because every signature check calls this for the point R of the
/// signature: decompressing it would take 44,000 instructions, 9 % of the check.
pub(crate) fn is_small_order(bytes: &[u8; 32]) -> bool {
    let mut y = *bytes;
    // The highest bit is the sign of x.
    y[31] &= 0x7f;
    SMALL_ORDER_Y.contains(&y)
}

// The y coordinates of the eight points of small order, little-endian, then the encodings of 0 and 1 plus the prime.
const SMALL_ORDER_Y: [[u8; 32]; 7] = [
    [0; 32],
    coordinate(0x01, 0x00, 0x00),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    coordinate(0xec, 0xff, 0x7f),
    coordinate(0xed, 0xff, 0x7f),
    coordinate(0xee, 0xff, 0x7f),
];

const fn coordinate(lowest: u8, middle: u8, highest: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    bytes[0] = lowest;
    bytes[31] = highest;
    bytes
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_encoding_of_a_point_of_small_order_is_rejected() {
        for point in EIGHT_TORSION {
            let encoded = point.compress().to_bytes();
            let mut other_sign = encoded;
            other_sign[31] ^= 0x80;
            for encoding in [encoded, other_sign] {
                assert!(is_small_order(&encoding) && !is_valid_key(&encoding), "{encoding:?}");
            }
        }
        for encoding in [coordinate(0xed, 0xff, 0x7f), coordinate(0xee, 0xff, 0xff)] {
            assert!(is_small_order(&encoding) && !is_valid_key(&encoding), "{encoding:?}");
        }
        let base = ED25519_BASEPOINT_POINT.compress().to_bytes();
        assert!(is_valid_key(&base) && !is_small_order(&base));
    }

    #[test]
    fn a_coordinate_at_or_above_the_prime_is_not_a_key() {
        for lowest in 0xed..=0xff {
            assert!(!is_valid_key(&coordinate(lowest, 0xff, 0x7f)), "{lowest:x}");
            assert!(!is_valid_key(&coordinate(lowest, 0xff, 0xff)), "{lowest:x}");
        }
    }

    /// Whether RFC 8032 §5.1.3 finds an x: (y^2 - 1) / (d y^2 + 1) is a nonzero square, by Euler's criterion.
    fn is_on_curve(bytes: &[u8; 32]) -> bool {
        use num_bigint::BigUint;
        let prime = (BigUint::from(1_u8) << 255) - 19_u8;
        let mut y = *bytes;
        y[31] &= 0x7f;
        let y = BigUint::from_bytes_le(&y);
        let inverse = |number: &BigUint| number.modpow(&(&prime - 2_u8), &prime);
        let d = (&prime - 121_665_u32) * inverse(&BigUint::from(121_666_u32));
        let square = &y * &y % &prime;
        let (numerator, denominator) = (&square + &prime - 1_u8, d * &square + 1_u8);
        let power = (numerator * denominator).modpow(&((&prime - 1_u8) >> 1), &prime);
        y < prime && power == BigUint::from(1_u8)
    }

    #[test]
    fn a_small_coordinate_is_a_key_if_it_is_on_the_curve() {
        for y in 0..=255 {
            for highest in [0x00, 0x80] {
                let bytes = coordinate(y, 0, highest);
                let expected = is_on_curve(&bytes) && !is_small_order(&bytes);
                assert_eq!(is_valid_key(&bytes), expected, "{bytes:?}");
            }
        }
    }

    #[test]
    fn a_large_coordinate_is_a_key_if_it_is_below_the_prime_and_on_the_curve() {
        for lowest in 0xd0..=0xff {
            for (middle, highest) in [(0xff, 0x7f), (0xfe, 0x7f), (0xff, 0x7e)] {
                let bytes = coordinate(lowest, middle, highest);
                let expected = is_on_curve(&bytes) && !is_small_order(&bytes);
                assert_eq!(is_valid_key(&bytes), expected, "{bytes:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_key_is_a_point_of_the_curve(bytes in any::<[u8; 32]>()) {
            prop_assert_eq!(is_valid_key(&bytes), is_on_curve(&bytes) && !is_small_order(&bytes));
        }
    }
}
