//! `CspNonce`: the nonce that a page's own scripts and styles carry, new for each response.

use std::fmt;
use std::sync::{Arc, OnceLock};

/// The nonce that a page's own scripts and styles carry, new for each response (CSP 3 §7.1).
///
/// The browser runs only the scripts whose `nonce` attribute equals the nonce in the policy. An attacker who injects a
/// script does not know it. It consists of 128 random bits in hexadecimal, the minimum that CSP 3 recommends.
/// [`SecurityHeaders`](crate::SecurityHeaders) puts one into the request's extensions if its policy uses nonces, and a
/// handler [extracts](crate::extract) it. The nonce is generated when it is first read. Read it before the
/// handler returns its response: the layer adds it to the policy only if it was read by then.
///
/// Write it only into `nonce` attributes, and never into an element whose content an attacker may control. Do not cache
/// the page: two responses with one nonce would let an attacker who reads the first inject into the second.
///
/// ```
/// use axum::response::Html;
/// use portcullis::CspNonce;
///
/// async fn page(nonce: CspNonce) -> Html<String> {
///     Html(format!(r#"<script nonce="{nonce}" src="/app.js"></script>"#))
/// }
/// # let _ = page;
/// ```
#[derive(Clone)]
// Clones share the cell: the layer keeps one, and sees whether the handler has read another.
pub struct CspNonce(Arc<OnceLock<Option<[u8; Self::LEN]>>>);

impl CspNonce {
    /// The length in hexadecimal digits.
    pub(crate) const LEN: usize = 32;

    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// Returns the nonce.
    ///
    /// It is empty if the operating system provides no random bits. The policy then allows no element by its nonce.
    #[must_use]
    pub fn as_str(&self) -> &str {
        text(self.0.get_or_init(generate).as_ref())
    }

    /// Returns the nonce if it was read and is not empty.
    pub(crate) fn generated(&self) -> Option<&str> {
        self.0.get().map(|digits| text(digits.as_ref())).filter(|text| !text.is_empty())
    }
}

fn text(digits: Option<&[u8; CspNonce::LEN]>) -> &str {
    // Hexadecimal digits are UTF-8.
    digits.and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default()
}

fn generate() -> Option<[u8; CspNonce::LEN]> {
    let mut bits = [0_u8; CspNonce::LEN / 2];
    if let Err(error) = getrandom::fill(&mut bits) {
        tracing::error!(%error, "no random bits for a CSP nonce: the browser will block the page's scripts");
        return None;
    }
    let mut digits = [0; CspNonce::LEN];
    hex::encode_to_slice(bits, &mut digits).ok()?;
    Some(digits)
}

/// Writes the nonce, for a template.
impl fmt::Display for CspNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Hides the nonce, so that it does not reach a log.
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
    fn it_is_generated_on_first_read_and_then_stays_the_same() {
        let nonce = CspNonce::new();
        let clone = nonce.clone();
        assert_eq!(clone.generated(), None);
        let text = nonce.to_string();
        assert_eq!((nonce.as_str(), clone.as_str(), clone.generated()), (&*text, &*text, Some(&*text)));
    }

    #[test]
    fn it_has_128_random_bits_in_hexadecimal() {
        let nonces: HashSet<_> = (0..1_000).map(|_| CspNonce::new().to_string()).collect();
        assert_eq!(nonces.len(), 1_000);
        for nonce in &nonces {
            assert!(nonce.len() == 32 && nonce.bytes().all(|byte| b"0123456789abcdef".contains(&byte)), "{nonce}");
        }
        // Each position takes all 16 digits, so no bit is constant.
        for position in 0..32 {
            let digits: HashSet<_> = nonces.iter().map(|nonce| nonce.as_bytes()[position]).collect();
            assert_eq!(digits.len(), 16, "{position}");
        }
    }

    #[test]
    fn debug_output_hides_it() {
        let nonce = CspNonce::new();
        assert!(!format!("{nonce:?}").contains(nonce.as_str()));
    }
}
