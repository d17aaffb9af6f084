//! `IssuerTable`: finds the issuer of a token by its `iss`.

use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};

use crate::clock::Clock;
use crate::jwt::issuer::trusted::TrustedIssuer;
use crate::jwt::issuers::found::FoundIssuer;
use crate::jwt::issuers::source::IssuerSource;

/// The configured issuers, with an index by every `iss` that one of them accepts, and the sources of others.
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
    /// The indices of issuers of many tenants, whose `iss` contains the tenant.
    templates: Vec<usize>,
    sources: Vec<Arc<IssuerSource>>,
}

/// An issuer of the table, for what outlives a decision: cached tokens and waiting requests.
#[derive(Clone, Debug)]
pub(crate) enum IssuerRef {
    /// The index of a configured issuer.
    Configured(usize),
    Found(Arc<FoundIssuer>),
}

impl IssuerRef {
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Configured(index), Self::Configured(other)) => index == other,
            (Self::Found(issuer), Self::Found(other)) => Arc::ptr_eq(issuer, other),
            _ => false,
        }
    }
}

/// The result of the search for the issuer of a token.
#[derive(Debug)]
pub(crate) enum IssuerSearch<'a> {
    Known(IssuerRef),
    /// The issuer must be looked up by this source.
    Missing(&'a Arc<IssuerSource>),
    /// The issuer is not trusted, and a lookup would not change that.
    Unknown,
}

impl IssuerTable {
    /// Creates the table. The caller ensures that no two issuers accept the same `iss`.
    pub(crate) fn new(issuers: Vec<TrustedIssuer>, sources: Vec<IssuerSource>) -> Self {
        let mut index = HashMap::with_capacity(issuers.len());
        let mut templates = Vec::new();
        for (position, issuer) in issuers.iter().enumerate() {
            if issuer.conventions.tenants.is_some() {
                templates.push(position);
                continue;
            }
            index.insert(Arc::clone(&issuer.name), position);
            if let Some(alias) = issuer.conventions.alias {
                index.insert(alias.into(), position);
            }
        }
        Self { issuers, index, templates, sources: sources.into_iter().map(Arc::new).collect() }
    }

    /// Searches for the issuer of tokens with this `iss`.
    ///
    /// A configured issuer is preferred to one that a source would find.
    pub(crate) fn find(&self, iss: &str, clock: &Clock) -> IssuerSearch<'_> {
        if let Some(position) = self.index.get(iss) {
            return IssuerSearch::Known(IssuerRef::Configured(*position));
        }
        let accepts = |position: &&usize| self.issuers.get(**position).is_some_and(|issuer| issuer.is_of_tenant(iss));
        if let Some(position) = self.templates.iter().find(accepts) {
            return IssuerSearch::Known(IssuerRef::Configured(*position));
        }
        let Some(source) = self.sources.iter().find(|source| source.matches(iss)) else { return IssuerSearch::Unknown };
        let now = clock.monotonic();
        match source.find(iss, now) {
            Some(found) => {
                if found.is_due(now) {
                    source.refresh(&found.issuer.name);
                }
                IssuerSearch::Known(IssuerRef::Found(found))
            }
            None => IssuerSearch::Missing(source),
        }
    }

    /// Returns an issuer, even if it has been withdrawn since it was found.
    pub(crate) fn get<'a>(&'a self, issuer: &'a IssuerRef) -> Option<&'a TrustedIssuer> {
        match issuer {
            IssuerRef::Configured(position) => self.issuers.get(*position),
            IssuerRef::Found(found) => Some(&found.issuer),
        }
    }

    /// Returns an issuer whose tokens are still accepted. Starts a lookup in the background if that is due.
    pub(crate) fn get_current<'a>(&'a self, issuer: &'a IssuerRef, clock: &Clock) -> Option<&'a TrustedIssuer> {
        match issuer {
            IssuerRef::Configured(position) => self.issuers.get(*position),
            IssuerRef::Found(found) => {
                let (now, name) = (clock.monotonic(), &found.issuer.name);
                if !found.is_current(now) {
                    return None;
                }
                if found.is_due(now) {
                    let source = self.sources.iter().find(|source| source.matches(name));
                    source.into_iter().for_each(|source| source.refresh(name));
                }
                Some(&found.issuer)
            }
        }
    }

    /// Records that a key of the issuer has verified a token.
    pub(crate) fn record_verified(issuer: &IssuerRef) {
        if let IssuerRef::Found(found) = issuer {
            found.record_verified();
        }
    }

    /// Returns the issuer whose name differs from this `iss` by a trailing slash, a common mistake.
    pub(crate) fn find_without_slash(&self, iss: &str) -> Option<&TrustedIssuer> {
        let position = match iss.strip_suffix('/') {
            Some(without_slash) => self.index.get(without_slash),
            None => self.index.get(format!("{iss}/").as_str()),
        };
        self.issuers.get(*position?)
    }

    /// Removes an issuer that a source found. Returns whether there was one of this name.
    pub(crate) fn evict(&self, name: &str) -> bool {
        // All of them, although the first one that matches is responsible.
        self.sources
            .iter()
            .filter(|source| source.matches(name))
            .fold(false, |found, source| source.evict(name) | found)
    }

    /// Returns the configured issuers.
    pub(crate) fn configured(&self) -> &[TrustedIssuer] {
        &self.issuers
    }

    /// Returns the names of the configured issuers, and the patterns and prefixes of the others, for the log.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.issuers.iter().map(|issuer| &*issuer.name).chain(self.sources.iter().map(|source| source.text()))
    }
}
