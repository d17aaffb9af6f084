//! `EventKind`: what has happened, and its names in the vocabularies of OWASP and OCSF.

use std::fmt;

use tracing::Level;

/// What has happened.
///
/// The crate emits some kinds by itself. An app emits others, where its own code decides, for example about a password.
///
/// ```
/// use portcullis::security_event::{EventKind, EventOutcome};
///
/// let kind = EventKind::PasswordReset;
/// assert_eq!(kind.name(), "password_reset");
/// assert_eq!(kind.owasp_name(), Some("authn_password_change"));
/// assert_eq!(kind.ocsf().map(|ocsf| ocsf.type_uid()), Some(300_104));
/// assert_eq!(kind.outcome(), EventOutcome::Success);
/// assert!(kind.is_notice());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// A credential or a request was rejected: with 400, 401 or 403.
    AccessDenied,
    /// One account had many failed logins in a row.
    AccountFailureLimit,
    /// An API key was created.
    ApiKeyCreated,
    /// An API key was revoked.
    ApiKeyRevoked,
    /// The text of an API key was replaced.
    ApiKeyRotated,
    /// The settings of an API key were changed, for example its scopes.
    ApiKeyUpdated,
    /// The user logged in with a backup code.
    BackupCodeUsed,
    /// It is not known whether a new password is in a breach, because the service did not respond.
    BreachCheckFailed,
    /// A one-time code was used a second time.
    CodeReplayed,
    /// Credentials were revoked before they expired.
    CredentialsRevoked,
    /// A login failed.
    LoginFailed,
    /// A login succeeded.
    LoginSucceeded,
    /// A login was rejected because of earlier failures.
    LoginThrottled,
    /// A second factor was set up.
    MfaEnrolled,
    /// A second factor was removed.
    MfaRemoved,
    /// A request was rejected with 503, because too much work of one kind was waiting.
    Overloaded,
    /// The user changed the password.
    PasswordChanged,
    /// A new password was rejected.
    PasswordRejected,
    /// The password was reset with a one-time token.
    PasswordReset,
    /// A one-time token for a new password was requested.
    PasswordResetRequested,
    /// A rate limit rejected a request with 429.
    RateLimited,
    /// A request repeated a refresh within the grace period.
    RefreshRepeated,
    /// A refresh token was used again after the grace period, so it may be stolen.
    RefreshReused,
    /// A refresh token was replaced by the next one.
    RefreshRotated,
    /// The function that assesses a risk failed, or took too long.
    RiskCheckFailed,
    /// A login or a request was rejected because of its risk.
    RiskRejected,
    /// A login or a request requires a further factor because of its risk.
    RiskStepUp,
    /// The second factor of a login was wrong.
    SecondFactorFailed,
    /// A session ended before its timeout.
    SessionEnded,
    /// A session began.
    SessionStarted,
    /// A request was rejected with 503, because a store, an issuer or another service was unavailable.
    StoreUnavailable,
}

/// Whether an event is a success, or whose fault its failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventOutcome {
    /// The app, or a service that it needs, is at fault.
    Error,
    /// The caller is at fault.
    Failure,
    /// What the caller asked for was done.
    Success,
}

/// The class and the activity of an event in the Open Cybersecurity Schema Framework (version 1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Ocsf {
    /// `class_uid`, such as 3002 for Authentication.
    pub class_uid: u16,
    /// `activity_id`, such as 1 for Logon in Authentication; 99 is another activity.
    pub activity_id: u8,
}

impl Ocsf {
    /// Returns `type_uid`, which combines the class and the activity.
    #[must_use]
    pub fn type_uid(self) -> u32 {
        u32::from(self.class_uid) * 100 + u32::from(self.activity_id)
    }
}

impl EventOutcome {
    /// Returns the name: `error`, `failure` or `success`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Failure => "failure",
            Self::Success => "success",
        }
    }

    /// Returns the `status_id` of OCSF: 1 for a success, otherwise 2.
    #[must_use]
    pub fn ocsf_status_id(self) -> u8 {
        match self {
            Self::Error | Self::Failure => 2,
            Self::Success => 1,
        }
    }
}

/// A row of the table.
struct Row {
    name: &'static str,
    owasp_name: Option<&'static str>,
    ocsf: Option<Ocsf>,
    level: Level,
    outcome: EventOutcome,
}

const fn ocsf(class_uid: u16, activity_id: u8) -> Option<Ocsf> {
    Some(Ocsf { class_uid, activity_id })
}

/// Writes the table: each kind once, in the order of the enum.
///
/// The classes of OCSF are 3001 Account Change (3 Password Change, 4 Password Reset, 10 and 11 MFA Factor Enable and
/// Disable), 3002 Authentication (1 Logon, 2 Logoff, 3 Authentication Ticket), 3003 Authorize Session, 3004 Entity
/// Management (1 Create, 3 Update, 4 Delete) and 6003 API Activity. The activity 99 of each class is "Other".
macro_rules! table {
    ($($kind:ident: $name:literal, $owasp:expr, $ocsf:expr, $level:ident, $outcome:ident;)*) => {
        impl EventKind {
            /// All kinds.
            pub(super) const ALL: &[Self] = &[$(Self::$kind),*];

            /// Returns the labels of the counter. They are constants, so that counting allocates nothing.
            #[cfg(feature = "metrics")]
            pub(super) fn labels(self) -> &'static [metrics::Label; 2] {
                match self {
                    $(Self::$kind => {
                        static LABELS: [metrics::Label; 2] = [
                            metrics::Label::from_static_parts("event", $name),
                            metrics::Label::from_static_parts("outcome", EventOutcome::$outcome.as_str()),
                        ];
                        &LABELS
                    })*
                }
            }

            #[inline]
            const fn row(self) -> &'static Row {
                match self {
                    $(Self::$kind => const { &Row {
                        name: $name,
                        owasp_name: $owasp,
                        ocsf: $ocsf,
                        level: Level::$level,
                        outcome: EventOutcome::$outcome,
                    } },)*
                }
            }
        }
    };
}

