//! The texts of a `Denial` for the caller: its detail, and the type and title of its problem.

use std::borrow::Cow;

use crate::context::AuthScheme;
use crate::field::challenge::INVALID_CREDENTIAL;
use crate::gate::denial::{AccountRefusal, CredentialError, Denial, DenialKind, PasswordProblem};

impl Denial {
    /// Returns the members `type`, `title` and `status` of problem details (RFC 9457 §3.1) as JSON text, because they
    /// are the same for every request.
    ///
    /// Rate limits have the types of draft-ietf-httpapi-ratelimit-headers-10 §6. All others have `about:blank`, whose
    /// title is the reason phrase of the status.
    pub(crate) fn problem_type(&self) -> &'static str {
        match (&self.kind, self.status().as_u16()) {
            (DenialKind::AbnormalUsage(_), _) => concat!(
                r#""type":"https://iana.org/assignments/http-problem-types#abnormal-usage-detected","#,
                r#""title":"Request not satisfied due to detection of abnormal request pattern","status":429"#,
            ),
            (DenialKind::QuotaExceeded(_), _) => concat!(
                r#""type":"https://iana.org/assignments/http-problem-types#quota-exceeded","#,
                r#""title":"Request cannot be satisfied as assigned quota has been exceeded","status":429"#,
            ),
            (DenialKind::ReducedCapacity(_), _) => concat!(
                r#""type":"https://iana.org/assignments/http-problem-types#temporary-reduced-capacity","#,
                r#""title":"Request cannot be satisfied due to temporary server capacity constraints","status":503"#,
            ),
            (_, 400) => r#""type":"about:blank","title":"Bad Request","status":400"#,
            (_, 401) => r#""type":"about:blank","title":"Unauthorized","status":401"#,
            (_, 403) => r#""type":"about:blank","title":"Forbidden","status":403"#,
            (_, 404) => r#""type":"about:blank","title":"Not Found","status":404"#,
            (_, 422) => r#""type":"about:blank","title":"Unprocessable Content","status":422"#,
            (_, 503) => r#""type":"about:blank","title":"Service Unavailable","status":503"#,
            _ => r#""type":"about:blank","title":"Internal Server Error","status":500"#,
        }
    }

    /// Returns the reason, as text for the caller.
    ///
    /// For a 500, the text reveals nothing about the app's configuration, unless the app is compiled with debug
    /// assertions, as `cargo run` and `cargo test` do. Then it names the mistake, for example the missing layer.
    #[must_use]
    pub fn detail(&self) -> Cow<'static, str> {
        self.detail_in(cfg!(debug_assertions))
    }

    /// Returns the detail in a build with or without debug assertions.
    fn detail_in(&self, is_debug_build: bool) -> Cow<'static, str> {
        match &self.kind {
            DenialKind::AbnormalUsage(_) => "blocked after exceeding a rate limit".into(),
            DenialKind::AccountRefused(AccountRefusal::Inactive) => "the account is inactive".into(),
            DenialKind::AccountRefused(AccountRefusal::Locked) => "the account is locked".into(),
            DenialKind::AccountRefused(AccountRefusal::Other { reason }) => reason.clone(),
            DenialKind::AccountRefused(AccountRefusal::Unverified) => "the account is not verified".into(),
            DenialKind::AddressRefused { .. } => "requests from the client's address are not allowed".into(),
            DenialKind::AddressNotForwarded
            | DenialKind::AddressUnknown
            | DenialKind::AuthLayerMissing { .. }
            | DenialKind::ClaimsMismatch
            | DenialKind::NonceMissing
            | DenialKind::NotRevocable
            | DenialKind::OneTimeTokenMisuse { .. }
            | DenialKind::OpenRoute { .. }
            | DenialKind::PasswordHistoryTooLong { .. }
            | DenialKind::RateLimitMissing { .. }
            | DenialKind::SessionChangeInvalid
            | DenialKind::SessionLayerMissing
            | DenialKind::TrustedProxiesMissing { .. } => {
                let mistake = self.kind.mistake().filter(|_| is_debug_build);
                mistake.unwrap_or("the server is misconfigured".into())
            }
            DenialKind::ApiKeyStoreUnavailable { .. } => "API keys are temporarily unavailable".into(),
            DenialKind::BreachCheckUnavailable { .. } => "new passwords cannot be checked at present".into(),
            DenialKind::ClientNotAllowed => "a client that acts on its own behalf is not allowed".into(),
            DenialKind::CredentialNotAccepted { accepted, credential } if accepted.is_empty() => {
                format!("credential not accepted: {credential}").into()
            }
            DenialKind::CredentialNotAccepted { accepted, .. } => {
                alternatives("required credential: ", accepted.iter()).into()
            }
            DenialKind::CrossSite { origin: Some(_) } => "requests from pages of other sites are not allowed".into(),
            DenialKind::CrossSite { origin: None } => {
                "neither Sec-Fetch-Site nor Origin says that a page of this site sent the request".into()
            }
            DenialKind::CsrfTokenInvalid => "the form has expired: reload the page".into(),
            DenialKind::CredentialsMissing => match self.realm.schemes_besides_bearer() {
                Some(schemes) => {
                    alternatives("a credential is required: ", schemes.iter().map(AuthScheme::name)).into()
                }
                None if !self.has_scheme() => "a client certificate is required".into(),
                None => "a bearer token is required".into(),
            },
            DenialKind::EmailNotVerified => "the email address must be verified".into(),
            DenialKind::InsufficientAuthentication { .. } => "a further authentication factor is required".into(),
            DenialKind::InsufficientAuthorizationDetails { required } => {
                format!("required authorization detail: {required}").into()
            }
            DenialKind::InsufficientClaims if self.realm.schemes_besides_bearer().is_some() => {
                "the credential does not have the required claims".into()
            }
            DenialKind::InsufficientClaims => "the token does not have the required claims".into(),
            DenialKind::InsufficientPermission { required } => format!("required permission: {required}").into(),
            DenialKind::InsufficientRole { required } => format!("required role: {required}").into(),
            DenialKind::InsufficientScope { required } => format!("required scope: {required}").into(),
            DenialKind::InsufficientTier { required } => format!("required tier: {} or higher", required.name()).into(),
            DenialKind::IntrospectionUnavailable { .. } => "the token cannot be checked at present".into(),
            DenialKind::InvalidApiKeySettings(error) => error.to_string().into(),
            DenialKind::InvalidCredential => INVALID_CREDENTIAL.into(),
            DenialKind::InvalidOneTimeToken => "the link or code is invalid or has expired: request a new one".into(),
            DenialKind::InvalidCredentials => "the account or the password is wrong".into(),
            DenialKind::InvalidRequest(CredentialError::Malformed) => "the credential is malformed".into(),
            DenialKind::InvalidRequest(CredentialError::Multiple) => {
                "the request carries more than one credential".into()
            }
            DenialKind::InvalidToken(error) => error.error_description().into(),
            DenialKind::KeysUnavailable { .. } => "the issuer's keys are temporarily unavailable".into(),
            DenialKind::NotOwner => "the resource belongs to another user".into(),
            DenialKind::Overloaded { .. } => "too many logins at present".into(),
            DenialKind::PasswordRejected { problems } => {
                let texts: Vec<_> = problems.iter().map(PasswordProblem::to_string).collect();
                texts.join("; ").into()
            }
            DenialKind::QuotaExceeded(violation) if violation.retry_after.is_none() => {
                "the request costs more than the rate limit allows".into()
            }
            DenialKind::QuotaExceeded(_) => "rate limit exceeded".into(),
            DenialKind::RateLimitKeyMissing => "the request carries no rate-limit key".into(),
            DenialKind::ReducedCapacity(_) => "the server's capacity is temporarily reduced".into(),
            DenialKind::ReplayCacheUnavailable { .. } => "links and codes are temporarily unavailable".into(),
            DenialKind::RevocationsUnavailable { .. } => {
                "the list of revoked credentials is temporarily unavailable".into()
            }
            DenialKind::SessionNotFound => "there is no such session".into(),
            DenialKind::SessionStoreUnavailable { .. } => "sessions are temporarily unavailable".into(),
            DenialKind::TooManySessions => "the user has too many sessions".into(),
            DenialKind::UsersUnavailable { .. } => "the user's account is temporarily unavailable".into(),
        }
    }
}

