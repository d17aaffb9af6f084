//! `Hsts`: the `Strict-Transport-Security` header (RFC 6797).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};

/// `Strict-Transport-Security` (RFC 6797): how long browsers use only https for this host.
///
/// Browsers then replace http by https in every link to the host, and do not let the user ignore a certificate error
/// (RFC 6797 §8.3, §12.1). They count `max_age` from the last response that had the header.
///
/// A mistake lasts until it expires: a host without https is unreachable for that long. So raise the time step by step,
/// for example to five minutes, a week and two years, and look for hosts that fail in between.
///
/// It can be parsed from the header's value and, with the feature `serde`, deserialized from it.
///
/// ```
/// # use axum::{Router, body::Body, http::Request, routing::get};
/// use std::time::Duration;
/// use portcullis::SecurityHeaders;
/// use portcullis::headers::Hsts;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
///
/// let week = Duration::from_secs(7 * 86_400);
/// let hsts = Hsts::new(week).include_subdomains();
/// let headers = SecurityHeaders::api().hsts(hsts).assume_https().build()?;
/// # let app: Router = Router::new().route("/", get(|| async {})).layer(headers);
/// # let request = Request::get("/").body(Body::empty())?;
/// # let response = tower::ServiceExt::oneshot(app, request).await?;
/// assert_eq!(
///     response.headers()["strict-transport-security"],
///     "max-age=604800; includeSubDomains"
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Hsts {
    max_age: Duration,
    includes_subdomains: bool,
    is_preload: bool,
}

impl Hsts {
    /// Creates a policy that browsers keep for `max_age`, in whole seconds.
    ///
    /// Zero makes them delete an earlier policy (RFC 6797 §6.1.1).
    pub fn new(max_age: Duration) -> Self {
        Self { max_age, includes_subdomains: false, is_preload: false }
    }

    /// Applies the policy to all subdomains too (default: only this host).
    ///
    /// Without it, an attacker on the network can forge an http subdomain and set cookies for the whole domain from
    /// there (RFC 6797 §14.4).
    pub fn include_subdomains(mut self) -> Self {
        self.includes_subdomains = true;
        self
    }

    /// Consents to the preload list of browsers, hstspreload.org (default: no consent).
    ///
    /// Requires a `max_age` of at least one year and [`include_subdomains`](Self::include_subdomains). You still have
    /// to submit the domain to the list. Removal from the list takes months.
    ///
    /// ```
    /// use std::time::Duration;
    /// use portcullis::SecurityHeaders;
    /// use portcullis::headers::Hsts;
    ///
    /// let year = Hsts::new(Duration::from_secs(31_536_000));
    /// let build = |hsts| SecurityHeaders::api().hsts(hsts).build();
    /// assert!(build(year.include_subdomains().preload()).is_ok());
    /// assert!(build(year.preload()).is_err());
    /// ```
    pub fn preload(mut self) -> Self {
        self.is_preload = true;
        self
    }

    /// Adds an issue for each setting that browsers or the preload list would not accept.
    pub(super) fn validate(self, issues: &mut ConfigIssues) {
        if self.max_age.subsec_nanos() > 0 {
            let reason = "not a whole number of seconds";
            let remedy = "use whole seconds, for example 63072000 (two years)";
            let issue = ConfigIssue::new("hsts", IssueKind::Invalid, reason, remedy);
            issues.add(issue.with_value(format!("{:?}", self.max_age)));
        }
        if self.is_preload && (self.max_age < YEAR || !self.includes_subdomains) {
            let reason = "the preload list requires at least one year, with subdomains";
            let remedy = "set 31536000 seconds or more and include_subdomains(), or remove preload()";
            issues.add(ConfigIssue::new("hsts", IssueKind::Prohibited, reason, remedy).with_value(self.text()));
        }
    }

    /// Renders the header's value (RFC 6797 §6.1).
    pub(super) fn text(self) -> String {
        let subdomains = if self.includes_subdomains { "; includeSubDomains" } else { "" };
        let preload = if self.is_preload { "; preload" } else { "" };
        format!("max-age={}{subdomains}{preload}", self.max_age.as_secs())
    }
}

/// Parses the value of the header (RFC 6797 §6.1), such as `max-age=63072000; includeSubDomains`.
///
/// The names of directives are case-insensitive. It is an error if `max-age` is missing, or if a directive is repeated,
/// unknown or malformed. As for [`Hsts::preload`], `build()` reports a `preload` without its requirements.
///
/// ```
/// use std::time::Duration;
/// use portcullis::headers::Hsts;
///
/// let hsts: Hsts = "max-age=63072000; includeSubDomains".parse()?;
/// let two_years = Duration::from_secs(63_072_000);
/// assert_eq!(hsts, Hsts::new(two_years).include_subdomains());
/// assert!("max-age=2y".parse::<Hsts>().is_err());
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
impl FromStr for Hsts {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        parse(text).map_err(|issue| issue.with_value(text).into())
    }
}

