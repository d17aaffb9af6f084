//! `Users`: from the response about an active token to its user.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::claims::claim_map::ClaimMap;
use crate::claims::{authorization_details, client, numeric_date};
use crate::context::{AppSettings, Credential, Identity, UserContext};
use crate::gate::TokenError;
use crate::introspection::response::{ActiveToken, TokenType};
use crate::introspection::token::{IntrospectedToken, Validity};
use crate::revocation::handle::Revocations;
use crate::strict_json::{Object, is_null, string};

/// The settings by which a user is read from a response.
#[derive(Debug)]
pub(super) struct Users {
    pub(super) claims: ClaimMap,
    /// For a response without `sub`: the token was issued to a client on its own behalf. `None` if the app reads the id
    /// from another member.
    pub(super) client_claims: Option<ClaimMap>,
    /// The name of the authorization server; `None` if every response must have it.
    pub(super) issuer: Option<Arc<str>>,
    /// Empty if tokens for any audience are accepted.
    pub(super) audiences: Vec<String>,
    pub(super) revocations: Option<Revocations>,
    pub(super) app: AppSettings,
    pub(super) leeway: Duration,
}

/// When a response was received, and until when it is used. `now` and `asked_at` are since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received {
    pub(super) now: Duration,
    #[cfg(feature = "shared_signals")]
    pub(super) asked_at: Duration,
    pub(super) received_at: Instant,
    pub(super) fresh_until: Instant,
}

impl Users {
    /// Reads the user of an active token.
    ///
    /// # Errors
    ///
    /// Returns why the token is rejected, whenever it is sent. What depends on the time and the audience is checked on
    /// each request.
    pub(super) fn read(
        &self,
        token: &str,
        active: &ActiveToken,
        received: Received,
    ) -> Result<IntrospectedToken, TokenError> {
        // The claims were parsed before, so they are an object.
        let claims = Object::parse(&active.claims).ok_or(TokenError::Claims)?;
        check_kind(active, &claims)?;
        let issuer = self.issuer_of(active)?;
        let has_audience = self.check_audience(active)?;
        self.check_lifetime(active, received.now)?;
        authorization_details::check(&claims)?;
        let mut identity = self.identity(active, &claims, &issuer)?;
        identity.issuer = Some(issuer);
        identity.credential = Credential::Token;
        identity.auth_time = numeric_date::optional(&claims, "auth_time", identity.issuer.as_deref().unwrap_or(""));
        identity.issued_at = active.issued_at;
        identity.expires_at = active.expires_at;
        identity.token_id = active.jti.as_deref().map(Into::into);
        identity.claims = Some(Arc::clone(&active.claims));
        self.app.complete(&mut identity);
        if self.revocations.is_some() {
            // Without `jti` and `sid`, the token is revoked by its text.
            identity.revocation_ids = Some(Arc::new(identity.new_revocation_ids(None, Some(token))));
        }
        Ok(IntrospectedToken {
            user: UserContext::from_identity(identity),
            has_audience,
            validity: Validity::new(active.expires_at, active.not_before, active.issued_at, self.leeway),
            received_at: received.received_at,
            #[cfg(feature = "shared_signals")]
            asked_at: received.asked_at,
            fresh_until: received.fresh_until,
        })
    }

    /// Whether claims of a token have changed since the server was asked about it.
    #[cfg(feature = "shared_signals")]
    pub(super) fn has_claims_changed(&self, token: &IntrospectedToken) -> bool {
        let (Some(revocations), Some(ids)) = (&self.revocations, token.user.revocation_ids()) else { return false };
        revocations.has_claims_changed(ids, token.asked_at)
    }

    /// Returns the issuer of the token: as configured, so that a token and a JWT of one issuer have the same user.
    fn issuer_of(&self, active: &ActiveToken) -> Result<Arc<str>, TokenError> {
        match (&self.issuer, active.iss.as_deref()) {
            (Some(issuer), Some(iss)) if **issuer != *iss => Err(TokenError::Issuer),
            (Some(issuer), _) => Ok(Arc::clone(issuer)),
            (None, Some(iss)) => Ok(iss.into()),
            // Ids are unique only at their issuer.
            (None, None) => Err(TokenError::claim_missing("iss")),
        }
    }

    /// Returns whether the token is for this resource server.
    fn check_audience(&self, active: &ActiveToken) -> Result<bool, TokenError> {
        if self.audiences.is_empty() {
            return Ok(true);
        }
        if active.audiences.is_empty() {
            return Err(TokenError::claim_missing("aud"));
        }
        Ok(active.audiences.iter().any(|audience| self.audiences.contains(audience)))
    }

    /// Checks that the token is not valid for longer than revocations are stored.
    fn check_lifetime(&self, active: &ActiveToken, now: Duration) -> Result<(), TokenError> {
        let Some(revocations) = &self.revocations else { return Ok(()) };
        let expires_at = active.expires_at.ok_or(TokenError::Lifetime)?;
        revocations.check_lifetime(active.issued_at, expires_at, now, self.leeway)
    }

    fn identity(&self, active: &ActiveToken, claims: &Object<'_>, issuer: &str) -> Result<Identity, TokenError> {
        let text = &active.claims;
        match &self.client_claims {
            Some(client_claims) if is_of_client(active, claims) => {
                let identity = client_claims.read(claims, text, issuer)?;
                Ok(Identity { is_client: true, ..identity })
            }
            _ => {
                let identity = self.claims.read(claims, text, issuer)?;
                let is_client = active.username.is_none() && client::is_itself(claims, &identity);
                Ok(Identity { is_client, ..identity })
            }
        }
    }
}

/// Whether the response describes no user, but a client that acts on its own behalf (RFC 6749 §4.4).
fn is_of_client(active: &ActiveToken, claims: &Object<'_>) -> bool {
    let has_subject = claims.get("sub").is_some_and(|sub| !is_null(sub));
    !has_subject && active.client_id.is_some() && active.username.is_none() && !client::has_user_claims(claims)
}

/// Checks that the token is a bearer token and an access token.
///
/// # Errors
///
/// Returns [`TokenError::Confirmation`] for a token that only the holder of a key may use: sent as a bearer token, it
/// proves no possession. Returns [`TokenError::Type`] for a token of another kind, such as a refresh token, which some
/// servers report as active.
fn check_kind(active: &ActiveToken, claims: &Object<'_>) -> Result<(), TokenError> {
    if active.is_bound || active.token_type == TokenType::Dpop {
        return Err(TokenError::Confirmation);
    }
    let is_kind = |name: &str, kinds: &[&str]| match claims.get(name).filter(|value| !is_null(value)) {
        Some(value) => string(value).is_some_and(|value| kinds.iter().any(|kind| value.eq_ignore_ascii_case(kind))),
        None => true,
    };
    let is_access_token = active.token_type == TokenType::Bearer
        && is_kind("token_use", &["access", "access_token"])
        && is_kind("typ", &["Bearer", "at+jwt", "application/at+jwt", "JWT"]);
    if is_access_token { Ok(()) } else { Err(TokenError::Type) }
}
