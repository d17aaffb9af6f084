//! `Purpose`: what a one-time token is for.

use std::borrow::Cow;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};

use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};

/// What a one-time token is for, and how long it is valid.
///
/// A token is accepted for its own purpose only: one that verifies an email address does not reset a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purpose {
    pub(super) name: Cow<'static, str>,
    lifetime: Duration,
    /// The digits of the code that is sent with the token.
    code_digits: Option<u8>,
}

impl Purpose {
    /// A link that verifies an email address: 24 hours.
    pub const EMAIL_VERIFICATION: Self = Self::predefined("email_verification", Duration::from_secs(24 * 60 * 60));
    /// A link that logs the user in: 10 minutes.
    pub const MAGIC_LINK: Self = Self::predefined("magic_link", Duration::from_secs(10 * 60));
    /// A link that resets a password: 1 hour (OWASP Forgot Password Cheat Sheet).
    pub const PASSWORD_RESET: Self = Self::predefined("password_reset", Duration::from_secs(60 * 60));
    /// What a user has between the password and the second factor: 5 minutes.
    pub const SECOND_FACTOR: Self = Self::predefined("second_factor", Duration::from_secs(5 * 60));
    /// A code of 6 digits, sent by SMS or email: 10 minutes (NIST SP 800-63B-4 §3.1.3).
    pub const SENT_CODE: Self =
        Self { name: Cow::Borrowed("sent_code"), lifetime: Duration::from_secs(10 * 60), code_digits: Some(6) };

    const fn predefined(name: &'static str, lifetime: Duration) -> Self {
        Self { name: Cow::Borrowed(name), lifetime, code_digits: None }
    }

    /// Creates a purpose of the app's own.
    ///
    /// The name is part of what the MAC covers: a token of one name is not valid for another one. The names of the
    /// constants are those of the constants in lower case.
    ///
    /// ```
    /// use std::time::Duration;
    /// use portcullis::one_time_tokens::Purpose;
    ///
    /// let two_days = Duration::from_secs(2 * 24 * 60 * 60);
    /// let purpose = Purpose::new("invitation", two_days)?;
    /// assert_eq!(purpose.lifetime(), two_days);
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the name is empty, has over 64 bytes or is that of a constant, or if the lifetime is
    /// not from a minute to 7 days.
    pub fn new(name: impl Into<Cow<'static, str>>, lifetime: Duration) -> Result<Self, ConfigError> {
        let name = name.into();
        let mut issues = ConfigIssues::default();
        let predefined =
            [Self::EMAIL_VERIFICATION, Self::MAGIC_LINK, Self::PASSWORD_RESET, Self::SECOND_FACTOR, Self::SENT_CODE];
        if name.is_empty() || name.len() > LONGEST_NAME {
            let issue =
                ConfigIssue::new(SETTING, IssueKind::Invalid, "the name does not have 1 to 64 bytes", "shorten it");
            issues.add(issue.with_value(name.clone()));
        } else if predefined.iter().any(|purpose| purpose.name == name) {
            let remedy = "use the constant, with `with_lifetime` for another lifetime";
            let issue = ConfigIssue::new(SETTING, IssueKind::Duplicate, "the name is that of a constant", remedy);
            issues.add(issue.with_value(name.clone()));
        }
        check_lifetime(lifetime, SETTING, &mut issues);
        issues.into_result(|| Self { name, lifetime, code_digits: None })
    }

    /// Sets another lifetime, from a minute to 7 days.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] for another lifetime.
    pub fn with_lifetime(self, lifetime: Duration) -> Result<Self, ConfigError> {
        let mut issues = ConfigIssues::default();
        check_lifetime(lifetime, "Purpose::with_lifetime", &mut issues);
        issues.into_result(|| Self { lifetime, ..self })
    }

