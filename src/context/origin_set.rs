//! `OriginSet`: the web origins that an app trusts, looked up in constant time.
//!
//! An exact origin is found with one hash of the `Origin` header, without parsing it. Only if that fails, and the set
//! has patterns, is the header parsed. A pattern for subdomains then costs one lookup per label of the host, whatever
//! the number of patterns.

mod patterns;

use std::fmt;
use std::sync::Arc;

// A fast hash is enough: the app chooses the members, so callers cannot provoke collisions.
use foldhash::HashSet;

use crate::context::origin_set::patterns::{ParentDomains, Port};
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::field::app_origin;
use crate::field::origin::{MAX_LEN, Origin, OriginError, is_scheme};

/// The web origins that an app trusts: a set of exact origins and patterns.
///
/// | item | matches |
/// |---|---|
/// | `https://app.example.com` | this origin, written as a browser sends it |
/// | `https://*.example.com` | every subdomain at any depth, but not `https://example.com` |
/// | `https://app-*.example.com` | one label: the star stands for one or more letters, digits and hyphens, never a dot |
/// | `http://localhost:*` | the host on any port |
/// | `tauri://localhost` | the pages of a desktop or mobile app, or of a browser extension |
///
/// A star for the port may be combined with the others, as in `https://*.example.com:*`. Without a port, an item
/// matches only the scheme's default port. Clones share the set. With the feature `serde`, it is deserialized from a
/// list of such items.
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
///
/// # Apps and browser extensions
///
/// Web views and browsers send the scheme and host of an app's or extension's page. Such origins match only exactly:
///
/// ```
/// use portcullis::OriginSet;
///
/// let origins = OriginSet::new([
///     "tauri://localhost",      // Tauri on macOS, Linux and iOS
///     "http://tauri.localhost", // Tauri on Windows and Android
///     "capacitor://localhost",  // Capacitor on iOS
///     "https://localhost",      // Capacitor on Android
///     "app://obsidian.md",
///     "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb",
/// ])?;
/// assert!(origins.contains("tauri://localhost"));
/// assert!(OriginSet::new(["chrome-extension://*"]).is_err());
/// assert!(OriginSet::new(["file://"]).is_err());
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
///
/// - Every Tauri app has the origin `tauri://localhost`, and every Capacitor app `capacitor://localhost`. The origin
///   distinguishes a web view from a web site, but not your app from another one.
/// - Firefox and Safari give an extension a new origin in each installation, and VS Code each web view. Those cannot be
///   listed in advance.
/// - `file:` and `data:` are errors, as `null` is: browsers send the same value for such pages of different authors.
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

impl OriginSet {
    /// Creates a set of these origins and patterns.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the list is empty or an item is invalid. These items are invalid:
    ///
    /// - an item that is neither a pattern nor an origin as browsers send it;
    /// - a pattern below a public suffix, such as `https://*.com` or `https://app-*.vercel.app`, because anyone can
    ///   register a matching name.
    pub fn new<I>(origins: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        Self::parse(origins, false)
    }

