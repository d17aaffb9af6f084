//! `ConfigError`: every issue of a configuration at once.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// Why a builder refused a configuration: all issues at once, each naming its setting and its remedy.
///
/// ```
/// use portcullis::Tiers;
///
/// let error = Tiers::ascending(["basic", "", "basic"]).unwrap_err();
/// assert_eq!(error.issues().len(), 2);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError {
    issues: Vec<ConfigIssue>,
}

impl ConfigError {
    /// The issues, in the order in which they were found; never empty.
    #[must_use]
    pub fn issues(&self) -> &[ConfigIssue] {
        &self.issues
    }
}

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

/// As it is displayed, for a `main` that returns it.
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

/// One issue of a configuration.
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

    /// The offending value; never called with a secret.
    pub(crate) fn with_value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into());
        self
    }

    /// The issuer of several whose setting is at fault.
    #[cfg(feature = "jwt")]
    pub(crate) fn of_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// The limit of several whose setting is at fault.
    pub(crate) fn of_limit(mut self, limit: impl Into<String>) -> Self {
        self.limit = Some(limit.into());
        self
    }

    /// What is at fault.
    #[must_use]
    pub fn setting(&self) -> &'static str {
        self.setting
    }

    /// The offending value; `None` where there is none, and for secrets.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// The issuer whose setting is at fault, where there may be several.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The limit whose setting is at fault, where there may be several.
    #[must_use]
    pub fn limit(&self) -> Option<&str> {
        self.limit.as_deref()
    }

    /// The kind of fault.
    #[must_use]
    pub fn kind(&self) -> IssueKind {
        self.kind
    }

    /// What is wrong, for people.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// How to mend it, for people.
    #[must_use]
    pub fn remedy(&self) -> &str {
        &self.remedy
    }
}

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

/// The kind of a configuration's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssueKind {
    /// The value is not of the form that its standard asks for.
    Invalid,
    /// A setting that only the user can know was not set.
    Missing,
    /// The value is well-formed, but unsafe or without sense here.
    Prohibited,
    /// The same value stands twice.
    Repeated,
    /// A name that its table does not know.
    Unknown,
    /// A key or secret below the strength that its algorithm asks for.
    Weak,
}

/// Gathers issues, so that a builder can report them all.
#[derive(Debug, Default)]
pub(crate) struct ConfigIssues(Vec<ConfigIssue>);

impl ConfigIssues {
    pub(crate) fn add(&mut self, issue: ConfigIssue) {
        self.0.push(issue);
    }

    pub(crate) fn extend(&mut self, issues: impl IntoIterator<Item = ConfigIssue>) {
        self.0.extend(issues);
    }

    /// The value where nothing was found wrong, else all that was.
    pub(crate) fn none_or<T>(self, value: impl FnOnce() -> T) -> Result<T, ConfigError> {
        if self.0.is_empty() { Ok(value()) } else { Err(ConfigError { issues: self.0 }) }
    }

    /// Keeps the value, or takes the error's issues over.
    pub(crate) fn keep<T>(&mut self, result: Result<T, ConfigError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.0.extend(error.issues);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_setting_value_reason_and_remedy_of_every_problem() {
        let mut issues = ConfigIssues::default();
        issues.add(ConfigIssue::new("issuer", IssueKind::Prohibited, "not https", "use https").with_value("http://a"));
        issues.add(ConfigIssue::new("audience", IssueKind::Missing, "not set", "set it"));
        let error = issues.none_or(|| ()).unwrap_err();
        assert_eq!(error.to_string(), "issuer \"http://a\": not https; use https\naudience: not set; set it");
        assert_eq!(error.issues().len(), 2);
    }

    #[test]
    fn no_problem_gives_the_value() {
        assert_eq!(ConfigIssues::default().none_or(|| 7), Ok(7));
    }

    #[test]
    fn kept_errors_are_reported_with_the_others() {
        let mut issues = ConfigIssues::default();
        let kept = issues.keep::<()>(Err(ConfigIssue::new("a", IssueKind::Missing, "b", "c").into()));
        assert_eq!(kept, None);
        assert_eq!(issues.keep(Ok(1)), Some(1));
        assert!(issues.none_or(|| ()).is_err());
    }
}