table! {
    AccessDenied: "access_denied", Some("authz_fail"), ocsf(3003, 99), INFO, Failure;
    AccountFailureLimit: "account_failure_limit", Some("authn_login_lock"), ocsf(3002, 1), WARN, Failure;
    ApiKeyCreated: "api_key_created", Some("authn_token_created"), ocsf(3004, 1), INFO, Success;
    ApiKeyRevoked: "api_key_revoked", Some("authn_token_revoked"), ocsf(3004, 4), INFO, Success;
    ApiKeyRotated: "api_key_rotated", Some("authn_token_created"), ocsf(3004, 3), INFO, Success;
    ApiKeyUpdated: "api_key_updated", Some("privilege_permissions_changed"), ocsf(3004, 3), INFO, Success;
    BackupCodeUsed: "backup_code_used", Some("user_updated"), ocsf(3001, 99), INFO, Success;
    BreachCheckFailed: "breach_check_failed", Some("authn_password_change_fail"), ocsf(3001, 3), WARN, Error;
    CodeReplayed: "code_replayed", Some("authn_token_reuse"), ocsf(3002, 1), WARN, Failure;
    CredentialsRevoked: "credentials_revoked", Some("authn_token_revoked"), ocsf(3002, 2), INFO, Success;
    LoginFailed: "login_failed", Some("authn_login_fail"), ocsf(3002, 1), INFO, Failure;
    LoginSucceeded: "login_succeeded", Some("authn_login_success"), ocsf(3002, 1), INFO, Success;
    LoginThrottled: "login_throttled", Some("authn_login_fail_max"), ocsf(3002, 1), WARN, Failure;
    MfaEnrolled: "mfa_enrolled", Some("user_updated"), ocsf(3001, 10), INFO, Success;
    MfaRemoved: "mfa_removed", Some("user_updated"), ocsf(3001, 11), INFO, Success;
    Overloaded: "overloaded", None, None, WARN, Error;
    PasswordChanged: "password_changed", Some("authn_password_change"), ocsf(3001, 3), INFO, Success;
    PasswordRejected: "password_rejected", Some("authn_password_change_fail"), ocsf(3001, 3), INFO, Failure;
    PasswordReset: "password_reset", Some("authn_password_change"), ocsf(3001, 4), INFO, Success;
    PasswordResetRequested: "password_reset_requested", Some("authn_password_change"), ocsf(3001, 4), INFO, Success;
    RateLimited: "rate_limited", Some("excess_rate_limit_exceeded"), ocsf(6003, 99), INFO, Failure;
    RefreshRepeated: "refresh_repeated", Some("session_renewed"), ocsf(3002, 3), DEBUG, Success;
    RefreshReused: "refresh_reused", Some("authn_token_reuse"), ocsf(3002, 3), WARN, Failure;
    RefreshRotated: "refresh_rotated", Some("session_renewed"), ocsf(3002, 3), DEBUG, Success;
    RiskCheckFailed: "risk_check_failed", None, ocsf(3002, 99), WARN, Error;
    RiskRejected: "risk_rejected", Some("authn_login_fail"), ocsf(3002, 1), WARN, Failure;
    RiskStepUp: "risk_step_up", None, ocsf(3002, 99), INFO, Failure;
    SecondFactorFailed: "second_factor_failed", Some("authn_login_fail"), ocsf(3002, 1), WARN, Failure;
    SessionEnded: "session_ended", Some("authn_logout"), ocsf(3002, 2), INFO, Success;
    SessionStarted: "session_started", Some("session_created"), ocsf(3002, 1), INFO, Success;
    StoreUnavailable: "store_unavailable", None, None, DEBUG, Error;
}

impl EventKind {
    /// Returns the name, for example `login_failed`. It never changes.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Returns the name in the Logging Vocabulary of OWASP; `None` if it has none that fits.
    #[must_use]
    pub fn owasp_name(self) -> Option<&'static str> {
        self.row().owasp_name
    }

    /// Returns the class and the activity of OCSF; `None` for an outage, which is no security finding.
    #[must_use]
    pub fn ocsf(self) -> Option<Ocsf> {
        self.row().ocsf
    }

    /// Returns the level at which the event is logged.
    #[must_use]
    #[inline]
    pub fn level(self) -> Level {
        self.row().level
    }

    /// Whether the app should notify the user, for example by mail (NIST SP 800-63B-4 §4.6).
    #[must_use]
    pub fn is_notice(self) -> bool {
        matches!(
            self,
            Self::ApiKeyCreated
                | Self::ApiKeyRevoked
                | Self::ApiKeyRotated
                | Self::ApiKeyUpdated
                | Self::BackupCodeUsed
                | Self::MfaEnrolled
                | Self::MfaRemoved
                | Self::PasswordChanged
                | Self::PasswordReset
                | Self::PasswordResetRequested
                | Self::RefreshReused
                | Self::RiskRejected
                | Self::SecondFactorFailed
        )
    }

    /// Returns whether the event is a success, or whose fault its failure is.
    #[must_use]
    pub fn outcome(self) -> EventOutcome {
        self.row().outcome
    }

    /// Returns the message of the log line.
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::AccessDenied | Self::Overloaded | Self::RateLimited | Self::StoreUnavailable => "request rejected",
            _ => "security event",
        }
    }

    /// Returns the kind with this name.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// Writes the [name](EventKind::name).
impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Writes the [name](EventOutcome::as_str).
impl fmt::Display for EventOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
