//! `Rendered`: a policy as it is sent, split where the nonce goes.

use http::HeaderValue;

use crate::headers::csp::{Csp, Source};

/// A policy as it is sent.
#[derive(Debug)]
pub(in crate::headers) struct Rendered {
    /// As it is sent where no nonce was asked for: nothing bears one, so none is let in. The second with the upgrade.
    plain: [Option<HeaderValue>; 2],
    /// What stands between the nonces; one piece where there is none.
    pieces: Box<[Box<str>]>,
    has_upgrade: bool,
}

impl Rendered {
    pub(super) fn of(csp: &Csp) -> Self {
        let text = text_of(csp, true);
        let plain = text_of(csp, false);
        let value = |text: &str| HeaderValue::try_from(text).ok().filter(|value| !value.is_empty());
        Self {
            plain: [value(&plain), value(&if csp.has_upgrade { with_upgrade(plain.clone()) } else { plain.clone() })],
            pieces: text.split(MARK).map(Into::into).collect(),
            has_upgrade: csp.has_upgrade,
        }
    }

    /// Whether an answer may have a nonce of its own in it.
    pub(in crate::headers) fn has_nonce(&self) -> bool {
        self.pieces.len() > 1
    }

    pub(in crate::headers) fn has_upgrade(&self) -> bool {
        self.has_upgrade
    }

    /// The field's value for one answer; `None` where the policy says nothing there.
    pub(in crate::headers) fn value(&self, nonce: Option<&str>, is_upgraded: bool) -> Option<HeaderValue> {
        let [plain, upgraded] = &self.plain;
        let ready = if is_upgraded { upgraded } else { plain };
        let Some(nonce) = nonce.filter(|_| self.has_nonce()) else { return ready.clone() };
        // Exact: bytes to spare would cost the field's value an allocation more.
        let upgrade = if is_upgraded && self.has_upgrade { SEPARATOR.len() + UPGRADE.len() } else { 0 };
        let mut text = String::with_capacity(self.len(nonce.len()) + upgrade);
        for (index, piece) in self.pieces.iter().enumerate() {
            if index > 0 {
                text.push_str(nonce);
            }
            text.push_str(piece);
        }
        if upgrade > 0 {
            text = with_upgrade(text);
        }
        HeaderValue::try_from(text).ok().or_else(|| ready.clone())
    }

    /// How many bytes it has at most.
    pub(super) fn longest(&self) -> usize {
        let upgrade = if self.has_upgrade { UPGRADE.len() } else { 0 };
        self.len(crate::context::CspNonce::LEN) + upgrade
    }

    fn len(&self, nonce: usize) -> usize {
        self.pieces.iter().map(|piece| piece.len()).sum::<usize>() + (self.pieces.len() - 1) * nonce
    }
}

/// All but the upgrade; a mark where a nonce goes, or no source that asks for one.
fn text_of(csp: &Csp, has_nonce: bool) -> String {
    let mut parts: Vec<String> = Vec::new();
    for (directive, sources) in csp.lists() {
        let mut words = vec![directive.name().to_owned()];
        let asks = sources.contains(&Source::Nonce);
        words.extend(sources.iter().filter_map(|source| match source {
            Source::Nonce => has_nonce.then(|| format!("'nonce-{MARK}'")),
            // Beside a nonce, browsers ignore it: without one, it would let in what was never meant.
            Source::UnsafeInline if asks && !has_nonce => None,
            source => Some(source.to_string()),
        }));
        if words.len() == 1 && !sources.is_empty() {
            words.push(Source::None.to_string());
        }
        parts.push(words.join(" "));
    }
    for (name, words) in [("sandbox", &csp.sandbox), ("trusted-types", &csp.trusted_types)] {
        parts.extend(words.as_ref().map(|words| [&[name.to_owned()], &**words].concat().join(" ")));
    }
    if csp.has_trusted_scripts {
        parts.push("require-trusted-types-for 'script'".to_owned());
    }
    parts.extend(csp.report_uri.as_ref().map(|uri| format!("report-uri {uri}")));
    parts.extend(csp.report_to.as_ref().map(|endpoint| format!("report-to {endpoint}")));
    parts.join(SEPARATOR)
}

fn with_upgrade(mut text: String) -> String {
    if !text.is_empty() {
        text.push_str(SEPARATOR);
    }
    text.push_str(UPGRADE);
    text
}

/// No byte of a source: what holds one is refused.
const MARK: char = '\0';
const SEPARATOR: &str = "; ";
const UPGRADE: &str = "upgrade-insecure-requests";
