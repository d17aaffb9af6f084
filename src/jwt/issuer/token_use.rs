//! The claims that say what a token is for: access tokens, and the tokens of unfinished logins.

use std::borrow::Cow;

use crate::claims::claim_path::ClaimPath;
use crate::gate::TokenError;
use crate::strict_json::{Object, is_null, string};

/// A claim that distinguishes an issuer's access tokens from its other tokens.
///
/// Presets have one where the provider documents it. It is checked in addition to the profile.
#[derive(Clone, Debug)]
pub(crate) struct TokenUse {
    pub(crate) claim: ClaimPath,
    /// The value in access tokens; `None` if any string marks one.
    pub(crate) value: Option<Cow<'static, str>>,
    /// Whether the claim marks an access token reliably, so that the profile accepts claims of other tokens.
    pub(crate) is_conclusive: bool,
}

impl TokenUse {
    /// A claim that has this value in access tokens, and no other token.
    pub(crate) fn value(claim: impl Into<Cow<'static, str>>, value: impl Into<Cow<'static, str>>) -> Self {
        Self { claim: ClaimPath::new(claim), value: Some(value.into()), is_conclusive: true }
    }

    /// A claim that only access tokens have, with any string as its value.
    pub(crate) fn presence(claim: impl Into<Cow<'static, str>>) -> Self {
        Self { claim: ClaimPath::new(claim), value: None, is_conclusive: true }
    }

    /// The method of [`Issuer`](crate::Issuer) that sets it, for errors.
    pub(crate) fn setter(&self) -> &'static str {
        if self.value.is_some() { "token_use" } else { "access_token_claim" }
    }

    /// The claim whose value [`check`](Self::check) compares; `None` if it accepts any string.
    pub(crate) fn compared_claim(&self) -> Option<&str> {
        self.value.as_ref().map(|_| self.claim.text())
    }

    pub(crate) fn check(&self, claims: &Object<'_>) -> Result<(), TokenError> {
        let value = self.claim.find(claims).ok().flatten().and_then(string);
        let is_access_token = value.is_some_and(|value| self.value.as_ref().is_none_or(|expected| value == *expected));
        if is_access_token { Ok(()) } else { Err(TokenError::Type) }
    }
}

/// Whether a claim that some issuers send marks the token as a refresh, ID or logout token.
///
/// This is for the issuers of other parties, whose claims of these names may mean anything, such as the kind of
/// account.
pub(crate) fn has_other_use(claims: &Object<'_>) -> bool {
    let is_other = |value: &str| {
        string(value).is_some_and(|value| OTHER_USES.iter().any(|other| value.eq_ignore_ascii_case(other)))
    };
    claims.iter().any(|(name, value)| is_use_claim(name) && is_other(value))
}

/// Whether each claim of a token's use that is present says that it is an access token, and no claim says that the
/// login is unfinished.
///
/// This is for the app's own issuer, which signs all of its tokens with one key: refresh tokens, links that reset a
/// password, and tokens between the password and the second factor. Apps invent names for these kinds, so a list of
/// them would never be complete, and a kind that it lacks would be an access token.
///
/// `compared` is a claim that the settings name, with the value of access tokens. It was checked already.
pub(crate) fn is_own_access_token(claims: &Object<'_>, compared: Option<&str>) -> bool {
    // One pass over the claims: a search for each of these names takes 4 % of the verification of an HS256 token.
    claims.iter().all(|(name, value)| {
        if is_use_claim(name) {
            is_null(value) || is_access_use(value) || compared == Some(name)
        } else if is_pending_login_claim(name) {
            is_null(value) || value == "false"
        } else {
            true
        }
    })
}

/// Whether the claim may say what the token is for. The names are not standardized: Keycloak sends `typ`, Cognito
/// `token_use`, Casdoor `tokenType`, and custom issuers one of the others.
fn is_use_claim(name: &str) -> bool {
    is_one_of(name, |letters| {
        matches!(letters, b"purpose" | b"tokenkind" | b"tokenpurpose" | b"tokentype" | b"tokenuse" | b"typ" | b"type")
    })
}

/// Whether an app may send the claim in a token that it issues after the password and before the second factor.
fn is_pending_login_claim(name: &str) -> bool {
    is_one_of(name, |letters| {
        matches!(
            letters,
            b"2fapending"
                | b"2farequired"
                | b"mfapending"
                | b"mfarequired"
                | b"pending2fa"
                | b"pendingmfa"
                | b"requires2fa"
                | b"requiresmfa"
                | b"twofactorpending"
                | b"twofactorrequired"
        )
    })
}

/// Whether the name is one of these in any spelling, such as `token_use`, `tokenUse` and `token-use`.
///
/// `is_expected` gets the name in lower case, without separators. It is written once, because comparing each spelling
/// with each name takes 8 % of the verification of an HS256 token.
fn is_one_of(name: &str, is_expected: impl Fn(&[u8]) -> bool) -> bool {
    let name = name.trim_start_matches(['_', '-']).as_bytes();
    if !matches!(name.first(), Some(b'2' | b'M' | b'P' | b'R' | b'T' | b'm' | b'p' | b'r' | b't')) {
        return false;
    }
    let mut letters = [0; MAX_NAME_LETTERS];
    let mut len = 0;
    for byte in name.iter().filter(|byte| !matches!(byte, b'_' | b'-')) {
        let Some(letter) = letters.get_mut(len) else { return false };
        *letter = byte.to_ascii_lowercase();
        len += 1;
    }
    letters.get(..len).is_some_and(is_expected)
}

