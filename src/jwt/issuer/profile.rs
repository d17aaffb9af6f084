//! `Profile`: how an issuer's access tokens are distinguished from its other tokens.

use crate::gate::TokenError;
use crate::jwt::issuer::token_use::{has_other_use, is_own_access_token};
use crate::jwt::token::header::{Header, is_media_type};
use crate::strict_json::{Object, is_null, string};

/// How an issuer marks its access tokens, so that its other tokens are not accepted.
///
/// See RFC 8725 §3.11 and §3.12. An issuer signs ID tokens, refresh tokens and logout tokens with the same keys as
/// access tokens, and some of them have the same audience. Only their types and claims distinguish them.
///
/// # Own issuers
///
/// An issuer counts as the app's own if it has [configured keys](crate::Issuer#configured-keys) or is
/// [`first_party`](crate::Issuer::first_party). Apps sign all kinds of tokens with one key, for example those that
/// reset a password, and choose the names of these kinds. So with the profiles for access tokens, each of the claims
/// `type`, `typ`, `token_type`, `token_use`, `token_kind`, `token_purpose` and `purpose` must be absent or say that the
/// token is an access token: `access`, `access_token`, `access-token`, `Bearer`, `JWT`, `at+jwt` or
/// `application/at+jwt`, in any letter case. The value of a claim that [`token_use`](crate::Issuer::token_use) names is
/// the one that is set there.
///
/// A token of a login that still requires a second factor is rejected as well: one with a claim `mfa_required`,
/// `mfa_pending`, `pending_mfa` or `requires_mfa`, the same with `2fa`, `two_factor_required` or `two_factor_pending`
/// that is neither `false` nor `null`. Other spellings of the names, such as `tokenUse` and `mfaRequired`, mean the
/// same.
///
/// ```
/// # use axum::{Router, body::Body, http::Request, routing::get};
/// # use portcullis::JwtAuth;
/// # use tower::ServiceExt;
/// use portcullis::{Issuer, Profile, testing::TestIssuer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = TestIssuer::start().await?;
/// let untyped = server.token("ann").audience("api").header("typ", "JWT");
/// let id_token = untyped.clone().claim("nonce", "n-0S6_WzA2Mj");
///
/// for (profile, token, status) in [
///     (Profile::Rfc9068, &untyped, 401),
///     (Profile::Compatible, &untyped, 200),
///     (Profile::Compatible, &id_token, 401),
/// ] {
///     let issuer = Issuer::discover(server.url()).profile(profile);
/// #   let auth = JwtAuth::builder().issuer(issuer).audience("api").build()?;
/// #   let app = Router::new().route("/", get(|| async {})).layer(auth);
/// #   let token = token.clone().sign();
/// #   let request = Request::get("/");
/// #   let request = request.header("authorization", format!("Bearer {token}"));
/// #   let response = app.oneshot(request.body(Body::empty())?).await?;
///     // ...
///     assert_eq!(response.status(), status);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// `typ` is `at+jwt`, `JWT` or absent, for issuers that do not type their tokens.
    ///
    /// Tokens of any other type are rejected, and so are tokens with a claim that only other tokens have: `events`,
    /// `token_introspection`, `htm` or `htu`.
    ///
    /// A token without the type `at+jwt` is also rejected if it has a claim of ID tokens (`nonce`, `at_hash`, `c_hash`,
    /// `s_hash`), or if a claim such as `token_use` marks it as a refresh, ID or logout token. These two rules do not
    /// apply if the issuer [marks](crate::Issuer::token_use) access tokens with a claim, as with
    /// [`first_party`](crate::Issuer::first_party), Keycloak and Cognito.
    ///
    /// `scope` may be an array of strings, as some issuers send it.
    Compatible,
    /// ID tokens as credentials, for an app that is the client they were issued to.
    ///
    /// See OpenID Connect Core §2. `typ` is `JWT` or absent. Tokens with the claim `scope` are rejected, because they
    /// are access tokens.
    IdToken,
    /// RFC 9068: `typ` is `at+jwt`, and all claims of its §2.2 are present.
    ///
    /// These are `iss`, `exp`, `aud`, `sub`, `client_id`, `iat` and `jti`. If `scope` is present, it is a string of
    /// scopes that are delimited by spaces (RFC 9068 §2.2.3, RFC 8693 §4.2). An array is rejected.
    Rfc9068,
}

