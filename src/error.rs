//! `BuildError`: every problem of a configuration at once.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// Why a builder refused a configuration: all problems at once, each naming its setting and its remedy.
///
/// ```
/// use portcullis::Tiers;
///
/// let error = Tiers::ascending(["basic", "", "basic"]).unwrap_err();
/// assert_eq!(error.problems().len(), 2);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct BuildError {
    problems: Vec<Problem>,
}

impl BuildError {
    /// The problems, in the order in which they were found; never empty.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// As it is displayed, for a `main` that returns it.
impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for BuildError {}

impl From<Problem> for BuildError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

/// One problem of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    setting: &'static str,
    value: Option<String>,
    issuer: Option<String>,
    limit: Option<String>,
    fault: Fault,
    reason: Cow<'static, str>,
    remedy: Cow<'static, str>,
}

impl Problem {
    pub(crate) fn new(
        setting: &'static str,
        fault: Fault,
        reason: impl Into<Cow<'static, str>>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { setting, value: None, issuer: None, limit: None, fault, reason: reason.into(), remedy: remedy.into() }
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
    pub fn fault(&self) -> Fault {
        self.fault
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

impl fmt::Display for Problem {
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
pub enum Fault {
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

/// Gathers problems, so that a builder can report them all.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn add(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    pub(crate) fn extend(&mut self, problems: impl IntoIterator<Item = Problem>) {
        self.0.extend(problems);
    }

    /// The value where nothing was found wrong, else all that was.
    pub(crate) fn none_or<T>(self, value: impl FnOnce() -> T) -> Result<T, BuildError> {
        if self.0.is_empty() { Ok(value()) } else { Err(BuildError { problems: self.0 }) }
    }

    /// Keeps the value, or takes the error's problems over.
    pub(crate) fn keep<T>(&mut self, result: Result<T, BuildError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.0.extend(error.problems);
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
        let mut problems = Problems::default();
        problems.add(Problem::new("issuer", Fault::Prohibited, "not https", "use https").with_value("http://a"));
        problems.add(Problem::new("audience", Fault::Missing, "not set", "set it"));
        let error = problems.none_or(|| ()).unwrap_err();
        assert_eq!(error.to_string(), "issuer \"http://a\": not https; use https\naudience: not set; set it");
        assert_eq!(error.problems().len(), 2);
    }

    #[test]
    fn no_problem_gives_the_value() {
        assert_eq!(Problems::default().none_or(|| 7), Ok(7));
    }

    #[test]
    fn kept_errors_are_reported_with_the_others() {
        let mut problems = Problems::default();
        let kept = problems.keep::<()>(Err(Problem::new("a", Fault::Missing, "b", "c").into()));
        assert_eq!(kept, None);
        assert_eq!(problems.keep(Ok(1)), Some(1));
        assert!(problems.none_or(|| ()).is_err());
    }
}
