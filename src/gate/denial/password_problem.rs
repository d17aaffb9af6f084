//! `PasswordProblem`: why a new password is rejected.

use std::fmt;

/// Why a new password is rejected, as data; `Display` is text for the user.
///
/// A rejected password has all of its problems at once. Neither the data nor the text contains the password.
///
/// ```
/// use portcullis::gate::PasswordProblem;
///
/// let problem = PasswordProblem::TooShort { min: 15 };
/// assert_eq!(problem.code(), "too_short");
/// assert_eq!(problem.to_string(), "use at least 15 characters");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PasswordProblem {
    /// It has fewer characters than the policy requires.
    TooShort {
        /// The minimum number of characters.
        min: usize,
    },
    /// It has more characters than the policy allows.
    TooLong {
        /// The maximum number of characters.
        max: usize,
    },
    /// It contains a control character, which a user could not type again on every device.
    InvalidCharacter,
    /// It is on the list of common passwords, or follows a pattern that an attacker tries first.
    Common,
    /// It is the user's name or e-mail address, or the name of the app, or nearly so.
    Context,
    /// The user had it before.
    Reused,
    /// It is in a collection of breached passwords.
    Breached,
}

impl PasswordProblem {
    /// Returns a stable name of the problem, for clients that show texts of their own.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooShort { .. } => "too_short",
            Self::TooLong { .. } => "too_long",
            Self::InvalidCharacter => "invalid_character",
            Self::Common => "common",
            Self::Context => "context",
            Self::Reused => "reused",
            Self::Breached => "breached",
        }
    }
}

/// Writes what the user can do about the problem.
impl fmt::Display for PasswordProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { min } => write!(f, "use at least {min} characters"),
            Self::TooLong { max } => write!(f, "use at most {max} characters"),
            Self::InvalidCharacter => f.write_str("remove control characters, such as tabs and line breaks"),
            Self::Common => f.write_str("choose a password that is less common and follows no simple pattern"),
            Self::Context => {
                f.write_str("choose a password that is not your name, your e-mail address or the name of this service")
            }
            Self::Reused => f.write_str("choose a password that you have not used here before"),
            Self::Breached => f.write_str("choose another password: this one is in a collection of stolen passwords"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_a_code_and_a_text_that_says_what_to_do() {
        let all = [
            PasswordProblem::TooShort { min: 15 },
            PasswordProblem::TooLong { max: 128 },
            PasswordProblem::InvalidCharacter,
            PasswordProblem::Common,
            PasswordProblem::Context,
            PasswordProblem::Reused,
            PasswordProblem::Breached,
        ];
        let codes: std::collections::BTreeSet<_> = all.iter().map(PasswordProblem::code).collect();
        assert_eq!(codes.len(), all.len());
        for problem in all {
            let text = problem.to_string();
            assert!(["use ", "remove ", "choose "].iter().any(|verb| text.starts_with(verb)), "{text}");
        }
    }
}
