//! `TrustedIssuer`: an issuer after `build()`, and the verification of its tokens.

use std::sync::Arc;
use std::time::Duration;

use crate::claims::{authorization_details, client, numeric_date};
#[cfg(feature = "revocation")]
use crate::context::RevocationId;
use crate::context::{Identity, UserContext};
use crate::gate::{DenialKind, TokenError};
use crate::jwt::algorithm::Algorithm;
use crate::jwt::hints::{Hint, Hints};
use crate::jwt::issuer::conventions::{ClientMarker, IssuerConventions, TENANT};
use crate::jwt::issuer::profile::Evidence;
use crate::jwt::issuer::tenants::is_lower_case_guid;
use crate::jwt::issuer::token_use::TokenUse;
use crate::jwt::keys::jwks::KeySet;
use crate::jwt::remote::RemoteKeys;
use crate::jwt::token::claims::{self, Expected, RegisteredClaims};
use crate::jwt::token::compact::{self, Compact};
use crate::jwt::token::header::Header;
use crate::strict_json::{Object, string};

/// An issuer with its keys and conventions, immutable except for fetched keys.
#[derive(Debug)]
pub(crate) struct TrustedIssuer {
    pub(crate) name: Arc<str>,
    /// By what everything of the issuer can be revoked.
    #[cfg(feature = "revocation")]
    pub(crate) revocation_id: RevocationId,
    pub(crate) keys: IssuerKeys,
    /// The algorithms that its tokens may use. A fixed key is used for its own algorithm only.
    pub(crate) allowed: Vec<Algorithm>,
    pub(crate) audiences: Vec<String>,
    pub(crate) conventions: IssuerConventions,
    pub(crate) hints: Hints,
}

/// The keys of an issuer: configured once, or published by the issuer and fetched.
#[derive(Debug)]
pub(crate) enum IssuerKeys {
    Fixed(KeySet),
    Remote(Arc<RemoteKeys>),
}

/// The result of a signature check.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SignatureCheck {
    Invalid,
    /// No current key fits. A remote issuer may have published one since.
    KeyMissing,
    /// Verified with a key of this [generation](TrustedIssuer::key_generation).
    Valid {
        key_generation: u64,
    },
}

impl TrustedIssuer {
    /// Whether a token with this `iss` is of a tenant that this issuer of many tenants accepts.
    pub(crate) fn is_of_tenant(&self, iss: &str) -> bool {
        let tenant = self.tenant_in(iss).filter(|tenant| is_lower_case_guid(tenant));
        tenant.is_some_and(|tenant| self.conventions.tenants.as_ref().is_some_and(|tenants| tenants.contains(tenant)))
    }

