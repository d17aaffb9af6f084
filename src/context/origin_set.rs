//! `OriginSet`: the web origins that an app trusts, looked up in constant time.
//!
//! An exact origin is found with one hash of the `Origin` header, without parsing it. Only if that fails, and the set
//! has patterns, is the header parsed. A pattern for subdomains then costs one lookup per label of the host, whatever
//! the number of patterns.

use std::fmt;
use std::sync::Arc;

// A fast hash is enough: the app chooses the members, so callers cannot provoke collisions.
use foldhash::{HashMap, HashSet};

use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::field::origin::{MAX_LEN, Origin, OriginError};

/// The web origins that an app trusts: a set of exact origins and patterns.
///
/// | item | matches |
/// |---|---|
/// | `https://app.example.com` | this origin, written as a browser sends it |
/// | `https://*.example.com` | every subdomain at any depth, but not `https://example.com` |
/// | `http://localhost:*` | the host on any port |
///
/// Both stars may be combined, as in `https://*.example.com:*`. Without a port, an item matches only the scheme's
/// default port. Clones share the set. With the feature `serde`, it is deserialized from a list of such items.
///
/// ```
/// use portcullis::OriginSet;
///
/// let origins = OriginSet::new([
///     "https://app.example.com",
///     "https://*.example.org",
///     "http://localhost:*",
/// ])?;
/// assert!(origins.contains("https://app.example.com"));
/// assert!(origins.contains("https://a.b.example.org"));
/// assert!(origins.contains("http://localhost:5173"));
///
/// assert!(!origins.contains("https://app.example.com:8443"));
/// assert!(!origins.contains("https://example.org"));
/// assert!(!origins.contains("https://barexample.org"));
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
///
/// An item that would never match, or would match too much, is an error with a remedy:
///
/// ```
/// use portcullis::OriginSet;
///
/// let wrong = [
///     "https://app.example.com/", // a trailing slash
///     "https://App.example.com",  // browsers send lower case
///     "https://a.example:443",    // browsers omit the default port
///     "app.example.com",          // no scheme
///     "null",                     // every sandboxed frame
///     "https://*.co.uk",          // anyone can register a domain
/// ];
/// let error = OriginSet::new(wrong).unwrap_err();
/// assert_eq!(error.issues().len(), 6);
/// let remedy = "write it in lower case, as browsers send it";
/// assert_eq!(error.issues()[1].remedy(), remedy);
/// ```
///
/// A pattern trusts every host that someone can create below the domain. If users can publish pages there, or a
/// forgotten DNS entry can be taken over, list the hosts one by one.
#[derive(Clone)]
#[must_use]
pub struct OriginSet(Arc<Origins>);

#[derive(Default)]
struct Origins {
    exact: HashSet<Box<str>>,
    /// Scheme and host of the origins that match on any port.
    any_port: HashSet<Box<str>>,
    /// The domains whose subdomains match.
    parents: ParentDomains,
    /// The members whose connections are not encrypted, except loopback hosts.
    unencrypted: Vec<Box<str>>,
}

#[derive(Default)]
struct ParentDomains {
    http: HashMap<Box<str>, HashSet<Port>>,
    https: HashMap<Box<str>, HashSet<Port>>,
    /// The length of the longest domain, so that longer ones need no lookup.
    max_len: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Port {
    Any,
    Default,
    Number(u16),
}

impl OriginSet {
    /// Creates a set of these origins and patterns.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the list is empty or an item is invalid. These items are invalid:
    ///
    /// - an item that is neither a pattern nor an origin as browsers send it;
    /// - a pattern for a public suffix, such as `https://*.com`, because anyone can register a domain below it.
    pub fn new<I>(origins: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        Self::parse(origins, false)
    }

    /// Creates a set as [`new`](Self::new) does, but accepts patterns below public suffixes.
    ///
    /// Such a pattern trusts strangers: anyone can register a domain that matches `https://*.com`. Use it for a suffix
    /// below which only you create names, such as an internal one that the Public Suffix List does not know.
    ///
    /// ```
    /// use portcullis::OriginSet;
    ///
    /// let pattern = ["https://*.internal"];
    /// assert!(OriginSet::new(pattern).is_err());
    /// let origins = OriginSet::dangerously_with_public_suffixes(pattern)?;
    /// assert!(origins.contains("https://wiki.internal"));
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] in the same cases as [`new`](Self::new), except for public suffixes.
    pub fn dangerously_with_public_suffixes<I>(origins: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let set = Self::parse(origins, true);
        set.map_err(|error| error.with_setting("OriginSet::dangerously_with_public_suffixes"))
    }

    /// Returns whether the set contains this origin, given as the value of an `Origin` header.
    ///
    /// Compares bytes, as browsers do (Fetch, "CORS check"): the text is not normalized, and one that is not an origin
    /// is not contained.
    #[must_use]
    pub fn contains(&self, origin: &str) -> bool {
        let origins = &*self.0;
        // Longer text cannot be an origin, and must not cost a hash of its bytes.
        if origin.len() > MAX_LEN {
            return false;
        }
        origins.exact.contains(origin) || origins.has_pattern_for(origin)
    }

    /// The members whose connections are not encrypted, except loopback hosts.
    pub(crate) fn unencrypted(&self) -> impl Iterator<Item = &str> {
        self.0.unencrypted.iter().map(|origin| &**origin)
    }