/// What is known about an issuer's tokens besides the type and the claims of a token.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Evidence<'a> {
    /// A claim of the issuer has already marked the token as an access token.
    pub(crate) is_marked: bool,
    /// The issuer is the app itself.
    pub(crate) is_own: bool,
    /// The name of the claim whose value was compared with the one that the issuer's access tokens have.
    pub(crate) compared_claim: Option<&'a str>,
}

impl Profile {
    /// Rejects a token that is not an access token by this profile.
    pub(crate) fn check(
        self,
        header: &Header<'_>,
        claims: &Object<'_>,
        evidence: Evidence<'_>,
    ) -> Result<(), TokenError> {
        let Evidence { is_marked, is_own, compared_claim } = evidence;
        let typ = header.typ.as_deref();
        // Of the two, `typ` is the stronger evidence: no other token has the type `at+jwt` (RFC 9068 §4), while `JWT`
        // or no type says nothing. An untyped token is therefore held to more claims.
        let is_typed = typ.is_some_and(|typ| is_media_type(typ, "at+jwt"));
        let is_untyped = typ.is_none_or(|typ| is_media_type(typ, "jwt"));
        let forbidden: &[&str] = match self {
            // No `is_marked` here: under RFC 9068 a claim does not replace the type.
            Self::Rfc9068 if is_typed => &FORBIDDEN,
            Self::Compatible if is_typed || is_untyped && is_marked => &FORBIDDEN,
            Self::Compatible if is_untyped => &FORBIDDEN_IN_UNTYPED,
            Self::IdToken if is_untyped => &FORBIDDEN_IN_ID_TOKENS,
            _ => return Err(TokenError::Type),
        };
        if forbidden.iter().any(|name| claims.get(name).is_some_and(|value| !is_null(value))) {
            return Err(TokenError::Type);
        }
        let is_use_wrong = if is_own && self != Self::IdToken {
            // Whatever the type: apps often sign all kinds of tokens with the same header.
            !is_own_access_token(claims, compared_claim)
        } else {
            self == Self::Compatible && !is_typed && !is_marked && has_other_use(claims)
        };
        if is_use_wrong {
            return Err(TokenError::Type);
        }
        if self == Self::Rfc9068 {
            check_rfc_9068_claims(claims)?;
        }
        Ok(())
    }
}

/// Rejects a token without one of the claims of RFC 9068 §2.2, or with a `scope` that is not a string (§2.2.3, RFC 8693
/// §4.2). `null` counts as missing, since no specification gives it a meaning.
fn check_rfc_9068_claims(claims: &Object<'_>) -> Result<(), TokenError> {
    let required = |name| claims.get(name).filter(|value| !is_null(value)).ok_or(TokenError::claim_missing(name));
    for name in REQUIRED {
        required(name)?;
    }
    // The types of the others are checked in every token.
    for name in REQUIRED_STRINGS {
        string(required(name)?).filter(|text| !text.is_empty()).ok_or(TokenError::claim_invalid(name))?;
    }
    if claims.get("scope").is_some_and(|scope| scope.starts_with('[')) {
        return Err(TokenError::claim_invalid("scope"));
    }
    Ok(())
}

// RFC 9068 §2.2.
const REQUIRED: [&str; 4] = ["iss", "exp", "aud", "iat"];
const REQUIRED_STRINGS: [&str; 3] = ["sub", "client_id", "jti"];