    /// Creates a set as [`new`](Self::new) does, but accepts patterns below public suffixes.
    ///
    /// Such a pattern trusts strangers: anyone can register a domain that matches `https://*.com`. Use it for a suffix
    /// below which only you create names, such as an internal one that the Public Suffix List does not know, or for
    /// preview deployments of a test server that holds nothing secret. Anyone can give a project a name that matches
    /// the pattern of yours, so never use it with [`allow_credentials`](crate::cors::CorsBuilder::allow_credentials)
    /// in production.
    ///
    /// ```
    /// use portcullis::OriginSet;
    ///
    /// let pattern = ["https://*.internal"];
    /// assert!(OriginSet::new(pattern).is_err());
    /// let origins = OriginSet::dangerously_with_public_suffixes(pattern)?;
    /// assert!(origins.contains("https://wiki.internal"));
    ///
    /// let pattern = ["https://shop-*-acme.vercel.app"];
    /// assert!(OriginSet::new(pattern).is_err());
    /// let previews = OriginSet::dangerously_with_public_suffixes(pattern)?;
    /// assert!(previews.contains("https://shop-git-login-acme.vercel.app"));
    /// assert!(!previews.contains("https://shop-1.x-acme.vercel.app"));
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
        if text.contains('*') { self.add_pattern(text, allows_public_suffixes) } else { self.add_exact(text) }
    }

    fn add_exact(&mut self, text: &str) -> Result<(), Box<ConfigIssue>> {
        match Origin::parse(text) {
            Ok(origin) => self.note_unencrypted(&origin, text),
            // No network carries the pages of an app or an extension, so none of them counts as unencrypted.
            Err(OriginError::Scheme | OriginError::MissingScheme) => app_origin::validate(text).map_err(malformed)?,
            Err(error) => return Err(malformed(error)),
        }
        self.exact.insert(text.into());
        Ok(())
    }

    fn add_pattern(&mut self, text: &str, allows_public_suffixes: bool) -> Result<(), Box<ConfigIssue>> {
        let any_port = text.strip_suffix(":*");
        let bare = any_port.unwrap_or(text);
        let Some((scheme, authority)) = bare.split_once("://") else { return Err(misplaced_star(text)) };
        if is_scheme(scheme) && !["http", "https"].contains(&&*scheme.to_ascii_lowercase()) {
            let reason = "only http and https origins have patterns";
            return Err(issue(IssueKind::Invalid, reason, "list each origin, such as chrome-extension://<id>"));
        }
        // Without its stars, a pattern is an origin: `https://*.a.example` that of the domain, and
        // `https://b*.a.example` one of those that match.
        let subdomains = authority.strip_prefix("*.");
        let label = authority.split_once('*').filter(|_| subdomains.is_none());
        let sample = match (subdomains, label) {
            (Some(parent), _) => format!("{scheme}://{parent}"),
            (None, Some((prefix, after))) => format!("{scheme}://{prefix}x{after}"),
            (None, None) => bare.to_owned(),
        };
        if sample.contains('*') {
            return Err(misplaced_star(text));
        }
        let origin = Origin::parse(&sample).map_err(malformed)?;
        if any_port.is_some() && origin.port().is_some() {
            return Err(malformed(OriginError::Port));
        }
        self.note_unencrypted(&origin, text);
        let port = match origin.port() {
            _ if any_port.is_some() => Port::Any,
            Some(port) => Port::Number(port),
            None => Port::Default,
        };
        match (subdomains, label) {
            (Some(_), _) => {
                validate_parent(&origin, origin.host(), allows_public_suffixes)?;
                self.parents.below(origin.host(), origin.is_https()).add_subdomains(port);
            }
            (None, Some((prefix, _))) => {
                let (first, parent) = origin.host().split_once('.').ok_or_else(|| misplaced_star(text))?;
                // The star is in the first label only if the label starts with what is before the star.
                let suffix = first.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('x'));
                let suffix = suffix.ok_or_else(|| misplaced_star(text))?;
                validate_parent(&origin, parent, allows_public_suffixes)?;
                self.parents.below(parent, origin.is_https()).add_label(prefix, suffix, port);
            }
            (None, None) => drop(self.any_port.insert(origin.text().into())),
        }
        Ok(())
    }

    /// Remembers the item if its connections are not encrypted.
    fn note_unencrypted(&mut self, origin: &Origin<'_>, text: &str) {
        if !origin.is_https() && !origin.is_loopback() {
            self.unencrypted.push(text.into());
        }
    }

    /// Whether a pattern matches this origin.
    fn has_pattern_for(&self, text: &str) -> bool {
        if self.any_port.is_empty() && self.parents.is_empty() {
            return false;
        }
        let Ok(origin) = Origin::parse(text) else { return false };
        self.any_port.contains(origin.without_port()) || self.parents.contains(&origin)
    }
}

impl fmt::Debug for OriginSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OriginSet").field("exact", &self.0.exact).finish_non_exhaustive()
    }
}

/// Validates the domain below which a pattern matches hosts.
fn validate_parent(origin: &Origin<'_>, parent: &str, allows_public_suffixes: bool) -> Result<(), Box<ConfigIssue>> {
    if origin.is_address() {
        return Err(issue(IssueKind::Invalid, "an address has no subdomains", "write the address without `*.`"));
    }
    if !allows_public_suffixes && !origin.is_loopback() && is_public_suffix(parent) {
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
    let reason = "a star is allowed only as the first label, once inside it, or as the port";
    let remedy = "write https://*.example.com, https://app-*.example.com or http://localhost:*";
    issue(IssueKind::Invalid, reason, remedy)
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
