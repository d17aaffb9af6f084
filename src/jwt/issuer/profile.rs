//! `Profile`: what kind of token an issuer's access tokens are, and how others are told apart.

use crate::gate::TokenError;
use crate::jwt::strict_json::{Object, is_null, string};
use crate::jwt::token::header::{Header, is_media_type};

/// How an issuer marks its access tokens, so that its other tokens are not taken for one (RFC 8725 §3.11, §3.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// `typ` is `at+jwt`, `JWT` or absent, for issuers that do not type their tokens.
    ///
    /// A token that has another type, or a claim that only other tokens have (`events`, `token_introspection`, `htm`,
    /// `htu`), is refused. So is one without the type `at+jwt` that has a claim of ID tokens (`nonce`, `at_hash`, `c_hash`,
    /// `s_hash`), or whose `type`, `token_type`, `token_use` or `typ` claim says that it is a refresh, ID or logout token;
    /// unless a preset's own claim tells that it is an access token.
    Compatible,
    /// ID tokens (OpenID Connect Core §2) as credentials, where an app is the very client they were issued to.
    IdToken,
    /// RFC 9068: `typ` is `at+jwt`, and `iss`, `exp`, `aud`, `sub`, `client_id`, `iat` and `jti` are all there.
    Rfc9068,
}

impl Profile {
    /// Refuses what is no access token by this profile. `marked` says that a claim of the issuer's own already told
    /// that it is one.
    pub(crate) fn judge(self, header: &Header<'_>, claims: &Object<'_>, marked: bool) -> Result<(), TokenError> {
        let typ = header.typ.as_deref();
        let is_access_token = typ.is_some_and(|typ| is_media_type(typ, "at+jwt"));
        let is_untyped = typ.is_none_or(|typ| is_media_type(typ, "jwt"));
        let foreign: &[&str] = match self {
            Self::Rfc9068 if is_access_token => &FOREIGN,
            Self::Compatible if is_access_token || is_untyped && marked => &FOREIGN,
            Self::Compatible if is_untyped => &FOREIGN_TO_UNTYPED,
            Self::IdToken if is_untyped => &FOREIGN_TO_ID_TOKENS,
            _ => return Err(TokenError::Type),
        };
        if foreign.iter().any(|name| claims.get(name).is_some()) {
            return Err(TokenError::Type);
        }
        if self == Self::Compatible && !is_access_token && !marked && is_marked_otherwise(claims) {
            return Err(TokenError::Type);
        }
        if self == Self::Rfc9068 {
            required(claims, &REQUIRED)?;
        }
        Ok(())
    }
}

/// A claim by which an issuer tells its access tokens from its others, and the value it has there.
#[derive(Clone, Debug)]
pub(crate) struct TokenUse {
    pub(crate) claim: &'static str,
    /// `None` where any string will do.
    pub(crate) value: Option<&'static str>,
}

impl TokenUse {
    pub(crate) fn judge(&self, claims: &Object<'_>) -> Result<(), TokenError> {
        let is_ours =
            claims.get(self.claim).and_then(string).is_some_and(|value| self.value.is_none_or(|ours| value == ours));
        if is_ours { Ok(()) } else { Err(TokenError::Type) }
    }
}

/// Whether a claim by which issuers tell their tokens apart says that this is a refresh, ID or logout token.
fn is_marked_otherwise(claims: &Object<'_>) -> bool {
    let mut uses = USE_CLAIMS.iter().filter_map(|name| claims.get(name).and_then(string));
    uses.any(|value| OTHER_USES.iter().any(|other| value.eq_ignore_ascii_case(other)))
}

fn required(claims: &Object<'_>, names: &[&'static str]) -> Result<(), TokenError> {
    for name in names {
        if claims.get(name).is_none_or(is_null) {
            return Err(TokenError::ClaimMissing(name));
        }
    }
    Ok(())
}

// RFC 9068 §2.2.
const REQUIRED: [&str; 7] = ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"];
// Security event and logout tokens (RFC 8417, OpenID Connect Back-Channel Logout), introspection answers (RFC 9701) and
// DPoP proofs (RFC 9449) are never access tokens, whatever their type says.
const FOREIGN: [&str; 4] = ["events", "token_introspection", "htm", "htu"];
// Claims of an ID token (OpenID Connect Core §2, §3.1.3.6, §3.3.2.11).
const FOREIGN_TO_UNTYPED: [&str; 8] =
    ["events", "token_introspection", "htm", "htu", "nonce", "at_hash", "c_hash", "s_hash"];
const FOREIGN_TO_ID_TOKENS: [&str; 5] = ["events", "token_introspection", "htm", "htu", "scope"];

