//! Which 32 bytes are the public key of Ed25519 (RFC 8032 §5.1): aws-lc looks only when it verifies.

/// Whether this is a point of the curve in canonical form, and not one of small order, under which forgeries verify.
pub(crate) fn is_key(point: &[u8; 32]) -> bool {
    let mut y = *point;
    y[31] &= 0x7f;
    !is_small_order(point) && is_below_prime(&y) && has_x(&Element::from_bytes(&y))
}

/// Whether an encoded point has order 1, 2, 4 or 8, its sign bit aside.
pub(crate) fn is_small_order(point: &[u8; 32]) -> bool {
    let mut y = *point;
    y[31] &= 0x7f;
    SMALL_ORDER.contains(&y)
}

/// Below 2^255 - 19; little-endian.
fn is_below_prime(y: &[u8; 32]) -> bool {
    let [lowest, middle @ .., highest] = y;
    *lowest < 0xed || *highest < 0x7f || middle.iter().any(|byte| *byte < 0xff)
}

/// RFC 8032 §5.1.3: x^2 = (y^2 - 1) / (d y^2 + 1) has a solution, which is so where the product of the two is a square,
/// by Euler's criterion.
fn has_x(y: &Element) -> bool {
    let square = y.times(y);
    let numerator = square.plus(&Element::MINUS_ONE);
    let denominator = square.times(&Element::D).plus(&Element::ONE);
    // Zero is a square too, but of y = 1 and y = -1 alone, which are of small order.
    numerator.times(&denominator).to_half_order() == Element::ONE
}

/// A number modulo 2^255 - 19 in four limbs, least first, always reduced. It holds public values alone: nothing here is
/// constant in time.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Element([u64; 4]);

impl Element {
    const ONE: Self = Self([1, 0, 0, 0]);
    const MINUS_ONE: Self = Self([0xffff_ffff_ffff_ffec, u64::MAX, u64::MAX, 0x7fff_ffff_ffff_ffff]);
    const PRIME: [u64; 4] = [0xffff_ffff_ffff_ffed, u64::MAX, u64::MAX, 0x7fff_ffff_ffff_ffff];
    /// RFC 8032 §5.1: -121665/121666.
    const D: Self = Self([0x75eb_4dca_1359_78a3, 0x0070_0a4d_4141_d8ab, 0x8cc7_4079_7779_e898, 0x5203_6cee_2b6f_fe73]);

    fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut limbs = [0; 4];
        for (limb, chunk) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
            *limb = chunk.iter().rev().fold(0, |limb, byte| limb << 8 | u64::from(*byte));
        }
        Self(limbs)
    }

    fn plus(&self, other: &Self) -> Self {
        let mut sum = [0; 8];
        let mut carry = 0_u128;
        for ((limb, a), b) in sum.iter_mut().zip(self.0).zip(other.0) {
            carry += u128::from(a) + u128::from(b);
            *limb = low(carry);
            carry >>= 64;
        }
        Self::reduced(sum)
    }

    fn times(&self, other: &Self) -> Self {
        let mut product = [0; 8];
        for (shift, a) in self.0.into_iter().enumerate() {
            let mut carry = 0_u128;
            for (limb, b) in product.iter_mut().skip(shift).zip(other.0.into_iter().chain([0])) {
                carry += u128::from(a) * u128::from(b) + u128::from(*limb);
                *limb = low(carry);
                carry >>= 64;
            }
        }
        Self::reduced(product)
    }

    /// 2^256 is 38 modulo the prime: what lies above is folded in, until nothing does, and the prime taken off.
    fn reduced(mut limbs: [u64; 8]) -> Self {
        while limbs.iter().skip(4).any(|limb| *limb != 0) {
            let mut folded = [0; 8];
            let mut carry = 0_u128;
            let (below, above) = limbs.split_at(4);
            for ((limb, low_limb), high_limb) in folded.iter_mut().zip(below).zip(above) {
                carry += u128::from(*low_limb) + 38 * u128::from(*high_limb);
                *limb = low(carry);
                carry >>= 64;
            }
            folded[4] = low(carry);
            limbs = folded;
        }
        let [a, b, c, d, ..] = limbs;
        let mut element = Self([a, b, c, d]);
        while let Some(less) = element.minus_prime() {
            element = less;
        }
        element
    }

    fn minus_prime(&self) -> Option<Self> {
        let mut difference = [0; 4];
        let mut borrow = false;
        for ((limb, a), b) in difference.iter_mut().zip(self.0).zip(Self::PRIME) {
            let (first, is_below) = a.overflowing_sub(b);
            let (second, is_lower) = first.overflowing_sub(u64::from(borrow));
            *limb = second;
            borrow = is_below || is_lower;
        }
        (!borrow).then_some(Self(difference))
    }

    /// To the power of (p - 1) / 2 = 2^254 - 10: 1 for a square, 0 for zero, else -1.
    fn to_half_order(self) -> Self {
        let mut power = Self::ONE;
        for bit in (0..254).rev() {
            power = power.times(&power);
            // 2^254 - 10 in binary: ones but for the bits 0 and 3.
            if bit != 0 && bit != 3 {
                power = power.times(&self);
            }
        }
        power
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low half of a double limb is what is wanted")]
fn low(double: u128) -> u64 {
    double as u64
}

// The y coordinates of the eight points of small order, little-endian, and the encodings of 0 and 1 above the prime.
const SMALL_ORDER: [[u8; 32]; 7] = [
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
    use curve25519_dalek::edwards::CompressedEdwardsY;
    use proptest::prelude::*;

    use super::*;

    /// What dalek says of the same bytes.
    fn is_key_by_dalek(bytes: [u8; 32]) -> bool {
        let point = CompressedEdwardsY(bytes).decompress();
        point.is_some_and(|point| !point.is_small_order() && point.compress().0 == bytes)
    }

    #[test]
    fn every_point_of_small_order_is_known_by_each_of_its_encodings() {
        for point in EIGHT_TORSION {
            let encoded = point.compress().to_bytes();
            let mut other_sign = encoded;
            other_sign[31] ^= 0x80;
            for encoding in [encoded, other_sign] {
                assert!(is_small_order(&encoding) && !is_key(&encoding), "{encoding:?}");
            }
        }
        for encoding in [coordinate(0xed, 0xff, 0x7f), coordinate(0xee, 0xff, 0xff)] {
            assert!(is_small_order(&encoding) && !is_key(&encoding), "{encoding:?}");
        }
        let base = ED25519_BASEPOINT_POINT.compress().to_bytes();
        assert!(is_key(&base) && !is_small_order(&base));
    }

    #[test]
    fn no_coordinate_at_or_above_the_prime_is_a_key() {
        for lowest in 0xed..=0xff {
            assert!(!is_key(&coordinate(lowest, 0xff, 0x7f)), "{lowest:x}");
            assert!(!is_key(&coordinate(lowest, 0xff, 0xff)), "{lowest:x}");
        }
        for lowest in 0xd0..=0xff {
            for (middle, highest) in [(0xff, 0x7f), (0xfe, 0x7f), (0xff, 0x7e)] {
                let bytes = coordinate(lowest, middle, highest);
                assert_eq!(is_key(&bytes), is_key_by_dalek(bytes), "{bytes:?}");
            }
        }
    }

    #[test]
    fn small_coordinates_are_keys_where_dalek_says_so() {
        for y in 0..=255 {
            for highest in [0x00, 0x80] {
                let bytes = coordinate(y, 0, highest);
                assert_eq!(is_key(&bytes), is_key_by_dalek(bytes), "{bytes:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_key_is_what_dalek_takes_for_one(bytes in any::<[u8; 32]>()) {
            prop_assert_eq!(is_key(&bytes), is_key_by_dalek(bytes));
        }
    }
}
