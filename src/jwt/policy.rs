//! `Policy`: what is true after `build()`, and the judgement of a request's credential.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

use crate::clock::Clock;
use crate::context::{Identity, Realm, Roles, SharedStr, Tier, Tiers, UserContext};
use crate::field::bearer::{Bearer, BearerError};
use crate::field::cookie::cookie;
use crate::gate::{CredentialError, DenialKind, TokenError};
use crate::jwt::issuer::trusted::{IssuerKeys, SignatureCheck, TrustedIssuer};
use crate::jwt::remote::{KeySearch, PendingFetch, RemoteKeys};
use crate::jwt::strict_json::Object;
use crate::jwt::token::claims;
use crate::jwt::token::compact::{self, Compact};
use crate::jwt::token::header::Header;
use crate::jwt::token_cache::{CachedToken, TokenCache};
use crate::jwt::user_loader::UserLoader;

/// Everything a `JwtAuth` was told, checked.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) issuers: Vec<TrustedIssuer>,
    pub(crate) realm: Realm,
    pub(crate) cookie: Option<String>,
    pub(crate) max_token_len: usize,
    pub(crate) leeway: Duration,
    pub(crate) tiers: Option<Tiers>,
    pub(crate) default_tier: Option<Tier>,
    pub(crate) roles: Option<Roles>,
    pub(crate) loader: Option<UserLoader>,
    pub(crate) seen: Option<TokenCache>,
    pub(crate) clock: Clock,
}

/// What is said of a token with the keys at hand.
#[derive(Debug)]
pub(crate) enum Verification {
    Accepted(UserContext),
    /// All is well but for the key, which this issuer may have.
    KeyMissing(MissingKey),
    Refused(TokenError),
}

/// A key that is not at hand, and whom to ask for it.
#[derive(Debug)]
pub(crate) struct MissingKey {
    remote: Arc<RemoteKeys>,
    kid: Option<String>,
    seen: u64,
}

impl MissingKey {
    /// The fetch that may bring it, or what to answer where there is none.
    pub(crate) fn search(&self) -> Result<PendingFetch, DenialKind> {
        match self.remote.search(self.kid.as_deref(), self.seen) {
            KeySearch::Absent => Err(DenialKind::InvalidToken(TokenError::Key)),
            KeySearch::Fetching(pending) => Ok(pending),
            KeySearch::Unavailable(wait) => Err(DenialKind::KeysUnavailable { retry_after: wait }),
        }
    }

    /// What to answer where the fetch did not bring it.
    pub(crate) fn not_found(&self) -> DenialKind {
        match self.remote.not_found(self.kid.as_deref()) {
            Some(wait) => DenialKind::KeysUnavailable { retry_after: wait },
            None => DenialKind::InvalidToken(TokenError::Key),
        }
    }
}

impl Policy {
    /// Judges the token of a request, from the `Authorization` field or from the cookie where one is set; `None` where there
    /// is none. Nothing is fetched here.
    pub(crate) fn judge(&self, headers: &HeaderMap) -> Result<Option<Verification>, DenialKind> {
        let from_field = Bearer::from_headers(headers).map_err(denied)?;
        let from_cookie = match &self.cookie {
            Some(name) => cookie(headers, name).map_err(|_| DenialKind::InvalidRequest(CredentialError::Multiple))?,
            None => None,
        };
        let word = match (&from_field, from_cookie) {
            // RFC 6750 §2: not by more than one method.
            (Some(_), Some(_)) => return Err(DenialKind::InvalidRequest(CredentialError::Multiple)),
            (Some(bearer), None) => bearer.raw_token(),
            (None, Some(cookie)) => cookie.as_bytes(),
            (None, None) => return Ok(None),
        };
        let now = self.clock.since_epoch();
        // The grammar of a token that was accepted before has been judged.
        if let Some(user) = self.seen_before(word, now) {
            return Ok(Some(Verification::Accepted(user)));
        }
        let token = match from_field {
            Some(bearer) => bearer.token().map_err(denied)?,
            None => from_cookie.unwrap_or_default(),
        };
        Ok(Some(self.read(token, now).unwrap_or_else(Verification::Refused)))
    }

