//! `PasswordPolicyBuilder`: the settings of a policy, and their validation.

use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::password::policy::context::ContextWords;
use crate::password::policy::generate;
use crate::password::policy::rules::PasswordPolicy;

impl PasswordPolicy {
    /// Returns a builder with the defaults: 15 to 128 characters, and no context words.
    pub fn builder() -> PasswordPolicyBuilder {
        PasswordPolicyBuilder { min_length: MIN_LENGTH, max_length: MAX_LENGTH, context: Vec::new() }
    }
}

/// The default policy: 15 to 128 characters, and no context words.
impl Default for PasswordPolicy {
    fn default() -> Self {
        Self { min_length: MIN_LENGTH, max_length: MAX_LENGTH, context: ContextWords::default() }
    }
}

/// The settings of a [`PasswordPolicy`]. [`PasswordPolicy::builder`] creates it.
#[derive(Clone, Debug)]
#[must_use]
pub struct PasswordPolicyBuilder {
    min_length: usize,
    max_length: usize,
    context: Vec<String>,
}

impl PasswordPolicyBuilder {
    /// Sets the minimum number of characters (default 15, range 8 to 24).
    ///
    /// NIST SP 800-63B-4 §3.1.1.2 requires 15 if the password is the only factor, and 8 if a second factor always
    /// follows. A [generated](crate::password) password has 24 characters, so a longer minimum would reject it.
    pub fn min_length(mut self, characters: usize) -> Self {
        self.min_length = characters;
        self
    }

    /// Sets the maximum number of characters (default 128, range 64 to 1,024).
    ///
    /// A password above 1,024 bytes is rejected before it reaches a policy.
    pub fn max_length(mut self, characters: usize) -> Self {
        self.max_length = characters;
        self
    }

    /// Adds words of the app that make a bad password, such as its name (default none).
    ///
    /// A password is rejected if it is one of them, alone, doubled, or followed by at most four characters. Words of
    /// fewer than four characters are ignored. The words of a user, such as the e-mail address, are given with each
    /// new password.
    pub fn context(mut self, words: impl IntoIterator<Item: Into<String>>) -> Self {
        self.context.extend(words.into_iter().map(Into::into));
        self
    }

    /// Creates the policy.
    ///
    /// # Errors
    ///
    /// Returns every length that is out of range.
    pub fn build(self) -> Result<PasswordPolicy, ConfigError> {
        let mut issues = ConfigIssues::default();
        let Self { min_length, max_length, context } = self;
        if !(LEAST_MIN_LENGTH..=generate::LENGTH).contains(&min_length) {
            let remedy = "use 15, or 8 if a second factor always follows";
            issues.add(length_issue("min_length", min_length, "is not in the range 8 to 24", remedy));
        }
        if !(LEAST_MAX_LENGTH..=MOST_MAX_LENGTH).contains(&max_length) {
            let remedy = "use 128; a shorter maximum rejects passphrases";
            issues.add(length_issue("max_length", max_length, "is not in the range 64 to 1,024", remedy));
        }
        if max_length < min_length {
            let remedy = "use a maximum that is greater than the minimum";
            issues.add(length_issue("max_length", max_length, "is less than the minimum length", remedy));
        }
        let context = ContextWords::new(context.iter().map(String::as_str));
        issues.into_result(|| PasswordPolicy { min_length, max_length, context })
    }
}

fn length_issue(setting: &'static str, length: usize, reason: &'static str, remedy: &'static str) -> ConfigIssue {
    ConfigIssue::new(setting, IssueKind::Invalid, reason, remedy).with_value(length.to_string())
}

/// NIST SP 800-63B-4 §3.1.1.2: at least 15 characters for a password that is the only factor.
const MIN_LENGTH: usize = 15;
const MAX_LENGTH: usize = 128;
/// NIST SP 800-63B-4 §3.1.1.2: at least 8 characters with a second factor; a maximum of at least 64.
const LEAST_MIN_LENGTH: usize = 8;
const LEAST_MAX_LENGTH: usize = 64;
/// The size limit of a password in bytes; a character has at least one.
const MOST_MAX_LENGTH: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minimum_of_7_a_maximum_of_63_and_a_maximum_below_the_minimum_are_reported_together() {
        let error = PasswordPolicy::builder().min_length(7).max_length(63).build().unwrap_err();
        let found: Vec<_> = error.issues().iter().map(|issue| (issue.setting(), issue.value())).collect();
        assert_eq!(found, [("min_length", Some("7")), ("max_length", Some("63"))]);
        let error = PasswordPolicy::builder().min_length(25).max_length(24).build().unwrap_err();
        let found: Vec<_> = error.issues().iter().map(|issue| (issue.setting(), issue.reason())).collect();
        assert_eq!(
            found,
            [
                ("min_length", "is not in the range 8 to 24"),
                ("max_length", "is not in the range 64 to 1,024"),
                ("max_length", "is less than the minimum length"),
            ]
        );
        assert!(PasswordPolicy::builder().max_length(1025).build().is_err());
    }

    #[test]
    fn the_ends_of_each_range_are_accepted() {
        for (min, max) in [(8, 64), (24, 1024), (15, 128)] {
            let policy = PasswordPolicy::builder().min_length(min).max_length(max).build().unwrap();
            assert_eq!((policy.min_length(), policy.max_length()), (min, max));
        }
    }

    #[test]
    fn the_default_policy_is_that_of_the_builder() {
        let [built, default] = [PasswordPolicy::builder().build().unwrap(), PasswordPolicy::default()];
        assert_eq!(format!("{built:?}"), format!("{default:?}"));
        assert_eq!((default.min_length(), default.max_length()), (15, 128));
    }
}