// Claims of security event and logout tokens (RFC 8417, OpenID Connect Back-Channel Logout), introspection responses
// (RFC 9701) and DPoP proofs (RFC 9449). A token with one of them is never an access token, whatever its type.
const FORBIDDEN: [&str; 4] = ["events", "token_introspection", "htm", "htu"];

// The same, and the claims of an ID token (OpenID Connect Core §2, §3.1.3.6, §3.3.2.11).
const FORBIDDEN_IN_UNTYPED: [&str; 8] =
    ["events", "token_introspection", "htm", "htu", "nonce", "at_hash", "c_hash", "s_hash"];
const FORBIDDEN_IN_ID_TOKENS: [&str; 5] = ["events", "token_introspection", "htm", "htu", "scope"];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(profile: Profile, typ: &str, claims: &str, is_marked: bool) -> Result<(), TokenError> {
        let typ = if typ.is_empty() { String::new() } else { format!(r#","typ":"{typ}""#) };
        let header = format!(r#"{{"alg":"RS256"{typ}}}"#);
        let header = Header::parse(&header).unwrap();
        profile.check(&header, &Object::parse(claims).unwrap(), Evidence { is_marked, ..Evidence::default() })
    }

    const COMPLETE: &str = r#"{"iss":"i","exp":1,"aud":"a","sub":"s","client_id":"c","iat":1,"jti":"j"}"#;

    #[test]
    fn rfc_9068_requires_the_type_at_jwt() {
        for typ in ["at+jwt", "application/at+jwt", "AT+JWT"] {
            assert_eq!(check(Profile::Rfc9068, typ, COMPLETE, false), Ok(()), "{typ}");
        }
        for typ in ["", "JWT", "id+jwt", "logout+jwt", "secevent+jwt", "dpop+jwt", "token-introspection+jwt"] {
            assert_eq!(check(Profile::Rfc9068, typ, COMPLETE, true), Err(TokenError::Type), "{typ}");
        }
    }

    #[test]
    fn rfc_9068_requires_each_of_its_claims() {
        for name in REQUIRED.into_iter().chain(REQUIRED_STRINGS) {
            let without = COMPLETE.replace(&format!("\"{name}\""), "\"other\"");
            assert_eq!(check(Profile::Rfc9068, "at+jwt", &without, false), Err(TokenError::claim_missing(name)));
        }
    }

    #[test]
    fn rfc_9068_requires_strings_where_other_profiles_read_a_malformed_claim_as_absent() {
        for (name, value) in [("sub", "s"), ("client_id", "c"), ("jti", "j")] {
            for other in ["17", "\"\"", "[]", "{}", "true"] {
                let claims = COMPLETE.replace(&format!(r#""{name}":"{value}""#), &format!(r#""{name}":{other}"#));
                let malformed = Err(TokenError::claim_invalid(name));
                assert_eq!(check(Profile::Rfc9068, "at+jwt", &claims, false), malformed, "{name} {other}");
                assert_eq!(check(Profile::Compatible, "at+jwt", &claims, false), Ok(()), "{name} {other}");
            }
        }
    }

    #[test]
    fn scope_is_a_string_under_rfc_9068_and_may_be_an_array_under_the_compatible_profile() {
        for (scope, result) in [
            (r#""a b""#, Ok(())),
            (r#"["a","b"]"#, Err(TokenError::claim_invalid("scope"))),
            ("[]", Err(TokenError::claim_invalid("scope"))),
        ] {
            let claims = format!(r#"{},"scope":{scope}}}"#, COMPLETE.trim_end_matches('}'));
            assert_eq!(check(Profile::Rfc9068, "at+jwt", &claims, false), result, "{scope}");
            assert_eq!(check(Profile::Compatible, "at+jwt", &claims, false), Ok(()), "{scope}");
        }
        let other_claim = format!(r#"{},"scp":["a"]}}"#, COMPLETE.trim_end_matches('}'));
        assert_eq!(check(Profile::Rfc9068, "at+jwt", &other_claim, false), Ok(()));
    }

    #[test]
    fn a_claim_of_other_tokens_that_is_null_is_absent() {
        for (profile, name) in
            [(Profile::Compatible, "nonce"), (Profile::Compatible, "events"), (Profile::IdToken, "scope")]
        {
            let claims = format!(r#"{{"{name}":null}}"#);
            assert_eq!(check(profile, "JWT", &claims, false), Ok(()), "{name}");
        }
    }

    #[test]
    fn the_compatible_profile_accepts_untyped_tokens_without_a_claim_of_other_tokens() {
        for typ in ["", "JWT", "jwt", "at+jwt"] {
            assert_eq!(check(Profile::Compatible, typ, "{}", false), Ok(()), "{typ}");
        }
        for typ in ["logout+jwt", "secevent+jwt", "dpop+jwt", "client-authentication+jwt", "refresh+jwt"] {
            assert_eq!(check(Profile::Compatible, typ, "{}", true), Err(TokenError::Type), "{typ}");
        }
        for name in FORBIDDEN_IN_UNTYPED {
            let claims = format!(r#"{{"{name}":"x"}}"#);
            assert_eq!(check(Profile::Compatible, "JWT", &claims, false), Err(TokenError::Type), "{name}");
        }
    }

    #[test]
    fn the_compatible_profile_rejects_a_token_that_is_marked_with_another_use() {
        for claims in [r#"{"type":"refresh"}"#, r#"{"token_use":"id"}"#, r#"{"typ":"Refresh"}"#] {
            assert_eq!(check(Profile::Compatible, "JWT", claims, false), Err(TokenError::Type), "{claims}");
        }
        assert_eq!(check(Profile::Compatible, "JWT", r#"{"type":"access"}"#, false), Ok(()));
    }

    #[test]
    fn a_token_that_is_marked_as_an_access_token_may_have_a_nonce_but_no_events() {
        assert_eq!(check(Profile::Compatible, "JWT", r#"{"nonce":"n"}"#, true), Ok(()));
        for name in FORBIDDEN {
            let claims = format!(r#"{{"{name}":"x"}}"#);
            assert_eq!(check(Profile::Compatible, "JWT", &claims, true), Err(TokenError::Type), "{name}");
            assert_eq!(check(Profile::Compatible, "at+jwt", &claims, false), Err(TokenError::Type), "{name}");
        }
    }

    #[test]
    fn other_tokens_of_the_apps_own_issuer_are_rejected_unless_id_tokens_are_expected() {
        let claims = Object::parse(r#"{"type":"password_reset"}"#).unwrap();
        let check = |profile: Profile, header: &str, is_own| {
            let header = Header::parse(header).unwrap();
            profile.check(&header, &claims, Evidence { is_marked: true, is_own, compared_claim: None })
        };
        let (typed, untyped) = (r#"{"alg":"RS256","typ":"at+jwt"}"#, r#"{"alg":"RS256","typ":"JWT"}"#);
        assert_eq!(check(Profile::Compatible, typed, true), Err(TokenError::Type));
        assert_eq!(check(Profile::Compatible, untyped, true), Err(TokenError::Type));
        assert_eq!(check(Profile::Rfc9068, typed, true), Err(TokenError::Type));
        assert_eq!(check(Profile::Compatible, typed, false), Ok(()), "the issuer of another party");
        assert_eq!(check(Profile::IdToken, untyped, true), Ok(()));
    }

    #[test]
    fn the_id_token_profile_rejects_access_tokens() {
        assert_eq!(check(Profile::IdToken, "JWT", r#"{"nonce":"n"}"#, false), Ok(()));
        assert_eq!(check(Profile::IdToken, "at+jwt", "{}", false), Err(TokenError::Type));
        for name in FORBIDDEN_IN_ID_TOKENS {
            let claims = format!(r#"{{"{name}":"x"}}"#);
            assert_eq!(check(Profile::IdToken, "JWT", &claims, false), Err(TokenError::Type), "{name}");
        }
    }
}
