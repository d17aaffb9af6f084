//! `OriginSet`: the web origins that an app trusts, matched in time that does not grow with their number.

use std::fmt;
use std::sync::Arc;

// Who asks cannot write the members, so a hash that is merely fast will do.
use foldhash::{HashMap, HashSet};

use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::field::origin::{MAX_LEN, Origin, OriginFault};

/// The web origins that an app trusts.
///
/// Each is spelt as a browser sends it, `https://app.example.com`, or is a pattern: `https://*.example.com` for all below a
/// domain at any depth, and not for itself; `http://localhost:*` for any port. Clones share the set.
///
/// ```
/// use portcullis::OriginSet;
///
/// let origins = OriginSet::new(["https://app.example.com", "https://*.example.org", "http://localhost:*"])?;
/// assert!(origins.contains("https://app.example.com"));
/// assert!(origins.contains("https://a.b.example.org") && !origins.contains("https://example.org"));
/// assert!(origins.contains("http://localhost:5173") && !origins.contains("https://barexample.org"));
/// assert!(OriginSet::new(["https://app.example.com/"]).is_err());
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct OriginSet(Arc<Origins>);

#[derive(Default)]
struct Origins {
    exact: HashSet<Box<str>>,
    /// Scheme and host, of any port.
    any_port: HashSet<Box<str>>,
    /// The domains whose subdomains are let in, of `http` and of `https`.
    parents: [HashMap<Box<str>, HashSet<Port>>; 2],
    longest_parent: usize,
    /// What is reached without encryption, but for loopback.
    plain: Vec<Box<str>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Port {
    Any,
    Default,
    Number(u16),
}

impl OriginSet {
    /// These origins and patterns.
    ///
    /// # Errors
    ///
    /// Names every one that no browser would ever send, and every pattern that is not of the two forms; an empty list; and
    /// a pattern over a public suffix, below which anybody may register a domain.
    pub fn new<I>(origins: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        Self::read(origins, false)
    }

    /// As [`new`](Self::new), with patterns over public suffixes let in: of `https://*.com`, for example, anybody may be.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), but for public suffixes.
    pub fn dangerously_with_public_suffixes<I>(origins: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        Self::read(origins, true)
    }

    /// Whether the set has this origin: the value of an `Origin` field, byte for byte.
    #[must_use]
    pub fn contains(&self, origin: &str) -> bool {
        let origins = &*self.0;
        if origin.len() > MAX_LEN {
            return false;
        }
        origins.exact.contains(origin) || origins.has_pattern(origin)
    }

    /// The members that are reached without encryption, but for loopback.
    pub(crate) fn plain(&self) -> impl Iterator<Item = &str> {
        self.0.plain.iter().map(|origin| &**origin)
    }

    fn read<I>(origins: I, lets_public_suffixes_in: bool) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let mut problems = ConfigIssues::default();
        let mut set = Origins::default();
        let mut is_empty = true;
        for origin in origins {
            is_empty = false;
            let origin = origin.as_ref();
            if let Err(problem) = set.add(origin, lets_public_suffixes_in) {
                problems.add(problem.with_value(origin));
            }
        }
        if is_empty {
            problems.add(ConfigIssue::new("origins", IssueKind::Missing, "there is none", "name one at least"));
        }
        problems.into_result(|| Self(Arc::new(set)))
    }
}

impl Origins {
    fn add(&mut self, text: &str, lets_public_suffixes_in: bool) -> Result<(), Box<ConfigIssue>> {
        let any_port = text.strip_suffix(":*");
        let star = any_port.unwrap_or(text).split_once("://*.");
        // A pattern is judged without its stars.
        let bare = match star {
            Some((scheme, parent)) => format!("{scheme}://{parent}"),
            None => any_port.unwrap_or(text).to_owned(),
        };
        if bare.contains('*') {
            let (reason, remedy) =
                ("a star stands elsewhere than as first label or as port", "write https://*.example.com");
            let whole = ("a star is no origin", "say any_origin() where every page may read the answers");
            let (reason, remedy) = if text == "*" { whole } else { (reason, remedy) };
            return Err(refused(IssueKind::Invalid, reason, remedy));
        }
        let origin = Origin::parse(&bare).map_err(misspelt)?;
        if any_port.is_some() && origin.port().is_some() {
            return Err(misspelt(OriginFault::Port));
        }
        let (has_any_port, is_loopback) = (any_port.is_some(), origin.is_loopback());
        if !origin.is_https() && !is_loopback {
            self.plain.push(text.into());
        }
        if star.is_none() {
            let set = if has_any_port { &mut self.any_port } else { &mut self.exact };
            set.insert(origin.text().into());
            return Ok(());
        }
        if origin.is_address() {
            return Err(refused(IssueKind::Invalid, "an address has no subdomains", "name the address alone"));
        }
        if !lets_public_suffixes_in && !is_loopback && is_public_suffix(origin.host()) {
            return Err(refused(
                IssueKind::Prohibited,
                "anybody may register a domain below a public suffix",
                "name a domain of yours, or say OriginSet::dangerously_with_public_suffixes",
            ));
        }
        let port = match origin.port() {
            _ if has_any_port => Port::Any,
            Some(port) => Port::Number(port),
            None => Port::Default,
        };
        let parents = &mut self.parents[usize::from(origin.is_https())];
        parents.entry(origin.host().into()).or_default().insert(port);
        self.longest_parent = self.longest_parent.max(origin.host().len());
        Ok(())
    }

    fn has_pattern(&self, text: &str) -> bool {
        if self.any_port.is_empty() && self.longest_parent == 0 {
            return false;
        }
        let Ok(origin) = Origin::parse(text) else { return false };
        self.any_port.contains(origin.without_port()) || self.has_parent(&origin)
    }

    /// Whether a domain above this one, at a label's boundary, lets its subdomains in.
    fn has_parent(&self, origin: &Origin<'_>) -> bool {
        let [plain, encrypted] = &self.parents;
        let parents = if origin.is_https() { encrypted } else { plain };
        let host = origin.host();
        let starts = host.match_indices('.').map(|(dot, _)| &host[dot + 1..]);
        let near = starts.skip_while(|parent| parent.len() > self.longest_parent);
        let port = origin.port().map_or(Port::Default, Port::Number);
        near.filter_map(|parent| parents.get(parent)).any(|ports| ports.contains(&Port::Any) || ports.contains(&port))
    }
}

impl fmt::Debug for OriginSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OriginSet").field("exact", &self.0.exact).finish_non_exhaustive()
    }
}

fn misspelt(fault: OriginFault) -> Box<ConfigIssue> {
    refused(IssueKind::Invalid, fault.reason(), fault.remedy())
}

fn refused(fault: IssueKind, reason: &'static str, remedy: &'static str) -> Box<ConfigIssue> {
    Box::new(ConfigIssue::new("origins", fault, reason, remedy))
}

/// Whether anybody may register a domain below this one, by the Public Suffix List.
fn is_public_suffix(domain: &str) -> bool {
    // A rule with a star, as *.kawasaki.jp, makes a suffix of every name below a domain and not of the domain. No rule
    // names this label.
    let below = format!("-.{domain}");
    [domain, &below].into_iter().any(|domain| psl::suffix_str(domain) == Some(domain))
}

#[cfg(test)]
mod tests;
