//! `CspNonce`: the word that a page's own scripts and styles bear, new for each answer.

use std::fmt;
use std::sync::{Arc, OnceLock};

/// The word that a page's own scripts and styles bear (CSP 3 §7.1): 128 random bits in hexadecimal, new for each answer.
///
/// [`SecurityHeaders`](crate::SecurityHeaders) puts one into a request's extensions where its policy asks for one, and
/// an `Extractor<CspNonce>` gives it to a handler. It is drawn when it is first asked for, which must be before the handler
/// returns its response: the policy names no other.
///
/// Write it into `nonce` attributes alone. What an attacker may write into the page must never come to stand in an element
/// that bears it.
#[derive(Clone)]
pub struct CspNonce(Arc<OnceLock<Option<[u8; Self::LEN]>>>);

impl CspNonce {
    pub(crate) const LEN: usize = 32;

    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// The word. Empty where the system gives no random bits: the policy then lets nothing in by a nonce.
    #[must_use]
    pub fn as_str(&self) -> &str {
        text(self.0.get_or_init(draw).as_ref())
    }

    /// The word, if somebody asked for it.
    pub(crate) fn drawn(&self) -> Option<&str> {
        self.0.get().map(|drawn| text(drawn.as_ref())).filter(|text| !text.is_empty())
    }
}

fn text(drawn: Option<&[u8; CspNonce::LEN]>) -> &str {
    // Hexadecimal digits are UTF-8.
    drawn.and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default()
}

fn draw() -> Option<[u8; CspNonce::LEN]> {
    let mut bits = [0_u8; CspNonce::LEN / 2];
    if let Err(error) = getrandom::fill(&mut bits) {
        tracing::error!(%error, "no random bits for a nonce: the page's scripts will not run");
        return None;
    }
    let mut digits = [0; CspNonce::LEN];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bits) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
    }
    Some(digits)
}

fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble }
}

/// The word, for a template.
impl fmt::Display for CspNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CspNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CspNonce").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn it_is_drawn_when_it_is_asked_for_and_then_the_same() {
        let nonce = CspNonce::new();
        let outside = nonce.clone();
        assert_eq!(outside.drawn(), None);
        let word = nonce.to_string();
        assert_eq!((nonce.as_str(), outside.as_str(), outside.drawn()), (&*word, &*word, Some(&*word)));
    }

    #[test]
    fn it_has_128_bits_in_hexadecimal_and_never_comes_again() {
        let words: HashSet<_> = (0..1_000).map(|_| CspNonce::new().to_string()).collect();
        assert_eq!(words.len(), 1_000);
        for word in &words {
            assert!(word.len() == 32 && word.bytes().all(|byte| b"0123456789abcdef".contains(&byte)), "{word}");
        }
        // Each place takes each digit: no bit is fixed.
        for place in 0..32 {
            let digits: HashSet<_> = words.iter().map(|word| word.as_bytes()[place]).collect();
            assert_eq!(digits.len(), 16, "{place}");
        }
    }

    #[test]
    fn it_does_not_show_in_a_log() {
        let nonce = CspNonce::new();
        assert!(!format!("{nonce:?}").contains(nonce.as_str()));
    }
}
