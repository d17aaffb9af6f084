//! `Policy`: the validated settings of a `JwtAuth`, and the verification of a token.
//!
//! Nothing here waits or fetches. If an issuer or a key is missing, the result is a [`Missing`], and `waiting.rs` waits
//! for it.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::context::{AppSettings, Credential, Identity, SharedStr, UserContext};
use crate::gate::{Admission, DenialKind, TokenError};
use crate::jwt::hints::{Hint, Hints};
use crate::jwt::issuer::trusted::{IssuerKeys, SignatureCheck, TrustedIssuer};
use crate::jwt::issuers::lookups::Outcome;
use crate::jwt::issuers::source::{IssuerSource, PendingLookup};
use crate::jwt::issuers::table::{IssuerRef, IssuerSearch, IssuerTable};
use crate::jwt::remote::RemoteKeys;
use crate::jwt::remote::search::{KeySearch, PendingFetch};
use crate::jwt::request_token::{RequestToken, TokenSources};
use crate::jwt::revocation_check::RevocationCheck;
use crate::jwt::token::claims::{self, RegisteredClaims};
use crate::jwt::token::compact::{self, Compact};
use crate::jwt::token::header::Header;
use crate::jwt::token::header_cache::HeaderCache;
use crate::jwt::token_cache::{CachedToken, TokenCache};
use crate::strict_json::Object;

/// The validated settings of a `JwtAuth`.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) issuers: IssuerTable,
    pub(crate) header_cache: HeaderCache,
    /// For tokens whose issuer is unknown.
    pub(crate) hints: Hints,
    pub(crate) app: AppSettings,
    pub(crate) sources: TokenSources,
    pub(crate) max_token_len: usize,
    pub(crate) leeway: Duration,
    pub(crate) admission: Admission,
    pub(crate) cache: Option<TokenCache>,
    pub(crate) revocations: RevocationCheck,
    pub(crate) clock: Clock,
}

/// The result of verifying a token with the current keys.
#[derive(Debug)]
pub(crate) enum Verification {
    Accepted(UserContext),
    Missing(Missing),
    Rejected(DenialKind),
}

/// What the verification of a token lacks.
#[derive(Debug)]
pub(crate) enum Missing {
    /// The issuer of the token must be looked up.
    Issuer(MissingIssuer),
    /// The token is valid except for its signature, whose key is missing.
    Key(MissingKey),
}

/// An issuer that has not been found yet.
#[derive(Debug)]
pub(crate) struct MissingIssuer {
    source: Arc<IssuerSource>,
    name: Arc<str>,
}

/// A key that is not among the current ones, and the issuer that may have published it since.
#[derive(Debug)]
pub(crate) struct MissingKey {
    pub(super) remote: Arc<RemoteKeys>,
    pub(super) kid: Option<String>,
    pub(super) issuer: IssuerRef,
    /// How many key sets had been fetched before the signature check.
    pub(super) checked_sets: u64,
}

impl MissingIssuer {
    /// Returns the lookup of the issuer.
    ///
    /// # Errors
    ///
    /// Returns why the request is rejected if no lookup may start now.
    pub(crate) fn look_up(&self) -> Result<PendingLookup, DenialKind> {
        self.source.look_up(&self.name).map_err(|outcome| self.denial_kind(outcome))
    }

    /// Returns why the request is rejected after a lookup that did not find the issuer.
    pub(crate) fn denial_kind(&self, outcome: Outcome) -> DenialKind {
        match outcome {
            Outcome::Unavailable { retry_after } => DenialKind::keys_unavailable(retry_after),
            // If it was found, it has been evicted since.
            Outcome::Absent | Outcome::Found => {
                self.source.log_absent();
                DenialKind::InvalidToken(TokenError::Issuer)
            }
        }
    }
}

impl Policy {
    /// Returns the fetch that may bring a missing key.
    ///
    /// # Errors
    ///
    /// Returns why the request is rejected if no fetch can bring the key now.
    pub(crate) fn search(&self, missing: &MissingKey) -> Result<PendingFetch, DenialKind> {
        match missing.remote.search(missing.kid.as_deref(), missing.checked_sets) {
            KeySearch::Absent => Err(self.key_absent(missing)),
            KeySearch::Fetching(pending) => Ok(pending),
            KeySearch::Unavailable { retry_after } => Err(DenialKind::keys_unavailable(retry_after)),
        }
    }

    /// Records that the fetch did not bring the key, and returns why the request is rejected.
    ///
    /// An outage is not the caller's fault: it is 503, never 401, so that clients keep their tokens and try again.
    pub(crate) fn record_not_found(&self, missing: &MissingKey) -> DenialKind {
        match missing.remote.record_not_found(missing.kid.as_deref()) {
            Some(retry_after) => DenialKind::keys_unavailable(retry_after),
            None => self.key_absent(missing),
        }
    }

