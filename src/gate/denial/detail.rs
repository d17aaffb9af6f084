//! The texts of a `Denial` for the caller: its detail, and the type and title of its problem.

use std::borrow::Cow;

use crate::gate::denial::{AccountRefusal, CredentialError, Denial, DenialKind};

impl Denial {
    /// Returns the problem type and its title (RFC 9457 §3.1).
    ///
    /// Rate limits have the types of draft-ietf-httpapi-ratelimit-headers-10 §6. All others have `about:blank`, whose
    /// title is the reason phrase of the status.
    pub(crate) fn problem_type(&self) -> (&'static str, &'static str) {
        match self.kind {
            DenialKind::AbnormalUsage(_) => (
                "https://iana.org/assignments/http-problem-types#abnormal-usage-detected",
                "Request not satisfied due to detection of abnormal request pattern",
            ),
            DenialKind::QuotaExceeded(_) => (
                "https://iana.org/assignments/http-problem-types#quota-exceeded",
                "Request cannot be satisfied as assigned quota has been exceeded",
            ),
            DenialKind::ReducedCapacity(_) => (
                "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
                "Request cannot be satisfied due to temporary server capacity constraints",
            ),
            _ => ("about:blank", self.status().canonical_reason().unwrap_or_default()),
        }
    }

    /// Returns the reason, as text for the caller.
    ///
    /// For a 500, the text reveals nothing about the app's configuration.
    #[must_use]
    pub fn detail(&self) -> Cow<'static, str> {
        match &self.kind {
            DenialKind::AbnormalUsage(_) => "blocked after exceeding a rate limit".into(),
            DenialKind::AccountRefused(AccountRefusal::Inactive) => "the account is inactive".into(),
            DenialKind::AccountRefused(AccountRefusal::Locked) => "the account is locked".into(),
            DenialKind::AccountRefused(AccountRefusal::Other { reason }) => reason.clone(),
            DenialKind::AccountRefused(AccountRefusal::Unverified) => "the account is not verified".into(),
            DenialKind::AddressUnknown
            | DenialKind::AuthLayerMissing { .. }
            | DenialKind::ClaimsMismatch
            | DenialKind::NonceMissing
            | DenialKind::RateLimitMissing { .. } => "the server is misconfigured".into(),
            DenialKind::CredentialsMissing => "a bearer token is required".into(),
            DenialKind::InsufficientPermission { required } => format!("required permission: {required}").into(),
            DenialKind::InsufficientRole { required } => format!("required role: {required}").into(),
            DenialKind::InsufficientScope { required } => format!("required scope: {required}").into(),
            DenialKind::InsufficientTier { required } => format!("required tier: {} or higher", required.name()).into(),
            DenialKind::InvalidCredential => "the credential is invalid".into(),
            DenialKind::InvalidRequest(CredentialError::Malformed) => "the credential is malformed".into(),
            DenialKind::InvalidRequest(CredentialError::Multiple) => {
                "the request carries more than one credential".into()
            }
            DenialKind::InvalidToken(error) => error.error_description().into(),
            DenialKind::KeysUnavailable { .. } => "the issuer's keys are temporarily unavailable".into(),
            DenialKind::QuotaExceeded(violation) if violation.retry_after.is_none() => {
                "the request costs more than the rate limit allows".into()
            }
            DenialKind::QuotaExceeded(_) => "rate limit exceeded".into(),
            DenialKind::RateLimitKeyMissing => "the request carries no rate-limit key".into(),
            DenialKind::ReducedCapacity(_) => "the rate limit is temporarily reduced".into(),
            DenialKind::UsersUnavailable { .. } => "the user's account is temporarily unavailable".into(),
        }
    }
}
