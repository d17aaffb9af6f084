//! `ParentDomains`: the patterns of an `OriginSet` for hosts below a domain, by this domain.

use foldhash::{HashMap, HashSet};

use crate::field::origin::Origin;

/// The domains below which hosts match.
#[derive(Default)]
pub(super) struct ParentDomains {
    http: HashMap<Box<str>, Patterns>,
    https: HashMap<Box<str>, Patterns>,
    /// The length of the longest domain, so that longer ones need no lookup.
    max_len: usize,
}

/// The patterns of one scheme and domain.
#[derive(Default)]
pub(super) struct Patterns {
    /// The ports on which every host below the domain matches.
    subdomains: HashSet<Port>,
    /// The patterns for one label. They are compared one by one: an app has few of them, and each takes a comparison of
    /// at most 63 bytes.
    labels: Vec<LabelPattern>,
}

/// A label with one star, and the port of its host.
struct LabelPattern {
    prefix: Box<str>,
    suffix: Box<str>,
    port: Port,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Port {
    Any,
    Default,
    Number(u16),
}

impl ParentDomains {
    pub(super) fn is_empty(&self) -> bool {
        self.max_len == 0
    }

    /// Returns the patterns below this domain, to add one.
    pub(super) fn below(&mut self, parent: &str, is_https: bool) -> &mut Patterns {
        self.max_len = self.max_len.max(parent.len());
        let parents = if is_https { &mut self.https } else { &mut self.http };
        parents.entry(parent.into()).or_default()
    }

    /// Whether a pattern below some domain matches this origin.
    pub(super) fn contains(&self, origin: &Origin<'_>) -> bool {
        let parents = if origin.is_https() { &self.https } else { &self.http };
        let host = origin.host();
        let port = origin.port().map_or(Port::Default, Port::Number);
        // For `a.b.example.org`: `b.example.org`, `example.org`, `org`. A parent is a whole number of labels, so
        // `barexample.org` does not match a pattern for `example.org`, and the host itself is not among them.
        let splits = host.match_indices('.').filter_map(|(dot, _)| host.get(..dot).zip(host.get(dot + 1..)));
        let mut candidates = splits.skip_while(|(_, parent)| parent.len() > self.max_len);
        candidates.any(|(below, parent)| parents.get(parent).is_some_and(|patterns| patterns.contains(below, port)))
    }
}

impl Patterns {
    pub(super) fn add_subdomains(&mut self, port: Port) {
        self.subdomains.insert(port);
    }

    pub(super) fn add_label(&mut self, prefix: &str, suffix: &str, port: Port) {
        self.labels.push(LabelPattern { prefix: prefix.into(), suffix: suffix.into(), port });
    }

    /// Whether a pattern matches the part of the host below the domain, which is one label or several.
    fn contains(&self, below: &str, port: Port) -> bool {
        self.subdomains.contains(&Port::Any)
            || self.subdomains.contains(&port)
            || self.labels.iter().any(|pattern| pattern.matches(below, port))
    }
}

impl LabelPattern {
    /// The star stands for one or more letters, digits and hyphens. It never stands for a dot, so several labels do not
    /// match.
    fn matches(&self, below: &str, port: Port) -> bool {
        let middle = below.strip_prefix(&*self.prefix).and_then(|rest| rest.strip_suffix(&*self.suffix));
        let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_label = middle.is_some_and(|middle| !middle.is_empty() && middle.bytes().all(is_legal));
        is_label && (self.port == Port::Any || self.port == port)
    }
}