    /// Returns the part of an `iss` at the placeholder of this issuer's name.
    fn tenant_in<'a>(&self, iss: &'a str) -> Option<&'a str> {
        let (before, after) = self.name.split_once(TENANT)?;
        iss.strip_prefix(before)?.strip_suffix(after)
    }

    /// Checks everything except the signature. A token that is rejected here costs no signature check and no fetch.
    ///
    /// Nothing is trusted yet, and this order is safe: each check only rejects. The result is used after the signature
    /// has been verified.
    pub(crate) fn check_claims<'a>(
        &self,
        header: &Header<'_>,
        claims: &Object<'a>,
        iss: &str,
        now: Duration,
        leeway: Duration,
    ) -> Result<RegisteredClaims<'a>, TokenError> {
        // RFC 8725 §3.1: the app decides about algorithms, not the token.
        if !self.allowed.contains(&header.algorithm) {
            return Err(TokenError::Algorithm);
        }
        self.check_tenant(claims, iss)?;
        self.check_type(header, claims)?;
        let IssuerConventions { audience_claim, audience_prefix, allows_missing_audience, pins, rules, .. } =
            &self.conventions;
        let expected = Expected {
            issuer: &self.name,
            audience_claim,
            audiences: &self.audiences,
            audience_prefix: *audience_prefix,
            allows_missing_audience: *allows_missing_audience,
            now,
            leeway,
        };
        let registered = claims::check(claims, expected)?;
        pins.iter().try_for_each(|pin| pin.check(claims))?;
        let latest = now.saturating_add(leeway);
        rules.iter().try_for_each(|rule| rule.check(claims, pins, latest))?;
        Ok(registered)
    }

    /// Checks that the tenant in `iss` is that of the claim `tid`, for an issuer of many tenants.
    ///
    /// All tenants share keys, so the tenant is known only if both claims name it.
    fn check_tenant(&self, claims: &Object<'_>, iss: &str) -> Result<(), TokenError> {
        if self.conventions.tenants.is_none() {
            return Ok(());
        }
        let tenant = claims.get("tid").and_then(string);
        let is_same = tenant.is_some_and(|tenant| self.tenant_in(iss) == Some(&*tenant));
        if is_same { Ok(()) } else { Err(TokenError::claim_mismatch("tid")) }
    }

    /// Checks that the token is an access token, or whatever the profile accepts.
    fn check_type(&self, header: &Header<'_>, claims: &Object<'_>) -> Result<(), TokenError> {
        let IssuerConventions { token_use, profile, is_own, .. } = &self.conventions;
        if let Some(token_use) = token_use {
            token_use.check(claims)?;
        }
        // A claim that marks an access token reliably relaxes the profile, which then accepts a `nonce`.
        let is_marked = token_use.as_ref().is_some_and(|token_use| token_use.is_conclusive);
        let compared_claim = token_use.as_ref().and_then(TokenUse::compared_claim);
        profile.check(header, claims, Evidence { is_marked, is_own: *is_own, compared_claim })
    }

    /// Keeps the fetched keys of the same issuer under earlier settings, if they are still at the same place.
    pub(crate) fn keep_keys(&mut self, earlier: &Self) {
        if let (IssuerKeys::Remote(own), IssuerKeys::Remote(fetched)) = (&mut self.keys, &earlier.keys)
            && own.location == fetched.location
            && own.filter == fetched.filter
        {
            *own = Arc::clone(fetched);
        }
    }

    /// Returns how many key sets have been fetched so far. A later comparison shows whether a new one has arrived.
    pub(crate) fn fetched_sets(&self) -> u64 {
        match &self.keys {
            IssuerKeys::Fixed(_) => 0,
            IssuerKeys::Remote(remote) => remote.fetched_sets(),
        }
    }

    /// Returns the generation of the keys in use, which changes whenever the issuer publishes another key set.
    ///
    /// `None` if there are no keys. Like a signature check, this starts a background refresh if the keys are due.
    pub(crate) fn key_generation(&self) -> Option<u64> {
        match &self.keys {
            IssuerKeys::Fixed(_) => Some(FIXED_GENERATION),
            IssuerKeys::Remote(remote) => remote.with_keys(|_, generation| generation),
        }
    }

    /// Logs the likely mistake in the configuration, for an error that often has one.
    ///
    /// The response does not have these hints: they describe the app's settings, and a caller cannot act on them. The
    /// token may be anyone's, so nothing of it is logged except its algorithm, which is one of a closed list.
    pub(crate) fn log_hint(&self, error: &TokenError, algorithm: Option<Algorithm>) {
        let Some(hint) = Hint::of(error) else { return };
        let Some(suppressed) = self.hints.admit(hint) else { return };
        let remedy = hint.remedy(self.conventions.profile);
        let (claim, expected) = match hint {
            Hint::Algorithm => (None, Some(self.allowed.iter().map(|algorithm| algorithm.name()).collect())),
            Hint::Audience => {
                let audiences: Vec<&str> = self.audiences.iter().map(String::as_str).collect();
                (Some(self.conventions.audience_claim.text()), Some(audiences))
            }
            Hint::Type => match &self.conventions.token_use {
                Some(token_use) => (Some(token_use.claim.text()), token_use.value.as_deref().map(|value| vec![value])),
                None => (None, None),
            },
            _ => match error {
                TokenError::ClaimMismatch { claim } => (Some(&**claim), None),
                _ => (None, None),
            },
        };
        tracing::warn!(
            issuer = &*self.name,
            kind = DenialKind::InvalidToken(error.clone()).code(),
            algorithm = algorithm.map(|algorithm| algorithm.name()),
            claim,
            expected = expected.as_ref().map(tracing::field::debug),
            reason = %error,
            suppressed,
            "a token was rejected; {remedy}"
        );
    }

    /// Logs that a verified token has a tier that is not one of the app's.
    pub(crate) fn log_tier_hint(&self, tier: &str) {
        let Some(suppressed) = self.hints.admit(Hint::Tier) else { return };
        let tier: String = tier.chars().take(MAX_LOGGED_TIER).collect();
        tracing::warn!(
            issuer = &*self.name,
            kind = "tier_unknown",
            // `Debug` escapes line breaks.
            ?tier,
            suppressed,
            "the tier of a token is unknown, so it ranks below all others; {}",
            Hint::Tier.remedy(self.conventions.profile)
        );
    }

    /// Checks the signature with the current keys (RFC 7515 §5.2).
    ///
    /// A key that names an issuer verifies tokens of that issuer only, although other tenants publish it too.
    ///
    /// # Errors
    ///
    /// Returns [`TokenError::Encoding`] if the signature is not base64url, and [`TokenError::Signature`] if it is
    /// longer than that of any supported key.
    pub(crate) fn verify_signature(
        &self,
        header: &Header<'_>,
        token: Compact<'_>,
        iss: &str,
    ) -> Result<SignatureCheck, TokenError> {
        // Decode into the stack, except the long signatures of ML-DSA: few issuers use it, and a buffer for them would
        // have to be zeroed for all.
        let mut on_stack = [0; MAX_SIGNATURE_LEN];
        let mut on_heap = Vec::new();
        let buffer = if header.algorithm.family().is_ml_dsa() {
            on_heap.resize(MAX_ML_DSA_SIGNATURE_LEN, 0);
            &mut *on_heap
        } else {
            &mut on_stack
        };
        let signature = compact::decode_signature(token.signature, buffer)?;
        let kid = header.kid.as_deref();
        let check = |keys: &KeySet, key_generation| {
            let mut has_candidates = false;
            for key in
                keys.candidates(header.algorithm, kid).filter(|key| self.accepts_key_of(key.issuer.as_deref(), iss))
            {
                if key.verifier.verify(token.signed.as_bytes(), signature) {
                    return SignatureCheck::Valid { key_generation };
                }
                has_candidates = true;
            }
            // Decide whether a newer key set could verify the token. If not, a forged token must not cause a fetch.
            // A `kid` that is known names the key, so the signature is wrong. That holds even if the key has another
            // algorithm, since a key has only one. A token without `kid`, or a set whose keys have none, may need a key
            // that the issuer has published since. Fixed keys never change.
            let is_kid_known = kid.is_some_and(|kid| keys.contains_kid(kid));
            if is_kid_known || has_candidates && matches!(self.keys, IssuerKeys::Fixed(_)) {
                SignatureCheck::Invalid
            } else {
                SignatureCheck::KeyMissing
            }
        };
        Ok(match &self.keys {
            IssuerKeys::Fixed(keys) => check(keys, FIXED_GENERATION),
            IssuerKeys::Remote(remote) => remote.with_keys(check).unwrap_or(SignatureCheck::KeyMissing),
        })
    }

    /// Whether a key with this JWK member `issuer` may verify tokens with this `iss`.
    fn accepts_key_of(&self, key_issuer: Option<&str>, iss: &str) -> bool {
        let (Some(any_tenant), Some(key_issuer)) = (&self.conventions.key_issuer, key_issuer) else { return true };
        key_issuer == any_tenant || key_issuer == iss
    }

    /// Reads the user from the claims of a verified token. `text` is the text from which they were parsed.
    ///
    /// # Errors
    ///
    /// Returns [`TokenError::ClaimMissing`] or [`TokenError::ClaimInvalid`] with the name of the claim.
    pub(crate) fn read_identity(
        &self,
        claims: &Object<'_>,
        text: &Arc<str>,
        iss: &str,
    ) -> Result<Identity, TokenError> {
        authorization_details::check(claims)?;
        let mut identity = self.conventions.claims.read(claims, text, &self.name)?;
        if let Some(read) = self.conventions.provider_claims {
            read(claims, &mut identity)?;
        }
        if let Some(required) = &self.conventions.required_tenant
            && identity.tenant.as_deref() != Some(required.as_str())
        {
            return Err(self.conventions.claims.tenant_mismatch());
        }
        // As configured, so that an alias does not make two users of one. Each tenant is an issuer of its own.
        let is_of_many = self.conventions.tenants.is_some();
        identity.issuer = Some(if is_of_many { iss.into() } else { Arc::clone(&self.name) });
        identity.auth_time = numeric_date::optional(claims, "auth_time", &self.name);
        identity.is_client = self.is_client_itself(claims, &identity);
        if let Some(ClientMarker::Always) = &self.conventions.client_marker {
            identity.client_id.clone_from(&identity.id);
        }
        Ok(identity)
    }

    /// Applies the app's function of [`map_user`](crate::Issuer::map_user). The credential remains the same.
    pub(crate) fn map_user(&self, user: UserContext) -> UserContext {
        match &self.conventions.user_map {
            Some(user_map) => user_map.map(user),
            None => user,
        }
    }

    /// Whether the token was issued to a client on its own behalf, without a user.
    ///
    /// An issuer's own [marker](ClientMarker) is decided first, and then the [standard rule](client::is_itself).
    fn is_client_itself(&self, claims: &Object<'_>, identity: &Identity) -> bool {
        let value = |name| claims.get(name).and_then(string).filter(|value| !value.is_empty());
        let is_marked = match &self.conventions.client_marker {
            Some(ClientMarker::Always) => true,
            Some(ClientMarker::Equals(name, expected)) => value(name).is_some_and(|value| value == *expected),
            Some(ClientMarker::EqualsSubject(name)) => value(name).is_some_and(|id| value("sub") == Some(id)),
            // A user may have chosen a name with this prefix, but only a user has a session.
            Some(ClientMarker::StartsWith(name, prefix)) => {
                let has_session = ["sid", "auth_time"].iter().any(|name| client::has(claims, name));
                !has_session && value(name).is_some_and(|value| value.starts_with(prefix))
            }
            None => false,
        };
        is_marked || client::is_itself(claims, identity)
    }
}

// The length of an RSA signature with a key of 8192 bits, the longest that `check_rsa` accepts. Only ML-DSA has longer
// ones.
const MAX_SIGNATURE_LEN: usize = 1_024;

// The length of a signature of ML-DSA-87 (FIPS 204 §4).
const MAX_ML_DSA_SIGNATURE_LEN: usize = 4_627;

// Longer than the name of any tier, and short enough for a log line.
const MAX_LOGGED_TIER: usize = 64;

// Fixed keys never change, so neither does their generation.
const FIXED_GENERATION: u64 = 0;