    fn key_absent(&self, missing: &MissingKey) -> DenialKind {
        if let Some(issuer) = self.issuers.get(&missing.issuer) {
            issuer.log_hint(&TokenError::Key, None);
        }
        DenialKind::InvalidToken(TokenError::Key)
    }

    /// Verifies a token with the current keys, or finds it in the cache.
    #[inline]
    pub(crate) fn verify(&self, token: &RequestToken<'_>) -> Verification {
        let now = self.clock.since_epoch();
        // The cache comes before the check of the grammar, which a cached token has passed. The lookup compares bytes,
        // so a credential that violates the grammar misses.
        if let Some(accepted) = self.find_cached(token.raw(), now) {
            return accepted.map_or_else(Verification::Rejected, Verification::Accepted);
        }
        match token.text() {
            Ok(text) => self.verify_uncached(text, now),
            Err(kind) => Verification::Rejected(kind),
        }
    }

    /// Verifies a token again whose grammar was checked.
    pub(crate) fn verify_again(&self, token: &str) -> Verification {
        self.verify(&RequestToken::Whole(token.as_bytes()))
    }

    fn verify_uncached(&self, token: &str, now: Duration) -> Verification {
        let rejected = |error| Verification::Rejected(DenialKind::InvalidToken(error));
        self.verify_token(token, now).unwrap_or_else(rejected)
    }

    /// Returns the user of a cached token, if the issuer still has the keys that verified it.
    ///
    /// A withdrawn key must stop working for cached tokens too. Comparing generations does that without visiting the
    /// cache on each fetch. The cache holds the user before `map_user`, whose result may depend on more than the token.
    ///
    /// # Errors
    ///
    /// Returns why the token is rejected if it was revoked.
    fn find_cached(&self, token: &[u8], now: Duration) -> Option<Result<UserContext, DenialKind>> {
        let cached = self.cache.as_ref()?.get(token, now)?;
        #[cfg(feature = "shared_signals")]
        if self.revocations.has_claims_changed(&cached.user, cached.verified_at) {
            return None;
        }
        let issuer = self.issuers.get_current(&cached.issuer, &self.clock)?;
        (issuer.key_generation()? == cached.key_generation).then(|| self.accept(issuer, cached.user))
    }

    /// Checks that a verified token is not revoked, and applies `map_user`.
    ///
    /// # Errors
    ///
    /// Returns why the token is rejected.
    fn accept(&self, issuer: &TrustedIssuer, user: UserContext) -> Result<UserContext, DenialKind> {
        self.revocations.check(&user)?;
        Ok(issuer.map_user(user))
    }

    /// Verifies a token (RFC 7519 §7.2): what can be rejected without a signature check is rejected before it.
    ///
    /// A signature check with a public key takes 15 to 50 us, all other checks together 1.5 us, so they bound what a
    /// flood of invalid tokens costs. They decide on data that is not verified yet, which is safe because they only
    /// reject.
    ///
    /// # Errors
    ///
    /// Returns the first reason to reject the token.
    fn verify_token(&self, token: &str, now: Duration) -> Result<Verification, TokenError> {
        // Parse. Headers repeat, so they are cached. Payloads are unique and always parsed.
        let compact = Compact::parse(token, self.max_token_len)?;
        let cached_header = self.header_cache.get(compact.header);
        let (header_text, parsed_header);
        let header = match &cached_header {
            Some(cached) => &cached.header,
            None => {
                header_text = compact::decode_text(compact.header)?;
                parsed_header = Header::parse(&header_text)?;
                &parsed_header
            }
        };
        let claims_text: Arc<str> = compact::decode_text(compact.payload)?.into();
        let claims = Object::parse(&claims_text).ok_or(TokenError::Claims)?;

        // Find the issuer, and with it the keys (RFC 8725 §3.8). Nothing else of a token of another issuer is checked,
        // and no issuer is contacted about it.
        let iss = claims::issuer(&claims)?;
        let issuer_ref = match self.issuers.find(&iss, &self.clock) {
            IssuerSearch::Known(issuer) => issuer,
            IssuerSearch::Unknown => return Err(self.unknown_issuer(&iss)),
            IssuerSearch::Missing(source) => {
                let missing = self.missing_issuer(source, header, &claims, &iss, now)?;
                return Ok(Verification::Missing(Missing::Issuer(missing)));
            }
        };
        let issuer = self.issuers.get(&issuer_ref).ok_or(TokenError::Issuer)?;

        // Check the claims, then the signature. The number of fetched sets is read before the keys: if a new set
        // arrives in between, the search for the key notices that, and the token is verified again instead of rejected.
        let with_hint = |error: TokenError| {
            issuer.log_hint(&error, Some(header.algorithm));
            error
        };
        let registered = self.check_claims(issuer, header, &claims, &iss, now).map_err(with_hint)?;
        let checked_sets = issuer.fetched_sets();
        let key_generation = match (issuer.verify_signature(header, compact, &iss)?, &issuer.keys) {
            (SignatureCheck::Valid { key_generation }, _) => key_generation,
            // Published keys are the issuer's own, so the token is at fault, and not the configuration.
            (SignatureCheck::Invalid, IssuerKeys::Remote(_)) => return Err(TokenError::Signature),
            (SignatureCheck::Invalid, IssuerKeys::Fixed(_)) => return Err(with_hint(TokenError::Signature)),
            (SignatureCheck::KeyMissing, IssuerKeys::Fixed(_)) => return Err(with_hint(TokenError::Key)),
            (SignatureCheck::KeyMissing, IssuerKeys::Remote(remote)) => {
                let kid = header.kid.as_deref().map(str::to_owned);
                let remote = Arc::clone(remote);
                let missing = MissingKey { remote, kid, issuer: issuer_ref, checked_sets };
                return Ok(Verification::Missing(Missing::Key(missing)));
            }
        };

        // Only now are the header and the name known to be those of an issuer.
        IssuerTable::record_verified(&issuer_ref);
        self.header_cache.record(compact.header, header);

        // Read the user, before `map_user`.
        let mut identity = issuer.read_identity(&claims, &claims_text, &iss).map_err(with_hint)?;
        identity.credential = Credential::Token;
        identity.expires_at = Some(registered.expires_at);
        identity.issued_at = registered.issued_at;
        identity.token_id = registered.token_id.map(|id| SharedStr::part_of(&claims_text, &id));
        identity.claims = Some(Arc::clone(&claims_text));
        self.add_app_settings(&mut identity, issuer);
        self.revocations.add_ids(&mut identity, issuer, compact.signed);
        let user = UserContext::from_identity(identity);

        if let Some(cache) = &self.cache {
            // The cached token is accepted as long as this function would accept it, which includes the leeway.
            let expires_at = registered.expires_at.saturating_add(self.leeway);
            let user = user.clone();
            let issuer = issuer_ref.clone();
            let cached = CachedToken { user, issuer, key_generation, verified_at: now, expires_at };
            cache.insert(token, cached);
        }
        // A revoked token is cached too, so that a flood of it costs no signature checks.
        Ok(self.accept(issuer, user).map_or_else(Verification::Rejected, Verification::Accepted))
    }

