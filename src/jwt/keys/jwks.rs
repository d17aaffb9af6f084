//! `KeySet`: the usable keys of a JWK Set (RFC 7517 §5), and the selection of keys for a token.

use std::borrow::Cow;

use crate::jwt::algorithm::Algorithm;
use crate::jwt::keys::jwk::{Key, KeyFilter};
use crate::jwt::keys::verifier::Verifier;
use crate::jwt::keys::weak::KeyError;
use crate::strict_json::{Object, array, string};

/// The keys of one issuer.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    /// In the order of the document.
    keys: Vec<Key>,
    /// The indices of the keys that have a `kid`, sorted by it. Anyone can send a token with an invented `kid`, so the
    /// search for one must be cheap in a large set too.
    by_kid: Vec<usize>,
}

/// The result of parsing a JWK Set: the usable keys, and the keys that were skipped.
#[derive(Debug)]
pub(crate) struct ParsedKeySet {
    pub(crate) keys: KeySet,
    pub(crate) skipped: Vec<SkippedKey>,
}

/// A key of a JWK Set that is not used.
///
/// It is identified by its position in the set, not by its `kid`: the text of a `kid` is not this app's, so it does not
/// reach a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SkippedKey {
    pub(crate) index: usize,
    pub(crate) error: KeyError,
}

impl SkippedKey {
    /// Logs the first of these keys, one line each, and the number of the others.
    pub(crate) fn log_all(skipped: &[Self], issuer: &str) {
        for key in skipped.iter().take(MAX_LOGGED) {
            tracing::warn!(issuer, key = key.index, reason = %key.error, "skipped a key of the issuer's JWK Set");
        }
        if let Some(others @ 1..) = skipped.len().checked_sub(MAX_LOGGED) {
            tracing::warn!(issuer, others, "skipped more keys of the issuer's JWK Set");
        }
    }
}

impl KeySet {
    /// Adds a key without a `kid`.
    pub(crate) fn add(&mut self, algorithm: Algorithm, verifier: Verifier) {
        self.keys.push(Key { kid: None, algorithm, issuer: None, verifier });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns the keys that may have made a signature with this algorithm and `kid`.
    ///
    /// For a token with a `kid`, that is the key with this `kid` (RFC 7515 §4.1.4), or else the keys without one. For a
    /// token without a `kid`, any key qualifies. At most [`MAX_CANDIDATES`] are returned, so that a token costs a
    /// bounded number of signature checks.
    ///
    /// The algorithm must be that of the key, so a token cannot choose how its signature is verified.
    pub(crate) fn candidates(&self, algorithm: Algorithm, kid: Option<&str>) -> impl Iterator<Item = &Key> {
        let named = self.with_kid(kid).filter(move |key| key.algorithm == algorithm);
        let has_named = named.clone().next().is_some();
        let is_named = kid.is_some();
        let is_other = move |key: &&Key| key.algorithm == algorithm && (!is_named || !has_named && key.kid.is_none());
        named.chain(self.keys.iter().filter(is_other)).take(MAX_CANDIDATES)
    }

    /// Whether the set has a key with this `kid`, for any algorithm.
    pub(crate) fn contains_kid(&self, kid: &str) -> bool {
        self.with_kid(Some(kid)).next().is_some()
    }

    /// Returns the keys with this `kid`, in the order of the document; none if it is `None`.
    fn with_kid(&self, kid: Option<&str>) -> impl Iterator<Item = &Key> + Clone + use<'_> {
        let first = self.by_kid.partition_point(|index| self.kid_at(*index) < kid);
        let end = self.by_kid.partition_point(|index| self.kid_at(*index) <= kid);
        // Without a `kid`, the range is empty: all keys in `by_kid` have one.
        let indices = self.by_kid.get(first..end).unwrap_or_default();
        indices.iter().filter_map(|index| self.keys.get(*index))
    }

    fn kid_at(&self, index: usize) -> Option<&str> {
        self.keys.get(index)?.kid.as_deref()
    }

    fn push(&mut self, key: Key) {
        if let Some(kid) = &key.kid {
            let position = self.by_kid.partition_point(|index| self.kid_at(*index) <= Some(kid));
            self.by_kid.insert(position, self.keys.len());
        }
        self.keys.push(key);
    }

    /// Parses a JWK Set (RFC 7517 §5), or an object of certificates or public keys in PEM by `kid`, as Google publishes
    /// them beside its JWK Sets. Returns `None` for any other text.
    ///
    /// A key that cannot be used is skipped, as RFC 7517 §5 recommends: issuers add keys of new types to sets that
    /// older clients read.
    pub(crate) fn parse(text: &str, filter: &KeyFilter) -> Option<ParsedKeySet> {
        let document = Object::parse(text)?;
        let mut parsed = ParsedKeySet { keys: Self::default(), skipped: Vec::new() };
        let Some(keys) = document.get("keys") else {
            let pems: Option<Vec<_>> = document.iter().map(|(kid, value)| Some((kid, pem_text(value)?))).collect();
            for (index, (kid, pem)) in pems.filter(|pems| !pems.is_empty())?.into_iter().enumerate() {
                parsed.add(index, Key::from_pem(kid, &pem, filter));
            }
            return Some(parsed);
        };
        let jwks = array(keys)?;
        if jwks.len() > MAX_KEYS {
            let error = KeyError::TooMany { count: jwks.len(), max: MAX_KEYS };
            parsed.skipped.push(SkippedKey { index: MAX_KEYS, error });
        }
        for (index, jwk) in jwks.into_iter().take(MAX_KEYS).enumerate() {
            let jwk = Object::parse(jwk.get()).ok_or(KeyError::Malformed);
            parsed.add(index, jwk.and_then(|jwk| Key::from_jwk(&jwk, filter)));
        }
        Some(parsed)
    }
}

impl ParsedKeySet {
    /// Adds the key at this position of the document. Of two keys with the same `kid` and algorithm, the first is used.
    fn add(&mut self, index: usize, key: Result<Key, KeyError>) {
        let is_duplicate =
            |key: &Key| self.keys.with_kid(key.kid.as_deref()).any(|other| other.algorithm == key.algorithm);
        match key {
            Ok(key) if is_duplicate(&key) => self.skipped.push(SkippedKey { index, error: KeyError::Duplicate }),
            Ok(key) => self.keys.push(key),
            Err(error) => self.skipped.push(SkippedKey { index, error }),
        }
    }
}

/// Returns the value of a JSON text that is a string in PEM.
fn pem_text(value: &str) -> Option<Cow<'_, str>> {
    string(value).filter(|text| text.trim_start().starts_with("-----BEGIN "))
}

// Most issuers publish a handful of keys, and some one for each of their customers. A document of 256 KiB, the longest
// that is fetched, has at most about 600 RSA keys or 1,200 EC keys, so this bounds only sets of tiny or unusable keys:
// parsing a key takes up to 30 us. Further keys are not read, which is logged.
pub(crate) const MAX_KEYS: usize = 1_024;

// A set with hundreds of keys for encryption must not flood the log.
const MAX_LOGGED: usize = 16;

// A token without `kid` is checked with the keys of its algorithm: previous, current, next, and one to spare.
pub(crate) const MAX_CANDIDATES: usize = 4;

#[cfg(test)]
mod tests;