impl DenialKind {
    /// Returns the mistake of the app that causes a 500, with its remedy; `None` for all other reasons.
    pub(super) fn mistake(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::AddressNotForwarded => "the connection has no address, and the trusted proxy forwarded none; let the \
                 proxy on the Unix socket send X-Forwarded-For, or Forwarded with use_forwarded_header(); on TCP, serve \
                 with into_make_service_with_connect_info::<SocketAddr>()"
                .into(),
            Self::AddressUnknown => "the peer's address is unknown; serve with \
                 into_make_service_with_connect_info::<SocketAddr>(), or insert a SocketAddr into the request's \
                 extensions (on tonic, the one in TcpConnectInfo); on a Unix socket, add \"unix:\" to TrustedProxies"
                .into(),
            Self::AuthLayerMissing { required_by } => {
                format!("{required_by} requires an authenticating layer; add JwtAuth or AnyOf around it").into()
            }
            Self::ClaimsMismatch => {
                "a handler extracts claims into a type that no token's claims fit; use a struct whose \
                 fields are some of the claims"
                    .into()
            }
            Self::NonceMissing => "CspNonce requires a SecurityHeaders layer whose policy has a nonce; add \
                 SecurityHeaders::html(), or Source::Nonce to the existing policy"
                .into(),
            Self::NotRevocable => "a handler revokes a credential of a user without an issuer, a session or a token id; \
                 keep the user that the authenticating layer provides, or set these values in a custom gate"
                .into(),
            Self::OneTimeTokenMisuse { mistake } => (*mistake).into(),
            Self::OpenRoute { required_by } => format!(
                "{required_by} requires a user on an open route, where no credential is read; remove the route from \
                 StackBuilder::open, or open only the methods that need no user, as in \"GET /reports\""
            )
            .into(),
            Self::PasswordHistoryTooLong { max } => format!(
                "a handler compares a new password with more than {max} previous ones; pass the newest {max}, or raise \
                 max_history"
            )
            .into(),
            Self::RateLimitMissing { required_by } => format!(
                "{required_by} requires a RateLimit layer that counts the request (for an Attempt, one that counts \
                 failures); add one, or extract an Option if the route may be exempt"
            )
            .into(),
            Self::SessionChangeInvalid => "a handler changes a session after the response was sent, or logs in a user \
                 without an id or with values of more than 4 KiB; await the change in the handler, and keep other data \
                 in a database"
                .into(),
            Self::SessionLayerMissing => "Session requires a SessionAuth layer around it, inside which no other layer \
                 authenticates; on login routes, add SessionAuth::to_optional; on routes in an AnyOf, add \
                 RequireCredential::new(Credential::Session), which rejects other credentials with 403"
                .into(),
            Self::TrustedProxiesMissing { required_by } => format!(
                "{required_by} requires a TrustedProxies layer around it, which finds the client's address; add one, or \
                 call StackBuilder::trusted_proxies; without proxies, pass TrustedProxies::none()"
            )
            .into(),
            _ => return None,
        })
    }
}

