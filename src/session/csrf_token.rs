//! `CsrfToken`: a token in forms, for browsers that send neither `Sec-Fetch-Site` nor `Origin`.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::session::secret::{RandomUnavailable, SessionDigest, random_bytes};

/// Returns a token for a session. It differs each time, so that a compressed page does not reveal it (BREACH).
///
/// # Errors
///
/// Returns [`RandomUnavailable`] if the generator of the operating system fails.
pub(super) fn new_token(session: &SessionDigest) -> Result<String, RandomUnavailable> {
    let random = random_bytes::<16>()?;
    let tag = sign(session, &random);
    Ok(format!("{}.{}", URL_SAFE_NO_PAD.encode(*random), URL_SAFE_NO_PAD.encode(tag)))
}

/// Whether the token is one of this session.
pub(super) fn is_token_of(session: &SessionDigest, token: &str) -> bool {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    let Some((random, tag)) = token.split_once('.') else { return false };
    let Some(random) = decode(random).and_then(|random| <[u8; 16]>::try_from(random).ok()) else { return false };
    let Some(tag) = decode(tag) else { return false };
    hmac::verify(&key(session), &message(session, &random), &tag).is_ok()
}

fn sign(session: &SessionDigest, random: &[u8; 16]) -> hmac::Tag {
    hmac::sign(&key(session), &message(session, random))
}

/// The digest is known to the server only: the browser has the text that it is of.
fn key(session: &SessionDigest) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, session.as_bytes())
}

/// The purpose and the parts, each after its length, so that no two lists of parts make one message.
fn message(session: &SessionDigest, random: &[u8; 16]) -> Vec<u8> {
    let parts: [&[u8]; 3] = [b"csrf", session.as_bytes(), random];
    let part = |part: &[u8]| [&(part.len() as u64).to_be_bytes(), part].concat();
    parts.into_iter().flat_map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_of_one_session_and_differs_each_time() {
        let [one, other] = [[1; 32], [2; 32]].map(SessionDigest::from_bytes);
        let token = new_token(&one).unwrap();
        assert!(is_token_of(&one, &token) && !is_token_of(&other, &token));
        assert_ne!(new_token(&one).unwrap(), token);
        for altered in ["", ".", "a.b", &token[1..], &token[..token.len() - 1], &token.replace('.', "")] {
            assert!(!is_token_of(&one, altered), "{altered}");
        }
    }
}
