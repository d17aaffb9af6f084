//! Random characters from the operating system.

use crate::api_key::key::base62::ALPHABET;

/// The operating system provides no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RandomUnavailable;

/// Returns random characters of base62.
///
/// # Errors
///
/// Returns [`RandomUnavailable`] if the generator of the operating system fails. There is no other one.
pub(crate) fn random_base62<const N: usize>() -> Result<[u8; N], RandomUnavailable> {
    from_bytes(|bytes| getrandom::fill(bytes).map_err(|_| RandomUnavailable))
}

/// Returns characters that are as random as the bytes.
///
/// A byte selects a character only if it is below the largest multiple of 62, because the remainder of the others would
/// make the first characters more likely.
fn from_bytes<const N: usize>(
    mut fill: impl FnMut(&mut [u8]) -> Result<(), RandomUnavailable>,
) -> Result<[u8; N], RandomUnavailable> {
    let mut text = [0; N];
    let mut filled = 0;
    for _ in 0..MAX_BLOCKS {
        let mut block = [0; 64];
        fill(&mut block)?;
        for byte in block.into_iter().filter(|byte| *byte < LIMIT) {
            let Some(place) = text.get_mut(filled) else { return Ok(text) };
            *place = ALPHABET.get(usize::from(byte) % ALPHABET.len()).copied().ok_or(RandomUnavailable)?;
            filled += 1;
        }
    }
    // Of honest bytes, one in 32 is skipped.
    Err(RandomUnavailable)
}

/// The largest multiple of 62 that fits into a byte.
const LIMIT: u8 = 248;

/// Enough for keys, and an end if the generator returns the same bytes for ever.
const MAX_BLOCKS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_random_and_unbiased() {
        let mut counts = [0_u32; 256];
        for _ in 0..10_000 {
            let text: [u8; 44] = random_base62().unwrap();
            text.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
        }
        let total: u32 = counts.iter().sum();
        let expected = f64::from(total) / 62.0;
        assert_eq!(ALPHABET.iter().map(|byte| counts[usize::from(*byte)]).sum::<u32>(), total);
        let chi_square =
            ALPHABET.iter().map(|byte| (f64::from(counts[usize::from(*byte)]) - expected).powi(2) / expected);
        // With 61 degrees of freedom, an unbiased generator exceeds 130 once in a million runs.
        let chi_square: f64 = chi_square.sum();
        assert!(chi_square < 130.0, "{chi_square}");
    }

    #[test]
    fn every_byte_below_the_limit_selects_each_character_equally_often() {
        let mut next = 0_u8;
        let text: [u8; 248] = from_bytes(|block| {
            block.iter_mut().for_each(|byte| {
                *byte = next;
                next = next.wrapping_add(1);
            });
            Ok(())
        })
        .unwrap();
        assert!(ALPHABET.iter().all(|byte| text.iter().filter(|other| *other == byte).count() == 4));
    }

    #[test]
    fn a_generator_that_fails_is_an_error_and_not_a_weaker_key() {
        assert_eq!(from_bytes::<12>(|_| Err(RandomUnavailable)), Err(RandomUnavailable));
        assert_eq!(
            from_bytes::<12>(|block| {
                block.fill(255);
                Ok(())
            }),
            Err(RandomUnavailable)
        );
    }
}
