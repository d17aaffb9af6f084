//! `NewPasswordRules`: what a new password is checked by, besides the user's history.

use std::time::Duration;

use zeroize::Zeroizing;

use crate::gate::{DenialKind, PasswordProblem};
use crate::password::breach::range_client::RangeClient;
use crate::password::policy::rules::PasswordPolicy;
use crate::password::secret::Password;
use crate::security_event::{EventKind, SecurityEvent};

/// The policy, the breach check, and the length of histories.
#[derive(Clone, Debug)]
pub(super) struct NewPasswordRules {
    pub(super) policy: PasswordPolicy,
    pub(super) breach_check: Option<RangeClient>,
    pub(super) requires_breach_check: bool,
    pub(super) max_history: usize,
}

impl NewPasswordRules {
    /// Returns the normalized password if the policy accepts it.
    ///
    /// # Errors
    ///
    /// Returns a [`DenialKind::PasswordRejected`] with all problems.
    pub(super) fn check_policy(&self, password: Password, words: &[&str]) -> Result<Zeroizing<String>, DenialKind> {
        let nfc = password.into_nfc().map_err(|problem| {
            let problem = match problem {
                // The policy's maximum is below that of all passwords.
                PasswordProblem::TooLong { .. } => PasswordProblem::TooLong { max: self.policy.max_length() },
                other => other,
            };
            DenialKind::password_rejected([problem])
        })?;
        let problems = self.policy.check(&nfc, words);
        if problems.is_empty() { Ok(nfc) } else { Err(DenialKind::password_rejected(problems)) }
    }

    /// Whether a password was breached, by at most one request.
    ///
    /// # Errors
    ///
    /// Returns a [`DenialKind::BreachCheckUnavailable`] if the check is required and has no result.
    pub(super) async fn is_breached(&self, nfc: &str) -> Result<bool, DenialKind> {
        let Some(breach_check) = &self.breach_check else { return Ok(false) };
        match breach_check.count(nfc).await {
            Ok(count) => Ok(count > 0),
            Err(error) => {
                if let Some(event) = SecurityEvent::counted(EventKind::BreachCheckFailed) {
                    event.with_reason(error.reason()).write();
                }
                tracing::debug!(%error, "the breach check failed");
                let is_required = self.requires_breach_check;
                if is_required { Err(DenialKind::breach_check_unavailable(RETRY)) } else { Ok(false) }
            }
        }
    }
}

/// After the timeout of the check, which is one second by default, a service may be reachable again.
const RETRY: Duration = Duration::from_secs(5);