fn parse(text: &str) -> Result<Hsts, ConfigIssue> {
    let issue = |kind, reason: &'static str| ConfigIssue::new("Hsts::from_str", kind, reason, EXAMPLE);
    let mut max_age = None;
    let mut hsts = Hsts::new(Duration::ZERO);
    for directive in text.split(';').map(str::trim_ascii).filter(|directive| !directive.is_empty()) {
        let (name, value) = match directive.split_once('=') {
            Some((name, value)) => (name.trim_ascii_end(), Some(value.trim_ascii_start())),
            None => (directive, None),
        };
        let is_duplicate = match (name.to_ascii_lowercase().as_str(), value) {
            ("max-age", Some(value)) => {
                let seconds = parse_seconds(value)
                    .ok_or_else(|| issue(IssueKind::Invalid, "max-age is not a whole number of seconds"))?;
                max_age.replace(seconds).is_some()
            }
            ("includesubdomains", None) => std::mem::replace(&mut hsts.includes_subdomains, true),
            ("preload", None) => std::mem::replace(&mut hsts.is_preload, true),
            _ => return Err(issue(IssueKind::Unknown, "unknown directive, or a known one with a wrong value")),
        };
        if is_duplicate {
            return Err(issue(IssueKind::Duplicate, "a directive is repeated"));
        }
    }
    let max_age = max_age.ok_or_else(|| issue(IssueKind::Missing, "no max-age"))?;
    Ok(Hsts { max_age: Duration::from_secs(max_age), ..hsts })
}

/// Parses digits, which may be a quoted string (RFC 6797 §6.1.1).
fn parse_seconds(value: &str) -> Option<u64> {
    let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let digits = quoted.unwrap_or(value);
    let is_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_digits)
}

/// Writes the value of the header.
impl fmt::Display for Hsts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

const EXAMPLE: &str = "write for example max-age=63072000; includeSubDomains";
/// The minimum that the preload list requires (hstspreload.org, "Submission Requirements").
const YEAR: Duration = Duration::from_secs(31_536_000);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_valid(hsts: Hsts) -> bool {
        let mut issues = ConfigIssues::default();
        hsts.validate(&mut issues);
        issues.into_result(|| ()).is_ok()
    }

    #[test]
    fn the_header_has_each_setting() {
        let year = Hsts::new(YEAR);
        assert_eq!(year.text(), "max-age=31536000");
        assert_eq!(year.include_subdomains().preload().text(), "max-age=31536000; includeSubDomains; preload");
        assert_eq!(Hsts::new(Duration::ZERO).text(), "max-age=0");
    }

    #[test]
    fn a_fraction_of_a_second_is_rejected_and_not_truncated() {
        assert!(!is_valid(Hsts::new(Duration::from_millis(900))) && !is_valid(Hsts::new(Duration::from_millis(1_001))));
        assert!(is_valid(Hsts::new(Duration::ZERO)));
    }

    #[test]
    fn preload_requires_a_year_with_subdomains() {
        let short = Hsts::new(YEAR - Duration::from_secs(1)).include_subdomains();
        assert!(is_valid(short) && !is_valid(short.preload()));
        assert!(is_valid(Hsts::new(YEAR)) && !is_valid(Hsts::new(YEAR).preload()));
        assert!(is_valid(Hsts::new(YEAR).include_subdomains().preload()));
    }

    #[test]
    fn the_value_of_the_header_is_parsed() {
        let year = Hsts::new(YEAR);
        for (text, expected) in [
            ("max-age=31536000", year),
            ("MAX-AGE = \"31536000\" ; ", year),
            (";includesubdomains; max-age=31536000", year.include_subdomains()),
            ("max-age=31536000; includeSubDomains; preload", year.include_subdomains().preload()),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn an_invalid_value_of_the_header_is_an_error() {
        for (text, kind) in [
            ("", IssueKind::Missing),
            ("includeSubDomains", IssueKind::Missing),
            ("max-age=1; max-age=1", IssueKind::Duplicate),
            ("max-age=1; preload; PRELOAD", IssueKind::Duplicate),
            ("max-age=1; sub", IssueKind::Unknown),
            ("max-age=1; preload=1", IssueKind::Unknown),
            ("max-age", IssueKind::Unknown),
            ("max-age=", IssueKind::Invalid),
            ("max-age=+1", IssueKind::Invalid),
            ("max-age=\"1", IssueKind::Invalid),
            ("max-age=1.5", IssueKind::Invalid),
            ("max-age=99999999999999999999", IssueKind::Invalid),
        ] {
            let error = text.parse::<Hsts>().unwrap_err();
            let issue = &error.issues()[0];
            assert_eq!((issue.setting(), issue.value(), issue.kind()), ("Hsts::from_str", Some(text), kind));
        }
    }

    proptest! {
        #[test]
        fn the_text_of_a_policy_parses_back_to_it(seconds: u64, includes_subdomains: bool, is_preload: bool) {
            let hsts = Hsts { max_age: Duration::from_secs(seconds), includes_subdomains, is_preload };
            prop_assert_eq!(hsts.to_string().parse(), Ok(hsts));
        }

        #[test]
        fn any_text_parses_without_a_panic(text in "((max-age|preload|x|=|;|\"| |[0-9]|\u{e9}){0,12})") {
            if let Ok(hsts) = text.parse::<Hsts>() {
                prop_assert_eq!(hsts.to_string().parse(), Ok(hsts));
            }
        }
    }
}
