//! `SecurityHeaders::audit`: runs the Observatory's twelve tests on response headers.

use http::{HeaderMap, HeaderName, header};

use crate::headers::audit::csp::Csp;
use crate::headers::audit::report::{Audit, Modifier};
use crate::headers::audit::{hsts, single_value};
use crate::headers::gate::SecurityHeaders;
use crate::headers::policy::Transport;

impl SecurityHeaders {
    /// Returns the grade of Mozilla's HTTP Observatory for a page with these headers, served over https.
    ///
    /// Use it in a unit test to keep a configuration from losing its grade.
    ///
    /// ```
    /// use portcullis::{SecurityHeaders, headers::Grade};
    ///
    /// let audit = SecurityHeaders::html().build()?.audit();
    /// assert_eq!(audit.grade(), Grade::APlus, "{audit}");
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    #[must_use]
    pub fn audit(&self) -> Audit {
        let mut headers = HeaderMap::new();
        self.0.write(Transport::HttpsUpgrade, Some(SAMPLE_NONCE), false, &mut headers);
        audit(&headers)
    }
}

/// Scores response headers as the Observatory does. [`Audit`] lists the assumptions.
pub(super) fn audit(headers: &HeaderMap) -> Audit {
    let value = |name: HeaderName| joined_lines(headers, &name);
    let csp = Csp::parse(value(header::CONTENT_SECURITY_POLICY).as_deref());
    let report_only = value(header::CONTENT_SECURITY_POLICY_REPORT_ONLY);
    let has_report_only = report_only.is_some_and(|value| !value.is_empty());
    let outcomes = [
        ("content-security-policy", csp.outcome(has_report_only)),
        ("cookies", ("cookies-not-found", 0)),
        (
            "cross-origin-embedder-policy",
            single_value::embedder_policy(value(HeaderName::from_static("cross-origin-embedder-policy")).as_deref()),
        ),
        (
            "cross-origin-opener-policy",
            single_value::opener_policy(value(HeaderName::from_static("cross-origin-opener-policy")).as_deref()),
        ),
        (
            "cross-origin-resource-sharing",
            single_value::resource_sharing(
                value(header::ACCESS_CONTROL_ALLOW_ORIGIN).as_deref(),
                value(header::ACCESS_CONTROL_ALLOW_CREDENTIALS).as_deref(),
            ),
        ),
        ("redirection", ("redirection-to-https", 0)),
        ("referrer-policy", single_value::referrer_policy(value(header::REFERRER_POLICY).as_deref())),
        ("strict-transport-security", hsts::outcome(value(header::STRICT_TRANSPORT_SECURITY).as_deref())),
        (
            "subresource-integrity",
            single_value::subresource_integrity(first_line(headers, &header::CONTENT_TYPE).as_deref()),
        ),
        (
            "x-content-type-options",
            single_value::content_type_options(value(header::X_CONTENT_TYPE_OPTIONS).as_deref()),
        ),
        (
            "x-frame-options",
            single_value::frame_options(value(header::X_FRAME_OPTIONS).as_deref(), csp.has_frame_ancestors()),
        ),
        (
            "cross-origin-resource-policy",
            single_value::resource_policy(value(HeaderName::from_static("cross-origin-resource-policy")).as_deref()),
        ),
    ];
    Audit { modifiers: outcomes.map(|(test, (result, points))| Modifier { test, result, points }) }
}

/// Returns a header as the Observatory's HTTP client does: its lines joined with commas, each byte as one character.
fn joined_lines(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Vec<String> = headers.get_all(name).iter().map(|line| decode_latin1(line.as_bytes())).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

/// Returns the first line of a header that must occur once. The Observatory's HTTP client drops the other lines.
fn first_line(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).map(|line| decode_latin1(line.as_bytes()))
}

/// Decodes one header line. Surrounding whitespace is not part of its value (RFC 9110 §5.5).
fn decode_latin1(line: &[u8]) -> String {
    let text: String = line.iter().copied().map(char::from).collect();
    text.trim_matches([' ', '\t']).to_owned()
}

const SAMPLE_NONCE: &str = "00112233445566778899aabbccddeeff";
