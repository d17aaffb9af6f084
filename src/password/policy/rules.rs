//! `PasswordPolicy`: the rules for new passwords.

use crate::gate::PasswordProblem;
use crate::password::policy::block_list::is_blocked;
use crate::password::policy::context::ContextWords;
use crate::password::policy::pattern::{has_short_period, is_made_of_runs, repeated_unit};

/// The rules for new passwords, after NIST SP 800-63B-4 §3.1.1.2.
///
/// A password has 15 to 128 characters, which are Unicode code points after normalization (NFC). It is rejected if
///
/// - it is on a list of common passwords, in any case;
/// - it repeats fewer than eight characters, or repeats a common password: `passwordpassword`;
/// - it consists only of sequences and runs on a keyboard: `abcdefgh12345678`, `qwertyuiopasdfgh`;
/// - it is a word of the user or the app, alone, doubled, or followed by at most four characters.
///
/// Only the whole password is compared, so `correct horse password staple` is accepted. There are no rules about
/// classes of characters, and passwords do not expire: both lead to worse passwords, and NIST prohibits them.
///
/// ```
/// use portcullis::password::PasswordPolicy;
///
/// # fn main() -> Result<(), portcullis::ConfigError> {
/// let policy = PasswordPolicy::builder().context(["Acme"]).build()?;
/// assert_eq!(policy.min_length(), 15);
///
/// let error = PasswordPolicy::builder().min_length(6).build().unwrap_err();
/// assert_eq!(error.issues()[0].setting(), "min_length");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct PasswordPolicy {
    pub(super) min_length: usize,
    pub(super) max_length: usize,
    pub(super) context: ContextWords,
}

impl PasswordPolicy {
    /// Returns the minimum number of characters, for example for the text of a form.
    #[must_use]
    pub fn min_length(&self) -> usize {
        self.min_length
    }

    /// Returns the maximum number of characters.
    #[must_use]
    pub fn max_length(&self) -> usize {
        self.max_length
    }

    /// Returns all problems of a password in NFC. `context` is the user's e-mail address and names.
    pub(crate) fn check(&self, nfc: &str, context: &[&str]) -> Vec<PasswordProblem> {
        let length = nfc.chars().count();
        let folded = zeroize::Zeroizing::new(nfc.to_lowercase());
        let is_context =
            || self.context.matches(&folded) || ContextWords::new(context.iter().copied()).matches(&folded);
        let findings = [
            (length < self.min_length, PasswordProblem::TooShort { min: self.min_length }),
            (length > self.max_length, PasswordProblem::TooLong { max: self.max_length }),
            (nfc.chars().any(char::is_control), PasswordProblem::InvalidCharacter),
            (length <= self.max_length && is_common(&folded), PasswordProblem::Common),
            (is_context(), PasswordProblem::Context),
        ];
        findings.into_iter().filter_map(|(is_found, problem)| is_found.then_some(problem)).collect()
    }
}

/// Whether a password, in lower case, is on the list or follows a pattern.
fn is_common(folded: &str) -> bool {
    let characters: zeroize::Zeroizing<Vec<char>> = zeroize::Zeroizing::new(folded.chars().collect());
    is_blocked(folded)
        || has_short_period(&characters)
        || is_made_of_runs(&characters)
        || repeated_unit(folded).is_some_and(is_blocked)
}

#[cfg(test)]
mod tests;
