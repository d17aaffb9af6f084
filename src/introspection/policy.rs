//! `Policy`: the validated settings of an `IntrospectionAuth`, and what they say about a request's token.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::context::{Realm, UserContext};
use crate::field::bearer::{Bearer, BearerError, authorization};
use crate::gate::{Admission, CredentialError, DenialKind, TokenError, UserMap};
use crate::introspection::cache::{IntrospectionCache, Known, Unavailable};
use crate::introspection::token::IntrospectedToken;
use crate::lookup::CredentialDigest;
use crate::revocation::handle::Revocations;

/// The validated settings of an `IntrospectionAuth`.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) realm: Realm,
    pub(super) cache: Arc<IntrospectionCache>,
    pub(super) revocations: Option<Revocations>,
    pub(super) user_map: Option<UserMap>,
    pub(super) admission: Admission,
    pub(super) clock: Clock,
}

/// What is known of the token of a request without a call.
#[derive(Debug)]
pub(super) enum Lookup {
    /// The request has no token.
    NoToken,
    Accepted(UserContext),
    /// The server must be asked about the token.
    Missing(MissingToken),
}

/// A token about which nothing is known yet.
#[derive(Debug)]
pub(super) struct MissingToken {
    digest: CredentialDigest,
    /// Wiped from memory when the call ends.
    text: Zeroizing<String>,
}

impl Policy {
    /// Reads the token of a request, and checks it if it is known. Marks the header as sensitive.
    ///
    /// # Errors
    ///
    /// Returns [`DenialKind::InvalidRequest`] (400) if there are several tokens or the header is malformed,
    /// [`DenialKind::InvalidToken`] (401) if the text cannot be a token or the token is rejected, and a 503 if it is
    /// not known whether it was revoked.
    pub(super) fn find(&self, headers: &mut HeaderMap) -> Result<Lookup, DenialKind> {
        let authorization = authorization(headers).map_err(denial_kind)?;
        let Some(bearer) = authorization.and_then(Bearer::of) else { return Ok(Lookup::NoToken) };
        let bytes = bearer.raw_token();
        if bytes.len() > MAX_TOKEN_LEN {
            return Err(DenialKind::InvalidToken(TokenError::TooLong));
        }
        let now = self.clock.since_epoch();
        let digest = self.cache.digest(bytes);
        // The cache comes before the check of the grammar, which a cached token has passed.
        if let Some(token) = self.cache.get(&digest, now) {
            return self.check(&token, now).map(Lookup::Accepted);
        }
        let text = bearer.token().map_err(denial_kind)?;
        if let Some(error) = self.cache.rejected(&digest) {
            return Err(DenialKind::InvalidToken(error));
        }
        Ok(Lookup::Missing(MissingToken { digest, text: Zeroizing::new(text.to_owned()) }))
    }

    /// Asks the server about a token, and checks it.
    ///
    /// # Errors
    ///
    /// Returns why the request is rejected.
    pub(super) async fn look_up(&self, missing: MissingToken) -> Result<UserContext, DenialKind> {
        match self.cache.look_up(missing.digest, missing.text).await {
            Ok(Known::Active(token)) => self.check(&token, self.clock.since_epoch()),
            Ok(Known::Rejected(error)) => Err(DenialKind::InvalidToken(error)),
            Err(Unavailable) => Err(DenialKind::introspection_unavailable(RETRY_AFTER)),
        }
    }

    /// Checks an active token on each request, and applies `map_user`. `now` is since 1970.
    ///
    /// # Errors
    ///
    /// Returns why the token is rejected.
    fn check(&self, token: &IntrospectedToken, now: Duration) -> Result<UserContext, DenialKind> {
        token.check(now).map_err(DenialKind::InvalidToken)?;
        if let (Some(revocations), Some(ids)) = (&self.revocations, token.user.revocation_ids()) {
            revocations.check_token(ids)?;
        }
        let user = token.user.clone();
        Ok(match &self.user_map {
            Some(user_map) => user_map.map(user),
            None => user,
        })
    }
}

fn denial_kind(error: BearerError) -> DenialKind {
    match error {
        BearerError::Malformed => DenialKind::InvalidRequest(CredentialError::Malformed),
        BearerError::NotToken68 => DenialKind::InvalidToken(TokenError::Charset),
        BearerError::Repeated => DenialKind::InvalidRequest(CredentialError::Multiple),
    }
}

/// As for a JWT, which may be introspected too.
const MAX_TOKEN_LEN: usize = 16 * 1024;

/// Most outages are short, and the next request tries again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