    /// Requires a code of 6 to 8 digits beside the token.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] for another number of digits.
    pub fn with_code(self, digits: u8) -> Result<Self, ConfigError> {
        if (6..=8).contains(&digits) {
            return Ok(Self { code_digits: Some(digits), ..self });
        }
        let issue = ConfigIssue::new("Purpose::with_code", IssueKind::Invalid, "is not from 6 to 8", "use 6 digits");
        Err(issue.with_value(digits.to_string()).into())
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns how long a token is valid.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Returns the id in a token, so that the log can distinguish a token of another purpose from a forged one.
    pub(super) fn id(&self) -> [u8; 4] {
        let digest = digest(&SHA256, self.name.as_bytes());
        let mut id = [0; 4];
        id.iter_mut().zip(digest.as_ref()).for_each(|(byte, of_digest)| *byte = *of_digest);
        id
    }

    /// Returns the number of digits of the code; `None` if there is no code.
    #[must_use]
    pub fn code_digits(&self) -> Option<u8> {
        self.code_digits
    }
}

fn check_lifetime(lifetime: Duration, setting: &'static str, issues: &mut ConfigIssues) {
    if !(SHORTEST..=LONGEST).contains(&lifetime) {
        let reason = "the lifetime is not from a minute to 7 days";
        let issue = ConfigIssue::new(setting, IssueKind::Invalid, reason, "use one within these bounds");
        issues.add(issue.with_value(format!("{lifetime:?}")));
    }
}

const SETTING: &str = "Purpose::new";
const LONGEST_NAME: usize = 64;
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_lifetime_is_from_a_minute_to_seven_days() {
        for (lifetime, is_valid) in [
            (Duration::ZERO, false),
            (MINUTE - Duration::from_nanos(1), false),
            (MINUTE, true),
            (LONGEST, true),
            (LONGEST + Duration::from_nanos(1), false),
            (Duration::MAX, false),
        ] {
            assert_eq!(Purpose::new("invitation", lifetime).is_ok(), is_valid, "{lifetime:?}");
            assert_eq!(Purpose::MAGIC_LINK.with_lifetime(lifetime).is_ok(), is_valid, "{lifetime:?}");
        }
        assert_eq!(Purpose::MAGIC_LINK.with_lifetime(MINUTE).unwrap().lifetime(), MINUTE);
        let error = Purpose::MAGIC_LINK.with_lifetime(Duration::ZERO).unwrap_err();
        let text =
            "Purpose::with_lifetime \"0ns\": the lifetime is not from a minute to 7 days; use one within these bounds";
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn a_name_is_new_and_has_up_to_64_bytes() {
        let issues = |name: &str| {
            let result = Purpose::new(name.to_owned(), MINUTE);
            result.map_or_else(|error| error.issues().len(), |purpose| purpose.name().len() - name.len())
        };
        assert_eq!(["a", &"a".repeat(64)].map(issues), [0, 0]);
        let taken =
            ["", &"a".repeat(65), "email_verification", "magic_link", "password_reset", "second_factor", "sent_code"];
        assert_eq!(taken.map(issues), [1; 7]);
        // All issues at once.
        assert_eq!(Purpose::new("", Duration::ZERO).unwrap_err().issues().len(), 2);
    }

    #[test]
    fn a_code_has_six_to_eight_digits() {
        let valid = (0..=255).filter(|digits| Purpose::MAGIC_LINK.with_code(*digits).is_ok());
        assert_eq!(Vec::from_iter(valid), [6, 7, 8]);
        assert_eq!(Purpose::MAGIC_LINK.code_digits(), None);
        assert_eq!(Purpose::SENT_CODE.code_digits(), Some(6));
        assert_eq!(Purpose::SENT_CODE.with_code(8).unwrap().code_digits(), Some(8));
    }

    #[test]
    fn the_constants_have_the_documented_lifetimes() {
        let minutes = [
            Purpose::EMAIL_VERIFICATION,
            Purpose::MAGIC_LINK,
            Purpose::PASSWORD_RESET,
            Purpose::SECOND_FACTOR,
            Purpose::SENT_CODE,
        ]
        .map(|purpose| purpose.lifetime().as_secs() / 60);
        assert_eq!(minutes, [1_440, 10, 60, 5, 10]);
    }
}
