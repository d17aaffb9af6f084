//! `JwtAuth` as a `VerifyJwt`: it verifies JWTs that are not access tokens, such as logout tokens.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::claims::audience;
use crate::gate::{DenialKind, TokenError};
use crate::jwt::gate::JwtAuth;
use crate::jwt::issuer::trusted::{IssuerKeys, SignatureCheck};
use crate::jwt::issuers::table::IssuerSearch;
use crate::jwt::policy::{MissingKey, Policy};
use crate::jwt::remote::search::PendingFetch;
use crate::jwt::token::claims;
use crate::jwt::token::compact::{self, Compact};
use crate::jwt::token::header::{Header, is_media_type};
use crate::strict_json::Object;
use crate::verify_jwt::expected::{ExpectedJwt, VerifyError};
use crate::verify_jwt::sealed::Verify;

/// The result of verifying a JWT with the current keys.
enum Verification {
    KeyMissing(MissingKey),
    /// Contains the claims.
    Verified(Arc<str>),
}

impl Verify for JwtAuth {
    #[cfg(feature = "shared_signals")]
    fn critical_members(&self) -> Arc<[String]> {
        let remote = self.policy.issuers.configured().iter().find_map(|issuer| match &issuer.keys {
            IssuerKeys::Remote(remote) => Some(remote.critical_members()),
            IssuerKeys::Fixed(_) => None,
        });
        remote.unwrap_or_default()
    }

    fn has_issuer(&self, name: &str) -> bool {
        self.policy.issuers.names().any(|issuer| issuer == name)
    }

    fn verify_jwt<'a>(
        &'a self,
        token: &'a str,
        expected: ExpectedJwt<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<str>, VerifyError>> + Send + 'a>> {
        Box::pin(verify_or_fetch(&self.policy, token, expected))
    }
}

/// Verifies a JWT, and waits for its key if the issuer may have published it since the last fetch.
///
/// The second fetch is the last one, as for access tokens: it started after the JWT had arrived.
async fn verify_or_fetch(policy: &Policy, token: &str, expected: ExpectedJwt<'_>) -> Result<Arc<str>, VerifyError> {
    let mut pending: Option<PendingFetch> = None;
    loop {
        let missing = match verify(policy, token, expected).map_err(VerifyError::Invalid)? {
            Verification::Verified(claims) => return Ok(claims),
            Verification::KeyMissing(missing) => missing,
        };
        if pending.as_ref().is_some_and(|pending| !pending.started_earlier) {
            return Err(error(policy.record_not_found(&missing)));
        }
        let mut next = policy.search(&missing).map_err(error)?;
        next.started_earlier &= pending.is_none();
        next.wait().await;
        pending = Some(next);
    }
}

/// Checks the type, the issuer and the audience of a JWT, then its signature.
///
/// The profile and the audiences of the issuer are about access tokens and do not apply. Its algorithms and keys do.
fn verify(policy: &Policy, token: &str, expected: ExpectedJwt<'_>) -> Result<Verification, TokenError> {
    let compact = Compact::parse(token, MAX_LEN)?;
    let header_text = compact::decode_text(compact.header)?;
    let header = Header::parse(&header_text)?;
    // RFC 8725 §3.11: without this, an access token or ID token of the same issuer could be presented instead.
    let is_expected_type =
        header.typ.as_deref().map_or(expected.allows_missing_typ, |typ| is_media_type(typ, expected.typ));
    if !is_expected_type {
        return Err(TokenError::Type);
    }
    let claims_text = compact::decode_text(compact.payload)?;
    let claims = Object::parse(&claims_text).ok_or(TokenError::Claims)?;
    let iss = claims::issuer(&claims)?;
    if expected.issuer.is_some_and(|issuer| issuer != iss) {
        return Err(TokenError::Issuer);
    }
    let aud = claims.get("aud").ok_or_else(|| TokenError::claim_missing("aud"))?;
    let is_expected = |audience: &str| expected.audiences.iter().any(|own| own == audience);
    if !audience::contains(aud, is_expected).ok_or_else(|| TokenError::claim_invalid("aud"))? {
        return Err(TokenError::Audience);
    }
    let IssuerSearch::Known(issuer_ref) = policy.issuers.find(&iss, &policy.clock) else {
        return Err(TokenError::Issuer);
    };
    let issuer = policy.issuers.get(&issuer_ref).ok_or(TokenError::Issuer)?;
    if !issuer.allowed.contains(&header.algorithm) {
        return Err(TokenError::Algorithm);
    }
    // Read before the keys, so that the search for a missing key notices a set that arrives in between.
    let checked_sets = issuer.fetched_sets();
    match (issuer.verify_signature(&header, compact, &iss)?, &issuer.keys) {
        (SignatureCheck::Valid { .. }, _) => Ok(Verification::Verified(claims_text.into())),
        (SignatureCheck::Invalid, _) => Err(TokenError::Signature),
        (SignatureCheck::KeyMissing, IssuerKeys::Fixed(_)) => Err(TokenError::Key),
        (SignatureCheck::KeyMissing, IssuerKeys::Remote(remote)) => Ok(Verification::KeyMissing(MissingKey {
            remote: Arc::clone(remote),
            kid: header.kid.as_deref().map(str::to_owned),
            issuer: issuer_ref,
            checked_sets,
        })),
    }
}

fn error(kind: DenialKind) -> VerifyError {
    match kind {
        DenialKind::KeysUnavailable { retry_after } => VerifyError::KeysUnavailable { retry_after },
        DenialKind::InvalidToken(error) => VerifyError::Invalid(error),
        // Does not happen: a search for a key ends with one of these.
        _ => VerifyError::Invalid(TokenError::Key),
    }
}

// Longer than an access token, because a response has all claims of one. The caller has bounded it too.
const MAX_LEN: usize = 64 * 1024;

#[cfg(test)]
mod tests;