    /// The user of a token that was verified before by keys that are still the issuer's.
    fn seen_before(&self, token: &[u8], now: Duration) -> Option<UserContext> {
        let known = self.seen.as_ref()?.get(token, now)?;
        let trust = self.issuers.get(known.issuer)?;
        (trust.generation()? == known.generation).then(|| trust.finish(known.user))
    }

    fn read(&self, token: &str, now: Duration) -> Result<Verification, TokenError> {
        let compact = Compact::parse(token, self.max_token_len)?;
        let known = self.issuers.iter().find_map(|trust| trust.header.find(compact.header));
        let text = if known.is_some() { String::new() } else { compact::text(compact.header)? };
        let parsed;
        let header = match &known {
            Some(known) => &known.header,
            None => {
                parsed = Header::parse(&text)?;
                &parsed
            }
        };
        let whole: Arc<str> = compact::text(compact.payload)?.into();
        let object = Object::parse(&whole).ok_or(TokenError::Claims)?;
        let iss = claims::issuer(&object)?;
        // Nothing of a token that names another issuer is looked at, and nobody is asked about it.
        let trust = self.issuers.iter().enumerate().find(|(_, trust)| trust.is_named(&iss));
        let (issuer, trust) = trust.ok_or_else(|| self.unknown_issuer(&iss))?;
        let registered = trust.judge(header, &object, now, self.leeway);
        let registered = registered.inspect_err(|error| trust.hint(*error))?;
        let sets = trust.sets();
        let generation = match (trust.verify(header, compact)?, &trust.keys) {
            (SignatureCheck::Valid(generation), _) => generation,
            (SignatureCheck::Invalid, _) => return Err(TokenError::Signature),
            (SignatureCheck::KeyMissing, IssuerKeys::Fixed(_)) => return Err(TokenError::Key),
            (SignatureCheck::KeyMissing, IssuerKeys::Remote(remote)) => {
                let kid = header.kid.as_deref().map(str::to_owned);
                return Ok(Verification::KeyMissing(MissingKey { remote: Arc::clone(remote), kid, seen: sets }));
            }
        };
        trust.header.accept(compact.header, header);
        let mut identity = trust.identify(&object, &whole)?;
        identity.expires_at = Some(registered.expires_at);
        identity.token_id = registered.token_id.map(|id| SharedStr::part_of(&whole, &id));
        identity.claims = Some(Arc::clone(&whole));
        self.complete(&mut identity);
        let user = UserContext::from_identity(identity);
        if let Some(seen) = &self.seen {
            let until = registered.expires_at.saturating_add(self.leeway);
            seen.insert(token, CachedToken { user: user.clone(), issuer, generation, since: now, until });
        }
        Ok(Verification::Accepted(trust.finish(user)))
    }

    /// The mistake most often made with issuers is told, without a byte of the token.
    fn unknown_issuer(&self, iss: &str) -> TokenError {
        let bare = iss.trim_end_matches('/');
        if let Some(trust) = self.issuers.iter().find(|trust| trust.name.trim_end_matches('/') == bare) {
            tracing::debug!(issuer = %trust.name, "a token's `iss` differs from this issuer by the slash at its end");
        }
        TokenError::Issuer
    }

    /// Adds what the app knows: its tiers, its roles, its realm.
    fn complete(&self, identity: &mut Identity) {
        identity.tier = match &identity.tier_name {
            Some(name) => self.tiers.as_ref().and_then(|tiers| tiers.find(name)),
            None => self.default_tier.clone(),
        };
        identity.role_table.clone_from(&self.roles);
        identity.realm = self.realm.clone();
    }
}

fn denied(fault: BearerError) -> DenialKind {
    match fault {
        BearerError::Malformed => DenialKind::InvalidRequest(CredentialError::Malformed),
        BearerError::NotToken68 => DenialKind::InvalidToken(TokenError::Charset),
        BearerError::Repeated => DenialKind::InvalidRequest(CredentialError::Multiple),
    }
}
