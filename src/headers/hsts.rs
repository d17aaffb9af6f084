//! `Hsts`: the `Strict-Transport-Security` header (RFC 6797).

use std::time::Duration;

use crate::error::{ConfigIssue, ConfigIssues, IssueKind};

/// `Strict-Transport-Security` (RFC 6797): how long browsers use only https for this host.
///
/// Browsers then replace http by https in every link to the host.
///
/// ```
/// use std::time::Duration;
/// use portcullis::headers::{Hsts, SecurityHeaders};
///
/// let year = Duration::from_secs(365 * 86_400);
/// let headers = SecurityHeaders::api().hsts(Hsts::new(year).include_subdomains()).assume_https().build()?;
/// # let _ = headers;
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Hsts {
    max_age: Duration,
    includes_subdomains: bool,
    is_preload: bool,
}

impl Hsts {
    /// Creates a policy that browsers keep for `max_age`, in whole seconds. Zero makes them delete an earlier policy.
    pub fn new(max_age: Duration) -> Self {
        Self { max_age, includes_subdomains: false, is_preload: false }
    }

    /// Applies the policy to all subdomains too (default: only this host).
    pub fn include_subdomains(mut self) -> Self {
        self.includes_subdomains = true;
        self
    }

    /// Consents to the preload list of browsers, hstspreload.org (default: no consent).
    ///
    /// Requires a `max_age` of at least one year and [`include_subdomains`](Self::include_subdomains). Removal from the list
    /// takes months.
    pub fn preload(mut self) -> Self {
        self.is_preload = true;
        self
    }

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

    pub(super) fn text(self) -> String {
        let subdomains = if self.includes_subdomains { "; includeSubDomains" } else { "" };
        let preload = if self.is_preload { "; preload" } else { "" };
        format!("max-age={}{subdomains}{preload}", self.max_age.as_secs())
    }
}

const YEAR: Duration = Duration::from_secs(31_536_000);

#[cfg(test)]
mod tests {
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
}
