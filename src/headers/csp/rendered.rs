//! `Rendered`: a policy rendered to its header value, with gaps for the nonce.
//!
//! A policy without a nonce is a `HeaderValue` that each response clones. For a policy with a nonce, a response joins
//! the text between the gaps and the nonce in one allocation.

use std::fmt;

use http::HeaderValue;

use crate::context::CspNonce;
use crate::headers::csp::policy::Csp;
use crate::headers::csp::source::Source;

impl Csp {
    /// Renders the policy. Called when the layer is built, and not per response.
    pub(in crate::headers) fn rendered(&self) -> Rendered {
        Rendered::of(self)
    }
}

/// Writes the policy as it is sent, with `'nonce-...'` for the nonce. A valid policy parses back from this text.
impl fmt::Display for Csp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.rendered().value(Some("..."), true);
        f.write_str(value.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default())
    }
}

/// A policy rendered to its header value.
#[derive(Debug)]
pub(in crate::headers) struct Rendered {
    /// The value for a response without a nonce. `None` if it would be empty.
    plain: Option<HeaderValue>,
    /// As `plain`, with `upgrade-insecure-requests`.
    plain_upgraded: Option<HeaderValue>,
    /// The text between the nonces. A policy without nonces is one piece.
    pieces: Box<[Box<str>]>,
    has_upgrade: bool,
}

impl Rendered {
    /// Renders a policy that need not be valid, since `Display` shows invalid ones too.
    fn of(csp: &Csp) -> Self {
        let plain = text_of(csp, false);
        let plain_upgraded = if csp.upgrades_insecure_requests { with_upgrade(plain.clone()) } else { plain.clone() };
        let value = |text: String| HeaderValue::try_from(text).ok().filter(|value| !value.is_empty());
        Self {
            plain: value(plain),
            plain_upgraded: value(plain_upgraded),
            pieces: text_of(csp, true).split(NONCE_MARK).map(Into::into).collect(),
            has_upgrade: csp.upgrades_insecure_requests,
        }
    }

    /// Whether the policy has a source that allows a nonce.
    pub(in crate::headers) fn has_nonce(&self) -> bool {
        self.pieces.len() > 1
    }

    /// Whether the policy has `upgrade-insecure-requests`.
    pub(in crate::headers) fn has_upgrade(&self) -> bool {
        self.has_upgrade
    }

    /// Returns the header value for one response, or `None` if the policy is empty for it.
    ///
    /// Without a nonce, the sources that allow one are omitted, because no element of the page has it.
    pub(in crate::headers) fn value(&self, nonce: Option<&str>, is_upgraded: bool) -> Option<HeaderValue> {
        let plain = if is_upgraded { &self.plain_upgraded } else { &self.plain };
        let Some(nonce) = nonce.filter(|_| self.has_nonce()) else { return plain.clone() };
        // The exact capacity: `HeaderValue` would allocate again to drop spare bytes.
        let upgrade_len = if is_upgraded && self.has_upgrade { SEPARATOR.len() + UPGRADE.len() } else { 0 };
        let mut text = String::with_capacity(self.len(nonce.len()) + upgrade_len);
        for (index, piece) in self.pieces.iter().enumerate() {
            if index > 0 {
                text.push_str(nonce);
            }
            text.push_str(piece);
        }
        if upgrade_len > 0 {
            text = with_upgrade(text);
        }
        HeaderValue::try_from(text).ok().or_else(|| plain.clone())
    }

    /// Returns the length of the longest value, in bytes.
    pub(super) fn max_len(&self) -> usize {
        let upgrade_len = if self.has_upgrade { UPGRADE.len() } else { 0 };
        self.len(CspNonce::LEN) + upgrade_len
    }

    /// Returns the length of the value with a nonce of this length, without `upgrade-insecure-requests`.
    fn len(&self, nonce_len: usize) -> usize {
        self.pieces.iter().map(|piece| piece.len()).sum::<usize>() + (self.pieces.len() - 1) * nonce_len
    }
}

/// Renders all directives except the upgrade, with a mark at each nonce or without the sources that allow a nonce.
fn text_of(csp: &Csp, has_nonce: bool) -> String {
    let mut directives: Vec<String> = Vec::new();
    for (directive, sources) in csp.lists() {
        let mut words = vec![directive.name().to_owned()];
        let allows_nonce = sources.contains(&Source::Nonce);
        words.extend(sources.iter().filter_map(|source| match source {
            Source::Nonce => has_nonce.then(|| format!("'nonce-{NONCE_MARK}'")),
            // Browsers ignore 'unsafe-inline' beside a nonce. Without the nonce it would allow every inline script.
            Source::UnsafeInline if allows_nonce && !has_nonce => None,
            source => Some(source.to_string()),
        }));
        // The nonce was the only source. A directive without sources would allow nothing too, but looks like a mistake.
        if words.len() == 1 && !sources.is_empty() {
            words.push(Source::None.to_string());
        }
        directives.push(words.join(" "));
    }
    for (name, words) in [("sandbox", &csp.sandbox), ("trusted-types", &csp.trusted_types)] {
        directives.extend(words.as_ref().map(|words| [&[name.to_owned()], &**words].concat().join(" ")));
    }
    if csp.requires_trusted_types {
        directives.push("require-trusted-types-for 'script'".to_owned());
    }
    directives.extend(csp.report_uri.as_ref().map(|uri| format!("report-uri {uri}")));
    directives.extend(csp.report_to.as_ref().map(|endpoint| format!("report-to {endpoint}")));
    directives.join(SEPARATOR)
}

/// Adds `upgrade-insecure-requests`. It is last because it depends on the request.
fn with_upgrade(mut text: String) -> String {
    if !text.is_empty() {
        text.push_str(SEPARATOR);
    }
    text.push_str(UPGRADE);
    text
}

/// Marks where a nonce goes. Validation rejects a source that contains this byte.
const NONCE_MARK: char = '\0';
const SEPARATOR: &str = "; ";
const UPGRADE: &str = "upgrade-insecure-requests";
