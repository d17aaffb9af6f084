//! `IssuerTable`: finds the issuer of a token by its `iss`.

use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};

use crate::jwt::issuer::trusted::TrustedIssuer;

/// The configured issuers, with an index by every `iss` that one of them accepts.
///
/// The comparison is exact (RFC 7519 §4.1.1, RFC 8725 §3.8). URLs are not normalized: two spellings may be two issuers,
/// of which one belongs to an attacker.
///
/// A lookup takes the same time whatever the number of issuers.
#[derive(Debug)]
pub(crate) struct IssuerTable {
    issuers: Vec<TrustedIssuer>,
    /// From `iss` to the index of the issuer: the names, and the other values of `iss` that issuers accept.
    ///
    /// A fast hash suffices, because no caller can insert a value.
    index: HashMap<Arc<str>, usize>,
}

impl IssuerTable {
    /// Creates the table. The caller ensures that no two issuers accept the same `iss`.
    pub(crate) fn new(issuers: Vec<TrustedIssuer>) -> Self {
        let mut index = HashMap::with_capacity(issuers.len());
        for (position, issuer) in issuers.iter().enumerate() {
            index.insert(Arc::clone(&issuer.name), position);
            if let Some(alias) = issuer.conventions.alias {
                index.insert(alias.into(), position);
            }
        }
        Self { issuers, index }
    }

    /// Returns the issuer of tokens with this `iss`, and its position.
    pub(crate) fn find(&self, iss: &str) -> Option<(usize, &TrustedIssuer)> {
        let position = *self.index.get(iss)?;
        Some((position, self.issuers.get(position)?))
    }

    /// Returns the issuer whose name differs from this `iss` by a trailing slash, a common mistake.
    pub(crate) fn find_without_slash(&self, iss: &str) -> Option<&TrustedIssuer> {
        let other = match iss.strip_suffix('/') {
            Some(without_slash) => self.find(without_slash),
            None => self.find(&format!("{iss}/")),
        };
        other.map(|(_, issuer)| issuer)
    }

    pub(crate) fn get(&self, position: usize) -> Option<&TrustedIssuer> {
        self.issuers.get(position)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &TrustedIssuer> {
        self.issuers.iter()
    }
}
