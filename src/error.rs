//! `ConfigError`: every issue of an invalid configuration.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
#[cfg(any(
    feature = "api_key",
    feature = "basic",
    feature = "client_cert",
    feature = "introspection",
    feature = "jwt",
    feature = "passwords",
    feature = "session"
))]
use std::time::Duration;

/// The error of an invalid configuration. It lists every issue, so one failed start shows them all.
///
/// `build()` of each builder returns it, and so do constructors that check their arguments. All of them run at startup:
/// return the error from `main`, which prints one issue per line and ends the process.
///
/// ```
/// use portcullis::{Cors, IssueKind};
///
/// let cors = Cors::builder().allow_methods(["GET", "NOT A METHOD"]);
/// let error = cors.build().unwrap_err();
/// let [first, second] = error.issues() else { panic!("two issues") };
/// assert_eq!(first.setting(), "origins");
/// assert_eq!(first.kind(), IssueKind::Missing);
/// assert_eq!(second.setting(), "allow_methods");
/// assert_eq!(second.value(), Some("NOT A METHOD"));
/// assert_eq!(
///     second.to_string(),
///     "allow_methods \"NOT A METHOD\": not a method; \
///      use a token, for example PATCH"
/// );
/// ```
///
/// The error never contains a secret, so it can be logged.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError {
    issues: Vec<ConfigIssue>,
}

impl ConfigError {
    /// Names the constructor that the app called, if it is not the one that found the issues.
    pub(crate) fn with_setting(mut self, setting: &'static str) -> Self {
        self.issues.iter_mut().for_each(|issue| issue.setting = setting);
        self
    }

    /// Returns the issues in the order in which they were found. There is at least one.
    #[must_use]
    pub fn issues(&self) -> &[ConfigIssue] {
        &self.issues
    }
}

/// Writes one issue per line.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, issue) in self.issues.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{issue}")?;
        }
        Ok(())
    }
}

/// Writes the same text as `Display`, because a `main` that returns an error prints its `Debug`.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for ConfigError {}

impl From<ConfigIssue> for ConfigError {
    fn from(issue: ConfigIssue) -> Self {
        Self { issues: vec![issue] }
    }
}

/// One missing or invalid setting: its name, its value, the reason and the remedy.
///
/// Code decides by [`setting`](Self::setting) and [`kind`](Self::kind); the texts may change in any release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigIssue {
    setting: &'static str,
    value: Option<String>,
    issuer: Option<String>,
    limit: Option<String>,
    kind: IssueKind,
    reason: Cow<'static, str>,
    remedy: Cow<'static, str>,
}

impl ConfigIssue {
    pub(crate) fn new(
        setting: &'static str,
        kind: IssueKind,
        reason: impl Into<Cow<'static, str>>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { setting, value: None, issuer: None, limit: None, kind, reason: reason.into(), remedy: remedy.into() }
    }

    /// Adds the invalid value, which must not be a secret.
    pub(crate) fn with_value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into());
        self
    }

    /// Names the issuer that the setting belongs to.
    #[cfg(feature = "jwt")]
    pub(crate) fn for_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Names the rate limit that the setting belongs to.
    #[cfg(feature = "rate_limit")]
    pub(crate) fn for_limit(mut self, limit: impl Into<String>) -> Self {
        self.limit = Some(limit.into());
        self
    }

    /// Returns what the app called or has to call, for example `max_age` or `Scopes::new`.
    ///
    /// That is the name of a builder's method, or the path of a constructor.
    ///
    /// ```
    /// use portcullis::{RequireScope, SecurityHeaders, Tiers};
    ///
    /// let error = Tiers::ascending(["basic", "basic"]).unwrap_err();
    /// assert_eq!(error.issues()[0].setting(), "Tiers::ascending");
    /// let error = RequireScope::new("two words").unwrap_err();
    /// assert_eq!(error.issues()[0].setting(), "RequireScope::new");
    /// let error = SecurityHeaders::api().header("a b", "c").build().unwrap_err();
    /// assert_eq!(error.issues()[0].setting(), "header");
    /// ```
    #[must_use]
    pub fn setting(&self) -> &'static str {
        self.setting
    }

    /// Returns the invalid value; `None` if the setting has no value or a secret one.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// Returns the issuer that the setting belongs to, for settings that every issuer has.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Returns the name of the rate limit that the setting belongs to, for settings that every limit has.
    #[must_use]
    pub fn limit(&self) -> Option<&str> {
        self.limit.as_deref()
    }

    /// Returns the kind of issue, for code that handles some kinds differently.
    #[must_use]
    pub fn kind(&self) -> IssueKind {
        self.kind
    }

    /// Returns why the setting is invalid, as text for people.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns how to fix the setting, as text for people.
    #[must_use]
    pub fn remedy(&self) -> &str {
        &self.remedy
    }
}