// No standard's: what Keycloak (`typ`), Cognito (`token_use`) and home-made issuers send.
const USE_CLAIMS: [&str; 4] = ["type", "token_type", "token_use", "typ"];
const OTHER_USES: [&str; 5] = ["refresh", "refresh_token", "id", "id_token", "logout"];

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(profile: Profile, typ: &str, claims: &str, marked: bool) -> Result<(), TokenError> {
        let typ = if typ.is_empty() { String::new() } else { format!(r#","typ":"{typ}""#) };
        let header = format!(r#"{{"alg":"RS256"{typ}}}"#);
        let header = Header::parse(&header).unwrap();
        profile.judge(&header, &Object::parse(claims).unwrap(), marked)
    }

    const WHOLE: &str = r#"{"iss":"i","exp":1,"aud":"a","sub":"s","client_id":"c","iat":1,"jti":"j"}"#;

    #[test]
    fn rfc_9068_asks_for_the_type_at_jwt() {
        for typ in ["at+jwt", "application/at+jwt", "AT+JWT"] {
            assert_eq!(judge(Profile::Rfc9068, typ, WHOLE, false), Ok(()), "{typ}");
        }
        for typ in ["", "JWT", "id+jwt", "logout+jwt", "secevent+jwt", "dpop+jwt", "token-introspection+jwt"] {
            assert_eq!(judge(Profile::Rfc9068, typ, WHOLE, true), Err(TokenError::Type), "{typ}");
        }
    }

    #[test]
    fn rfc_9068_asks_for_each_of_its_claims() {
        for name in REQUIRED {
            let without = WHOLE.replace(&format!("\"{name}\""), "\"other\"");
            assert_eq!(judge(Profile::Rfc9068, "at+jwt", &without, false), Err(TokenError::ClaimMissing(name)));
        }
    }

    #[test]
    fn the_compatible_profile_takes_untyped_tokens_that_no_claim_marks_as_another_kind() {
        for typ in ["", "JWT", "jwt", "at+jwt"] {
            assert_eq!(judge(Profile::Compatible, typ, "{}", false), Ok(()), "{typ}");
        }
        for typ in ["logout+jwt", "secevent+jwt", "dpop+jwt", "client-authentication+jwt", "refresh+jwt"] {
            assert_eq!(judge(Profile::Compatible, typ, "{}", true), Err(TokenError::Type), "{typ}");
        }
        for name in FOREIGN_TO_UNTYPED {
            let claims = format!(r#"{{"{name}":"x"}}"#);
            assert_eq!(judge(Profile::Compatible, "JWT", &claims, false), Err(TokenError::Type), "{name}");
        }
    }

    #[test]
    fn the_compatible_profile_refuses_a_token_that_says_it_is_another_kind() {
        for claims in [r#"{"type":"refresh"}"#, r#"{"token_use":"id"}"#, r#"{"typ":"Refresh"}"#] {
            assert_eq!(judge(Profile::Compatible, "JWT", claims, false), Err(TokenError::Type), "{claims}");
        }
        assert_eq!(judge(Profile::Compatible, "JWT", r#"{"type":"access"}"#, false), Ok(()));
    }

    #[test]
    fn a_token_marked_as_an_access_token_may_carry_a_nonce_but_no_events() {
        assert_eq!(judge(Profile::Compatible, "JWT", r#"{"nonce":"n"}"#, true), Ok(()));
        for name in FOREIGN {
            let claims = format!(r#"{{"{name}":"x"}}"#);
            assert_eq!(judge(Profile::Compatible, "JWT", &claims, true), Err(TokenError::Type), "{name}");
            assert_eq!(judge(Profile::Compatible, "at+jwt", &claims, false), Err(TokenError::Type), "{name}");
        }
    }

    #[test]
    fn the_id_token_profile_refuses_access_tokens() {
        assert_eq!(judge(Profile::IdToken, "JWT", r#"{"nonce":"n"}"#, false), Ok(()));
        assert_eq!(judge(Profile::IdToken, "at+jwt", "{}", false), Err(TokenError::Type));
        for name in FOREIGN_TO_ID_TOKENS {
            let claims = format!(r#"{{"{name}":"x"}}"#);
            assert_eq!(judge(Profile::IdToken, "JWT", &claims, false), Err(TokenError::Type), "{name}");
        }
    }

    #[test]
    fn a_token_use_claim_must_have_the_very_value() {
        let access = TokenUse { claim: "type", value: Some("access") };
        let judged = |claims: &str| access.judge(&Object::parse(claims).unwrap());
        assert_eq!(judged(r#"{"type":"access"}"#), Ok(()));
        for claims in
            ["{}", r#"{"type":"refresh"}"#, r#"{"type":"Access"}"#, r#"{"type":["access"]}"#, r#"{"type":null}"#]
        {
            assert_eq!(judged(claims), Err(TokenError::Type), "{claims}");
        }
    }
}