/// Writes an introduction and names, as `Bearer, ApiKey or Session`.
fn alternatives<'a>(introduction: &str, names: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::with_capacity(USUAL_LEN);
    text.push_str(introduction);
    let mut names = names.peekable();
    let mut is_first = true;
    while let Some(name) = names.next() {
        if !is_first {
            text.push_str(if names.peek().is_some() { ", " } else { " or " });
        }
        is_first = false;
        text.push_str(name);
    }
    text
}

/// The length of nearly all lists of schemes, so that the text is allocated once.
const USUAL_LEN: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Realm;

    #[test]
    fn a_500_names_the_mistake_in_a_debug_build_only() {
        for (kind, mistake) in [
            (DenialKind::AddressNotForwarded, "send X-Forwarded-For"),
            (DenialKind::AddressUnknown, "into_make_service_with_connect_info"),
            (DenialKind::auth_layer_missing("RequireUser"), "RequireUser requires an authenticating layer"),
            (DenialKind::ClaimsMismatch, "no token's claims fit"),
            (DenialKind::NonceMissing, "SecurityHeaders::html()"),
            (DenialKind::NotRevocable, "without an issuer"),
            (DenialKind::one_time_token_misuse("a state is empty"), "a state is empty"),
            (DenialKind::open_route("RequireUser"), "RequireUser requires a user on an open route"),
            (DenialKind::password_history_too_long(5), "more than 5 previous ones"),
            (DenialKind::rate_limit_missing("Attempt"), "Attempt requires a RateLimit layer"),
            (DenialKind::SessionChangeInvalid, "more than 4 KiB"),
            (DenialKind::SessionLayerMissing, "RequireCredential::new(Credential::Session)"),
            (DenialKind::trusted_proxies_missing("ClientAddr"), "ClientAddr requires a TrustedProxies layer"),
        ] {
            let denial = Denial::new(kind, Realm::default());
            assert_eq!(denial.status(), 500);
            assert!(denial.detail_in(true).contains(mistake), "{}", denial.detail_in(true));
            assert_eq!(denial.detail_in(false), "the server is misconfigured");
            assert_eq!(denial.detail(), denial.detail_in(cfg!(debug_assertions)));
        }
    }

    #[test]
    fn texts_name_the_schemes_in_use_and_a_token_only_if_it_is_the_only_credential() {
        let realm = |schemes: &[&str]| {
            Realm::default().with_schemes(schemes.iter().map(|scheme| AuthScheme::new(scheme).unwrap()))
        };
        let [bearer, keys, all] = [&["Bearer"][..], &["ApiKey"], &["Bearer", "ApiKey", "Session"]].map(realm);
        for (kind, realm, detail) in [
            (DenialKind::CredentialsMissing, &bearer, "a bearer token is required"),
            (DenialKind::CredentialsMissing, &keys, "a credential is required: ApiKey"),
            (DenialKind::CredentialsMissing, &all, "a credential is required: Bearer, ApiKey or Session"),
            (DenialKind::InsufficientClaims, &bearer, "the token does not have the required claims"),
            (DenialKind::InsufficientClaims, &keys, "the credential does not have the required claims"),
        ] {
            assert_eq!(Denial::new(kind, realm.clone()).detail(), detail);
        }
    }

    #[test]
    fn other_texts_are_the_same_in_every_build() {
        for kind in [DenialKind::CredentialsMissing, DenialKind::RateLimitKeyMissing] {
            let denial = Denial::new(kind, Realm::default());
            assert_eq!(denial.detail_in(true), denial.detail_in(false));
        }
    }
}