/// Writes `setting "value" (issuer "...") (limit "..."): reason; remedy`, without the parts that are absent.
impl fmt::Display for ConfigIssue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.setting)?;
        if let Some(value) = &self.value {
            write!(f, " {value:?}")?;
        }
        if let Some(issuer) = &self.issuer {
            write!(f, " (issuer {issuer:?})")?;
        }
        if let Some(limit) = &self.limit {
            write!(f, " (limit {limit:?})")?;
        }
        write!(f, ": {}; {}", self.reason, self.remedy)
    }
}

/// The kind of a [`ConfigIssue`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssueKind {
    /// The same value is set more than once.
    Duplicate,
    /// The value does not have the syntax that its specification requires, or is out of range.
    Invalid,
    /// A required setting is not set.
    Missing,
    /// The value is well-formed, but insecure or meaningless in this place.
    Prohibited,
    /// The name is not defined, for example a role that is not in the table of roles.
    Unknown,
    /// The key or secret is weaker than its algorithm requires.
    Weak,
}

/// Collects the issues of a configuration, so that a builder can return them all.
///
/// A validation adds what it finds and goes on with a placeholder, which is never used: `into_result` creates the value
/// only if there is no issue.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConfigIssues(Vec<ConfigIssue>);

impl ConfigIssues {
    /// Adds an issue.
    pub(crate) fn add(&mut self, issue: ConfigIssue) {
        self.0.push(issue);
    }

    /// Returns the value of `Ok`; adds the issues of `Err` and returns `None`.
    pub(crate) fn ok_or_add<T>(&mut self, result: Result<T, ConfigError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.0.extend(error.issues);
                None
            }
        }
    }

    /// Adds an issue if the timeout of work that requests wait for is zero, which would reject all of them, or more than
    /// 60 seconds.
    #[cfg(any(
        feature = "api_key",
        feature = "basic",
        feature = "client_cert",
        feature = "introspection",
        feature = "jwt",
        feature = "passwords",
        feature = "session"
    ))]
    pub(crate) fn check_timeout(&mut self, setting: &'static str, timeout: Duration) {
        if timeout.is_zero() || timeout > MAX_TIMEOUT {
            let reason = "is zero or more than 60 seconds; requests would wait that long";
            let remedy = "set a few seconds: more than the service takes when it is healthy";
            let issue = ConfigIssue::new(setting, IssueKind::Invalid, reason, remedy);
            self.add(issue.with_value(format!("{timeout:?}")));
        }
    }

    /// Returns the error with all issues, of which there is at least one.
    #[cfg(any(
        feature = "back_channel_logout",
        feature = "basic",
        feature = "client_cert",
        feature = "introspection",
        feature = "passwords",
        feature = "shared_signals"
    ))]
    pub(crate) fn into_error(self) -> ConfigError {
        ConfigError { issues: self.0 }
    }

    /// Returns `value()` if there is no issue, else all issues.
    pub(crate) fn into_result<T>(self, value: impl FnOnce() -> T) -> Result<T, ConfigError> {
        if self.0.is_empty() { Ok(value()) } else { Err(ConfigError { issues: self.0 }) }
    }
}

/// Formats an error and its causes. The outermost error often says only that a request failed.
#[cfg(any(
    feature = "api_key",
    feature = "basic",
    feature = "client_cert",
    feature = "introspection",
    feature = "jwt",
    feature = "passwords",
    feature = "risk",
    feature = "session"
))]
pub(crate) fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(any(
    feature = "api_key",
    feature = "basic",
    feature = "client_cert",
    feature = "introspection",
    feature = "jwt",
    feature = "passwords",
    feature = "session"
))]
const MAX_TIMEOUT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_an_error_has_setting_value_reason_and_remedy_of_every_issue() {
        let mut issues = ConfigIssues::default();
        issues.add(ConfigIssue::new("issuer", IssueKind::Prohibited, "not https", "use https").with_value("http://a"));
        issues.add(ConfigIssue::new("audience", IssueKind::Missing, "not set", "set it"));
        let error = issues.into_result(|| ()).unwrap_err();
        assert_eq!(error.to_string(), "issuer \"http://a\": not https; use https\naudience: not set; set it");
        assert_eq!(error.issues().len(), 2);
    }

    #[test]
    fn without_an_issue_the_result_is_the_value() {
        assert_eq!(ConfigIssues::default().into_result(|| 7), Ok(7));
    }

    #[test]
    fn issues_of_another_error_are_added() {
        let mut issues = ConfigIssues::default();
        let value = issues.ok_or_add::<()>(Err(ConfigIssue::new("a", IssueKind::Missing, "b", "c").into()));
        assert_eq!(value, None);
        assert_eq!(issues.ok_or_add(Ok(1)), Some(1));
        assert!(issues.into_result(|| ()).is_err());
    }
}
