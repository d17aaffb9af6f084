//! `TrustedIssuer`: one issuer after `build()`, and the judgement of a token that names it.

use std::sync::Arc;
use std::time::Duration;

use crate::context::{Identity, UserContext};
use crate::gate::TokenError;
use crate::jwt::algorithm::Algorithm;
use crate::jwt::issuer::conventions::{ClientMarker, IssuerConventions, UserMap};
use crate::jwt::issuer::profile::Profile;
use crate::jwt::keys::jwks::KeySet;
use crate::jwt::remote::RemoteKeys;
use crate::jwt::strict_json::{Object, is_null, string};
use crate::jwt::token::claims::{self, Expected};
use crate::jwt::token::compact::{self, Compact};
use crate::jwt::token::header::Header;
use crate::jwt::token::known_header::KnownHeader;

/// An issuer, its keys, and how its tokens are read.
#[derive(Debug)]
pub(crate) struct TrustedIssuer {
    pub(crate) name: Arc<str>,
    pub(crate) keys: IssuerKeys,
    /// What a remote issuer's keys may be used for; a fixed key serves just its own algorithm.
    pub(crate) allowed: Vec<Algorithm>,
    pub(crate) audiences: Vec<String>,
    pub(crate) conventions: IssuerConventions,
    /// The header that its tokens have.
    pub(crate) header: KnownHeader,
}

#[derive(Debug)]
pub(crate) enum IssuerKeys {
    Fixed(KeySet),
    Remote(Arc<RemoteKeys>),
}

/// Whether a signature holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SignatureCheck {
    Invalid,
    /// By the keys of this [generation](TrustedIssuer::generation).
    Valid(u64),
    /// No key at hand fits; a remote issuer may have one.
    KeyMissing,
}

impl TrustedIssuer {
    pub(crate) fn is_named(&self, iss: &str) -> bool {
        *self.name == *iss || self.conventions.alias == Some(iss)
    }

    /// Judges everything but the signature: what is refused here costs no signature check and no fetch.
    pub(crate) fn judge<'a>(
        &self,
        header: &Header<'_>,
        object: &Object<'a>,
        now: Duration,
        leeway: Duration,
    ) -> Result<claims::RegisteredClaims<'a>, TokenError> {
        if !self.allowed.contains(&header.algorithm) {
            return Err(TokenError::Algorithm);
        }
        if let Some(token_use) = &self.conventions.token_use {
            token_use.judge(object)?;
        }
        let marked = self.conventions.token_use.as_ref().is_some_and(|token_use| token_use.value.is_some());
        self.conventions.profile.judge(header, object, marked)?;
        claims::judge(
            object,
            Expected { audience_claim: self.conventions.audience_claim, audiences: &self.audiences, now, leeway },
        )
    }

    /// How many sets of keys there were so far, by which a judgement that is out of date is told.
    pub(crate) fn sets(&self) -> u64 {
        match &self.keys {
            IssuerKeys::Fixed(_) => 0,
            IssuerKeys::Remote(remote) => remote.sets(),
        }
    }

    /// The number of the generation of keys that is in use now, `None` where there is none; keys past their age are looked for
    /// behind the request, as when a signature is checked.
    pub(crate) fn generation(&self) -> Option<u64> {
        match &self.keys {
            IssuerKeys::Fixed(_) => Some(FIXED),
            IssuerKeys::Remote(remote) => remote.with_keys(|_, generation| generation),
        }
    }

    /// Tells the log what is likely amiss with the configuration, and of which issuer.
    pub(crate) fn hint(&self, error: TokenError) {
        let hint = match error {
            TokenError::Algorithm => "the token's `alg` is none that this issuer is allowed",
            TokenError::Audience => "the token's audience is none that is set for this issuer",
            TokenError::Type if self.conventions.profile == Profile::Rfc9068 => {
                "the token is not typed at+jwt, or a claim says that it is of another kind: where this issuer sends typ JWT, \
                 set Profile::Compatible"
            }
            TokenError::Type => "a claim or `typ` says that the token is none of this issuer's access tokens",
            _ => return,
        };
        tracing::debug!(issuer = %self.name, "{hint}");
    }

    /// Checks the signature with the keys at hand.
    pub(crate) fn verify(&self, header: &Header<'_>, token: Compact<'_>) -> Result<SignatureCheck, TokenError> {
        let mut longest = [0; LONGEST_SIGNATURE];
        let signature = compact::bytes_into(token.signature, &mut longest)?;
        let kid = header.kid.as_deref();
        let check = |keys: &KeySet, generation| {
            let mut was_tried = false;
            for key in keys.candidates(header.algorithm, kid) {
                if key.verify(token.signed.as_bytes(), signature) {
                    return SignatureCheck::Valid(generation);
                }
                was_tried = true;
            }
            // A key of that name is not looked for again, be it for another algorithm: no key serves two. Where keys have
            // no name, the right one may be new, unless there will be no new one.
            let is_known = kid.is_some_and(|kid| keys.knows(kid));
            if is_known || was_tried && matches!(self.keys, IssuerKeys::Fixed(_)) {
                SignatureCheck::Invalid
            } else {
                SignatureCheck::KeyMissing
            }
        };
        Ok(match &self.keys {
            IssuerKeys::Fixed(keys) => check(keys, FIXED),
            IssuerKeys::Remote(remote) => remote.with_keys(check).unwrap_or(SignatureCheck::KeyMissing),
        })
    }

    /// What the claims, whose text is `whole`, say of the user.
    pub(crate) fn identify(&self, object: &Object<'_>, whole: &Arc<str>) -> Result<Identity, TokenError> {
        let mut identity = self.conventions.claims.read(object, whole)?;
        identity.issuer = Some(Arc::clone(&self.name));
        identity.auth_time = claims::date(object, "auth_time")?;
        identity.is_client = self.is_client(object, &identity);
        Ok(identity)
    }

    pub(crate) fn finish(&self, user: UserContext) -> UserContext {
        match &self.conventions.user {
            Some(UserMap(map)) => map(user),
            None => user,
        }
    }

    /// RFC 9068 §2.2: a client acts for itself where it is the subject; RFC 9700 §4.15: an issuer may let it choose that
    /// id, so that a token which speaks of a user is a user's.
    fn is_client(&self, claims: &Object<'_>, identity: &Identity) -> bool {
        let value = |name| claims.get(name).and_then(string);
        let is_marked = match &self.conventions.client_marker {
            Some(ClientMarker::Equals(name, expected)) => value(name).is_some_and(|value| value == *expected),
            Some(ClientMarker::EqualsSubject(name)) => value(name).is_some_and(|own| value("sub") == Some(own)),
            // A person may have chosen such a name; only a person has a session.
            Some(ClientMarker::StartsWith(name, start)) => {
                let has_session = claims.get("sid").or(claims.get("auth_time")).is_some();
                !has_session && value(name).is_some_and(|value| value.starts_with(start))
            }
            None => false,
        };
        let is_subject = identity.client_id.is_some() && identity.client_id == identity.id;
        let speaks_of_a_user = || USER_MARKERS.iter().any(|name| claims.get(name).is_some_and(|value| !is_null(value)));
        is_marked || is_subject && !speaks_of_a_user()
    }
}

/// Of an RSA key of 8192 bits.
const LONGEST_SIGNATURE: usize = 1_024;

/// The one generation of keys that do not change.
const FIXED: u64 = 0;

// Claims that only a user's authentication or profile gives (OpenID Connect Core §2, §5.1).
const USER_MARKERS: [&str; 8] = ["auth_time", "acr", "amr", "sid", "email", "name", "preferred_username", "given_name"];