    /// Checks everything except the signature, and that the token was not revoked.
    ///
    /// # Errors
    ///
    /// Returns the first reason to reject the token.
    fn check_claims<'a>(
        &self,
        issuer: &TrustedIssuer,
        header: &Header<'_>,
        claims: &Object<'a>,
        iss: &str,
        now: Duration,
    ) -> Result<RegisteredClaims<'a>, TokenError> {
        let registered = issuer.check_claims(header, claims, iss, now, self.leeway)?;
        self.revocations.check_lifetime(registered.issued_at, registered.expires_at, now, self.leeway)?;
        Ok(registered)
    }

    /// Checks what can be checked before the issuer of a token is looked up.
    ///
    /// # Errors
    ///
    /// Returns why every issuer of the pattern would reject the token, so that it causes no lookup.
    fn missing_issuer(
        &self,
        source: &Arc<IssuerSource>,
        header: &Header<'_>,
        claims: &Object<'_>,
        iss: &str,
        now: Duration,
    ) -> Result<MissingIssuer, TokenError> {
        if let Some(prototype) = source.prototype() {
            let checked = self.check_claims(prototype, header, claims, iss, now);
            checked.inspect_err(|error| prototype.log_hint(error, Some(header.algorithm)))?;
        }
        Ok(MissingIssuer { source: Arc::clone(source), name: iss.into() })
    }

    /// Logs the most common mistakes in an issuer's name, without any part of the token.
    fn unknown_issuer(&self, iss: &str) -> TokenError {
        if let Some(issuer) = self.issuers.find_without_slash(iss) {
            issuer.log_hint(&TokenError::Issuer, None);
        } else if let Some(suppressed) = self.hints.admit(Hint::Issuer) {
            let kind = DenialKind::InvalidToken(TokenError::Issuer).code();
            let expected: Vec<&str> = self.issuers.names().take(MAX_LOGGED_ISSUERS).collect();
            let issuers = self.issuers.names().count();
            tracing::warn!(
                kind,
                ?expected,
                issuers,
                suppressed,
                "a token was rejected; its `iss` is not the exact name of a configured issuer"
            );
        }
        TokenError::Issuer
    }

    /// Adds what the app defines, and logs a tier that it does not define.
    fn add_app_settings(&self, identity: &mut Identity, issuer: &TrustedIssuer) {
        self.app.complete(identity);
        if let (Some(name), None, Some(_)) = (&identity.tier_name, &identity.tier, &self.app.tiers) {
            issuer.log_tier_hint(name);
        }
    }
}

// Enough to see the form of the names. A line with thousands of them would be cut or dropped.
const MAX_LOGGED_ISSUERS: usize = 8;
