//! `Audit`: the score and grade that Mozilla's HTTP Observatory would give for response headers.

mod csp;
mod fields;
mod grade;
mod hsts;
mod policies;
mod structured;
#[cfg(test)]
mod tests;

use std::fmt;

use http::{HeaderMap, HeaderName, header};

use csp::Csp;
pub use grade::Grade;

/// What Mozilla's HTTP Observatory would say of a site whose answers carry certain headers.
///
/// The rules are those of the Observatory's algorithm 6 (mdn-http-observatory, `ALGORITHM_VERSION` in `src/constants.js`,
/// as of August 2026), which scores the opener and embedder policies too. A site begins with 100 points. Each of
/// [`modifiers`](Self::modifiers) takes some away or gives extra credit, and extra credit counts only for a site that keeps
/// 90 points without it.
///
/// What headers do not show is assumed to be well: the site speaks https with a good certificate and is not on the list
/// of preloaded sites; http is redirected to https on the same host; the page has no scripts and no `<meta>` that sets a
/// policy; a preflight request is answered with the same headers. `Set-Cookie` is not read.
///
/// Its `Display` is a table with a line a modifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    modifiers: [Modifier; 12],
}

impl Audit {
    /// The grade of [`score`](Self::score).
    #[must_use]
    pub fn grade(&self) -> Grade {
        Grade::of(self.score())
    }

    /// The points, from 0 upward; 100 and more are an A+.
    #[must_use]
    pub fn score(&self) -> u16 {
        let penalties: i16 = self.modifiers.iter().map(|modifier| modifier.points.min(0)).sum();
        let credit: i16 = self.modifiers.iter().map(|modifier| modifier.points.max(0)).sum();
        let kept = FULL + penalties;
        let score = if kept >= WORTHY_OF_CREDIT { kept + credit } else { kept };
        u16::try_from(score).unwrap_or(0)
    }

    /// The outcome of each of the twelve tests, in the Observatory's order.
    #[must_use]
    pub fn modifiers(&self) -> &[Modifier] {
        &self.modifiers
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for modifier in &self.modifiers {
            writeln!(f, "{modifier}")?;
        }
        write!(f, "score {}, grade {}", self.score(), self.grade())
    }
}

/// The outcome of one of the Observatory's tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modifier {
    test: &'static str,
    result: &'static str,
    points: i16,
}

impl Modifier {
    /// The test's name, `content-security-policy` for example.
    #[must_use]
    pub fn test(&self) -> &'static str {
        self.test
    }

    /// The result's name, `csp-not-implemented` for example.
    #[must_use]
    pub fn result(&self) -> &'static str {
        self.result
    }

    /// What it adds to the score: a penalty if negative, extra credit if positive.
    #[must_use]
    pub fn points(&self) -> i16 {
        self.points
    }
}

impl fmt::Display for Modifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>4} {:<29} {}", self.points, self.test, self.result)
    }
}

/// Judges response headers as the Observatory does; see [`Audit`] for what is assumed.
pub(super) fn audit(headers: &HeaderMap) -> Audit {
    let field = |name: HeaderName| joined(headers, &name);
    let csp = Csp::read(field(header::CONTENT_SECURITY_POLICY).as_deref());
    let report_only = field(header::CONTENT_SECURITY_POLICY_REPORT_ONLY);
    let is_reported = report_only.is_some_and(|value| !value.is_empty());
    let modifiers = [
        ("content-security-policy", csp.verdict(is_reported)),
        ("cookies", ("cookies-not-found", 0)),
        (
            "cross-origin-embedder-policy",
            fields::embedder_policy(field(HeaderName::from_static("cross-origin-embedder-policy")).as_deref()),
        ),
        (
            "cross-origin-opener-policy",
            fields::opener_policy(field(HeaderName::from_static("cross-origin-opener-policy")).as_deref()),
        ),
        (
            "cross-origin-resource-sharing",
            fields::resource_sharing(
                field(header::ACCESS_CONTROL_ALLOW_ORIGIN).as_deref(),
                field(header::ACCESS_CONTROL_ALLOW_CREDENTIALS).as_deref(),
            ),
        ),
        ("redirection", ("redirection-to-https", 0)),
        ("referrer-policy", fields::referrer_policy(field(header::REFERRER_POLICY).as_deref())),
        ("strict-transport-security", hsts::judge(field(header::STRICT_TRANSPORT_SECURITY).as_deref())),
        ("subresource-integrity", fields::subresource_integrity(first(headers, &header::CONTENT_TYPE).as_deref())),
        ("x-content-type-options", fields::content_type_options(field(header::X_CONTENT_TYPE_OPTIONS).as_deref())),
        (
            "x-frame-options",
            fields::frame_options(field(header::X_FRAME_OPTIONS).as_deref(), csp.has_frame_ancestors()),
        ),
        (
            "cross-origin-resource-policy",
            fields::resource_policy(field(HeaderName::from_static("cross-origin-resource-policy")).as_deref()),
        ),
    ];
    Audit { modifiers: modifiers.map(|(test, (result, points))| Modifier { test, result, points }) }
}

/// A field as the Observatory's client has it: its lines joined with commas, a byte a character.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Vec<String> = headers.get_all(name).iter().map(|line| text(line.as_bytes())).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

/// The first line of a field whose further lines that client drops.
fn first(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).map(|line| text(line.as_bytes()))
}

/// Without the blanks around it, which are not part of a field's value (RFC 9110 section 5.5).
fn text(line: &[u8]) -> String {
    let text: String = line.iter().copied().map(char::from).collect();
    text.trim_matches([' ', '\t']).to_owned()
}

/// The first `limit` characters of a value.
fn cut(value: &str, limit: usize) -> &str {
    value.char_indices().nth(limit).map_or(value, |(end, _)| &value[..end])
}

/// White space as ECMAScript has it, of what a field may hold.
const BLANKS: [char; 3] = [' ', '\t', '\u{a0}'];

const FULL: i16 = 100;
const WORTHY_OF_CREDIT: i16 = 90;
