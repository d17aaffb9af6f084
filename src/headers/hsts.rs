//! `Hsts`: for how long browsers reach this host by https alone (RFC 6797).

use std::time::Duration;

use crate::error::{ConfigIssue, ConfigIssues, IssueKind};

/// For how long browsers reach this host by https alone, whatever a link says (RFC 6797).
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
    has_subdomains: bool,
    is_preloaded: bool,
}

impl Hsts {
    /// For this long, in whole seconds; zero has browsers forget it.
    pub fn new(max_age: Duration) -> Self {
        Self { max_age, has_subdomains: false, is_preloaded: false }
    }

    /// For all hosts below this one too.
    pub fn include_subdomains(mut self) -> Self {
        self.has_subdomains = true;
        self
    }

    /// Asks to be built into browsers (hstspreload.org): not undone for months. A year at least, with subdomains.
    pub fn preload(mut self) -> Self {
        self.is_preloaded = true;
        self
    }

    pub(super) fn judge(self, problems: &mut ConfigIssues) {
        if self.max_age.subsec_nanos() > 0 {
            let reason = "not a number of whole seconds";
            let problem = ConfigIssue::new("hsts", IssueKind::Invalid, reason, "give 63072000 seconds, two years");
            problems.add(problem.with_value(format!("{:?}", self.max_age)));
        }
        if self.is_preloaded && (self.max_age < YEAR || !self.has_subdomains) {
            let reason = "browsers are preloaded with a host for a year at least, and with its subdomains";
            let remedy = "set 31536000 seconds or more and include_subdomains(), or leave preload() out";
            problems.add(ConfigIssue::new("hsts", IssueKind::Prohibited, reason, remedy).with_value(self.text()));
        }
    }

    pub(super) fn text(self) -> String {
        let subdomains = if self.has_subdomains { "; includeSubDomains" } else { "" };
        let preload = if self.is_preloaded { "; preload" } else { "" };
        format!("max-age={}{subdomains}{preload}", self.max_age.as_secs())
    }
}

const YEAR: Duration = Duration::from_secs(31_536_000);

#[cfg(test)]
mod tests {
    use super::*;

    fn is_sound(hsts: Hsts) -> bool {
        let mut problems = ConfigIssues::default();
        hsts.judge(&mut problems);
        problems.into_result(|| ()).is_ok()
    }

    #[test]
    fn it_says_what_was_set() {
        let year = Hsts::new(YEAR);
        assert_eq!(year.text(), "max-age=31536000");
        assert_eq!(year.include_subdomains().preload().text(), "max-age=31536000; includeSubDomains; preload");
        assert_eq!(Hsts::new(Duration::ZERO).text(), "max-age=0");
    }

    #[test]
    fn a_part_of_a_second_is_refused_and_not_cut_off() {
        assert!(!is_sound(Hsts::new(Duration::from_millis(900))) && !is_sound(Hsts::new(Duration::from_millis(1_001))));
        assert!(is_sound(Hsts::new(Duration::ZERO)));
    }

    #[test]
    fn a_preload_asks_for_a_year_with_subdomains() {
        let short = Hsts::new(YEAR - Duration::from_secs(1)).include_subdomains();
        assert!(is_sound(short) && !is_sound(short.preload()));
        assert!(is_sound(Hsts::new(YEAR)) && !is_sound(Hsts::new(YEAR).preload()));
        assert!(is_sound(Hsts::new(YEAR).include_subdomains().preload()));
    }
}