/// Some libraries copy the header's `typ` or the `token_type` of the token response (RFC 6749 §5.1) into the claims.
fn is_access_use(value: &str) -> bool {
    string(value).is_some_and(|value| ACCESS_USES.iter().any(|access| value.eq_ignore_ascii_case(access)))
}

// The letters of `two_factor_required`, the longest name.
const MAX_NAME_LETTERS: usize = 17;

const ACCESS_USES: [&str; 7] =
    ["access", "access_token", "access-token", "at+jwt", "application/at+jwt", "bearer", "jwt"];

const OTHER_USES: [&str; 13] = [
    "2fa_pending",
    "id",
    "id-token",
    "id_token",
    "logout",
    "logout-token",
    "logout_token",
    "mfa_pending",
    "offline",
    "password_reset",
    "refresh",
    "refresh-token",
    "refresh_token",
];

#[cfg(test)]
mod tests {
    use super::*;

    const USE_CLAIMS: [&str; 10] = [
        "type",
        "Type",
        "typ",
        "token_type",
        "tokenType",
        "token-type",
        "token_use",
        "tokenUse",
        "token_kind",
        "purpose",
    ];

    fn is_own(claims: &str) -> bool {
        is_own_access_token(&Object::parse(claims).unwrap(), None)
    }

    #[test]
    fn a_token_use_claim_must_have_the_exact_value() {
        let access = TokenUse::value("type", "access");
        let check_use = |claims: &str| access.check(&Object::parse(claims).unwrap());
        assert_eq!(check_use(r#"{"type":"access"}"#), Ok(()));
        for claims in
            ["{}", r#"{"type":"refresh"}"#, r#"{"type":"Access"}"#, r#"{"type":["access"]}"#, r#"{"type":null}"#]
        {
            assert_eq!(check_use(claims), Err(TokenError::Type), "{claims}");
        }
        let nested = TokenUse::value("/token/use", "access");
        assert_eq!(nested.check(&Object::parse(r#"{"token":{"use":"access"}}"#).unwrap()), Ok(()));
        for claims in [r#"{"token":{}}"#, r#"{"token":"access"}"#, r#"{"token":null}"#] {
            assert_eq!(nested.check(&Object::parse(claims).unwrap()), Err(TokenError::Type), "{claims}");
        }
    }

    #[test]
    fn a_claim_that_only_access_tokens_have_may_have_any_string() {
        let scope = TokenUse::presence("scope");
        for (claims, result) in [
            (r#"{"scope":"openid"}"#, Ok(())),
            (r#"{"scope":""}"#, Ok(())),
            (r#"{"scope":null}"#, Err(TokenError::Type)),
            (r#"{"scope":["openid"]}"#, Err(TokenError::Type)),
            ("{}", Err(TokenError::Type)),
        ] {
            assert_eq!(scope.check(&Object::parse(claims).unwrap()), result, "{claims}");
        }
    }

    #[test]
    fn a_token_use_of_the_apps_own_issuer_must_be_that_of_access_tokens() {
        for name in USE_CLAIMS {
            for value in ACCESS_USES.into_iter().chain(["Access", "Bearer", "JWT", "AT+JWT"]) {
                assert!(is_own(&format!(r#"{{"{name}":"{value}"}}"#)), "{name}: {value}");
            }
            assert!(is_own(&format!(r#"{{"{name}":null}}"#)), "{name}");
            let other_kinds = [r#""email_verification""#, r#""invite""#, r#""sliding""#, r#""""#, r#"["access"]"#, "1"];
            for value in OTHER_USES.map(|value| format!("\"{value}\"")).iter().map(String::as_str).chain(other_kinds) {
                assert!(!is_own(&format!(r#"{{"{name}":{value}}}"#)), "{name}: {value}");
            }
        }
        assert!(is_own(r#"{"sub":"refresh","role":"invite","types":"x","token":"y","my_type":"z","":"_"}"#));
        assert!(!is_own(r#"{"type":"access","token_use":"refresh"}"#), "each claim is checked");
    }

    #[test]
    fn a_claim_that_the_settings_name_has_the_value_of_the_settings() {
        let session = TokenUse::value("purpose", "session");
        let claims = |text| Object::parse(text).unwrap();
        let is_access = |text| {
            let claims = claims(text);
            session.check(&claims).is_ok() && is_own_access_token(&claims, session.compared_claim())
        };
        assert!(is_access(r#"{"purpose":"session"}"#));
        for other in [r#"{"purpose":"reset"}"#, r#"{"purpose":"session","type":"reset"}"#, r#"{"purpose":"access"}"#] {
            assert!(!is_access(other), "{other}");
        }
        // Any string as the value proves nothing about what the token is for.
        assert_eq!(TokenUse::presence("purpose").compared_claim(), None);
    }

    #[test]
    fn an_access_token_of_the_apps_own_issuer_does_not_wait_for_a_second_factor() {
        for name in [
            "2fa_pending",
            "2fa_required",
            "mfaPending",
            "mfa_pending",
            "mfa_required",
            "pending_mfa",
            "requires-2fa",
            "requires_mfa",
            "twoFactorPending",
            "two_factor_pending",
            "two_factor_required",
        ] {
            for value in ["true", r#""true""#, "1", "[]"] {
                assert!(!is_own(&format!(r#"{{"type":"access","{name}":{value}}}"#)), "{name}: {value}");
            }
            for value in ["false", "null"] {
                assert!(is_own(&format!(r#"{{"type":"access","{name}":{value}}}"#)), "{name}: {value}");
            }
        }
    }
}
