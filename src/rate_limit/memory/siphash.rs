//! SipHash-1-3, a word at a time.

/// A hash that nobody who does not know the key can steer (Aumasson and Bernstein, "SipHash", 2012), with the one round a
/// word and the three at the end of std's tables.
///
/// That of std takes pieces of any length and keeps what ends within a word for the next, which takes longer than the
/// hashing of an address.
pub(super) struct Sip {
    words: [u64; 4],
    len: u64,
}

impl Sip {
    #[inline]
    pub(super) fn keyed([low, high]: [u64; 2]) -> Self {
        let words = [low ^ SOME, high ^ DORANDOM, low ^ LYGENERA, high ^ TEDBYTES];
        Self { words, len: 0 }
    }

    #[inline]
    pub(super) fn word(&mut self, word: u64) {
        self.len = self.len.wrapping_add(8);
        self.compress(word);
    }

    /// The hash of all words and of the seven low bytes of this one.
    #[inline]
    pub(super) fn finish(mut self, tail: u64) -> u64 {
        let len = self.len.wrapping_add(7);
        self.compress(len << 56 | tail & (u64::MAX >> 8));
        self.words[2] ^= 0xff;
        (0..3).for_each(|_| self.round());
        let [a, b, c, d] = self.words;
        a ^ b ^ c ^ d
    }

    #[inline]
    fn compress(&mut self, word: u64) {
        self.words[3] ^= word;
        self.round();
        self.words[0] ^= word;
    }

    #[inline]
    fn round(&mut self) {
        let [mut a, mut b, mut c, mut d] = self.words;
        a = a.wrapping_add(b);
        c = c.wrapping_add(d);
        b = b.rotate_left(13) ^ a;
        d = d.rotate_left(16) ^ c;
        a = a.rotate_left(32).wrapping_add(d);
        c = c.wrapping_add(b);
        d = d.rotate_left(21) ^ a;
        b = b.rotate_left(17) ^ c;
        c = c.rotate_left(32);
        self.words = [a, b, c, d];
    }
}

const SOME: u64 = u64::from_be_bytes(*b"somepseu");
const DORANDOM: u64 = u64::from_be_bytes(*b"dorandom");
const LYGENERA: u64 = u64::from_be_bytes(*b"lygenera");
const TEDBYTES: u64 = u64::from_be_bytes(*b"tedbytes");

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hasher};

    use super::*;

    /// Std's, whose key is zero.
    fn of_std(bytes: &[u8]) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        hasher.finish()
    }

    #[test]
    fn the_hash_is_that_of_std() {
        for len in 0..40 {
            let words: Vec<u64> = (1..=len).map(|n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
            for tail in [0, 1, 0xfe, 0x0011_2233_4455_6677, u64::MAX >> 8] {
                let mut sip = Sip::keyed([0, 0]);
                words.iter().for_each(|word| sip.word(*word));
                let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
                bytes.extend_from_slice(&tail.to_le_bytes()[..7]);
                assert_eq!(sip.finish(tail), of_std(&bytes), "{len} words and {tail:x}");
            }
        }
    }

    #[test]
    fn another_key_gives_another_hash() {
        let mut hashes: Vec<u64> =
            [[0, 0], [1, 0], [0, 1], [1, 1]].into_iter().map(|key| Sip::keyed(key).finish(0)).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 4);
    }

    #[test]
    fn a_key_goes_into_the_hash_as_the_paper_has_it() {
        let from_zero = |word: u64| u64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7]) + word * 0x0808_0808_0808_0808;
        // Key and text count up from zero, as those of the paper's appendix A; the hashes are of another program, which gives
        // the one of the appendix where it is told its rounds.
        for (words, hash) in [(0, 0xd392_7d98_9bb1_1140), (1, 0xd320_d86d_2a51_9956), (2, 0x525a_0e7f_dae6_c123)] {
            let mut sip = Sip::keyed([from_zero(0), from_zero(1)]);
            (0..words).for_each(|word| sip.word(from_zero(word)));
            assert_eq!(sip.finish(from_zero(words)), hash, "{words} words and seven bytes");
        }
    }
}