    fn parse<I>(origins: I, allows_public_suffixes: bool) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let mut issues = ConfigIssues::default();
        let mut set = Origins::default();
        let mut is_empty = true;
        for origin in origins {
            is_empty = false;
            let origin = origin.as_ref();
            if let Err(issue) = set.add(origin, allows_public_suffixes) {
                issues.add(issue.with_value(origin));
            }
        }
        if is_empty {
            let (reason, remedy) = ("the list is empty", "add at least one origin");
            issues.add(ConfigIssue::new("OriginSet::new", IssueKind::Missing, reason, remedy));
        }
        issues.into_result(|| Self(Arc::new(set)))
    }
}

impl Origins {
    /// Adds an origin or a pattern.
    fn add(&mut self, text: &str, allows_public_suffixes: bool) -> Result<(), Box<ConfigIssue>> {
        let any_port = text.strip_suffix(":*");
        let subdomains = any_port.unwrap_or(text).split_once("://*.");
        // Without its stars, a pattern is an origin.
        let bare = match subdomains {
            Some((scheme, parent)) => format!("{scheme}://{parent}"),
            None => any_port.unwrap_or(text).to_owned(),
        };
        if bare.contains('*') {
            return Err(misplaced_star(text));
        }
        let origin = Origin::parse(&bare).map_err(malformed)?;
        if any_port.is_some() && origin.port().is_some() {
            return Err(malformed(OriginError::Port));
        }
        if !origin.is_https() && !origin.is_loopback() {
            self.unencrypted.push(text.into());
        }
        if subdomains.is_none() {
            let set = if any_port.is_some() { &mut self.any_port } else { &mut self.exact };
            set.insert(origin.text().into());
            return Ok(());
        }
        validate_parent(&origin, allows_public_suffixes)?;
        let port = match origin.port() {
            _ if any_port.is_some() => Port::Any,
            Some(port) => Port::Number(port),
            None => Port::Default,
        };
        self.parents.add(&origin, port);
        Ok(())
    }

    /// Whether a pattern matches this origin.
    fn has_pattern_for(&self, text: &str) -> bool {
        if self.any_port.is_empty() && self.parents.max_len == 0 {
            return false;
        }
        let Ok(origin) = Origin::parse(text) else { return false };
        self.any_port.contains(origin.without_port()) || self.parents.has_parent_of(&origin)
    }
}

impl ParentDomains {
    fn add(&mut self, parent: &Origin<'_>, port: Port) {
        let parents = if parent.is_https() { &mut self.https } else { &mut self.http };
        parents.entry(parent.host().into()).or_default().insert(port);
        self.max_len = self.max_len.max(parent.host().len());
    }

    /// Whether a pattern for the subdomains of some domain matches this origin.
    fn has_parent_of(&self, origin: &Origin<'_>) -> bool {
        let parents = if origin.is_https() { &self.https } else { &self.http };
        let host = origin.host();
        let port = origin.port().map_or(Port::Default, Port::Number);
        // For `a.b.example.org`: `b.example.org`, `example.org`, `org`. A parent is a whole number of labels, so
        // `barexample.org` does not match a pattern for `example.org`, and the host itself is not among them.
        let ancestors = host.match_indices('.').filter_map(|(dot, _)| host.get(dot + 1..));
        let candidates = ancestors.skip_while(|parent| parent.len() > self.max_len);
        let mut ports = candidates.filter_map(|parent| parents.get(parent));
        ports.any(|ports| ports.contains(&Port::Any) || ports.contains(&port))
    }
}

impl fmt::Debug for OriginSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OriginSet").field("exact", &self.0.exact).finish_non_exhaustive()
    }
}

/// Validates the origin below which a pattern matches every host.
fn validate_parent(origin: &Origin<'_>, allows_public_suffixes: bool) -> Result<(), Box<ConfigIssue>> {
    if origin.is_address() {
        return Err(issue(IssueKind::Invalid, "an address has no subdomains", "write the address without `*.`"));
    }
    if !allows_public_suffixes && !origin.is_loopback() && is_public_suffix(origin.host()) {
        return Err(issue(
            IssueKind::Prohibited,
            "anyone can register a domain below a public suffix",
            "name a domain of yours, or call OriginSet::dangerously_with_public_suffixes",
        ));
    }
    Ok(())
}

fn misplaced_star(text: &str) -> Box<ConfigIssue> {
    if text == "*" {
        let remedy = "call any_origin() if every page may read the responses";
        return issue(IssueKind::Invalid, "a star is not an origin", remedy);
    }
    let reason = "a star is allowed only as the first label and as the port";
    issue(IssueKind::Invalid, reason, "write https://*.example.com or http://localhost:*")
}

fn malformed(error: OriginError) -> Box<ConfigIssue> {
    issue(IssueKind::Invalid, error.reason(), error.remedy())
}

fn issue(kind: IssueKind, reason: &'static str, remedy: &'static str) -> Box<ConfigIssue> {
    Box::new(ConfigIssue::new("OriginSet::new", kind, reason, remedy))
}

/// Whether anyone can register a domain below this one, according to the Public Suffix List.
fn is_public_suffix(domain: &str) -> bool {
    // A wildcard rule such as `*.kawasaki.jp` makes every name below the domain a suffix, but not the domain itself. So
    // a name below it is looked up, too; no rule has the label `-`. `suffix_str` returns the longest rule that matches.
    // A domain that no rule lists has its last label as the suffix, so an unknown top-level domain is a public suffix
    // too.
    let below = format!("-.{domain}");
    [domain, &below].into_iter().any(|domain| psl::suffix_str(domain) == Some(domain))
}

#[cfg(test)]
mod tests;
