//! `Header`: the JOSE header of a token (RFC 7515 §4).

use std::borrow::Cow;

use crate::gate::TokenError;
use crate::jwt::algorithm::Algorithm;
use crate::strict_json::{Object, string};

/// The header parameters that are used.
///
/// `jku`, `x5u`, `jwk` and `x5c` are ignored: keys come from the configured issuer only (RFC 8725 §3.10). A token that
/// could bring its own key, or have the app fetch one, would verify itself.
#[derive(Debug)]
pub(crate) struct Header<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<Cow<'a, str>>,
    pub(crate) typ: Option<Cow<'a, str>>,
}

impl<'a> Header<'a> {
    /// Parses the JSON text of a header.
    ///
    /// # Errors
    ///
    /// Returns [`TokenError::Header`] if the text is malformed, and otherwise the reason why no token with this header
    /// is accepted, whatever its issuer.
    pub(crate) fn parse(text: &'a str) -> Result<Self, TokenError> {
        let object = Object::parse(text).ok_or(TokenError::Header)?;
        let alg = object.get("alg").and_then(string).ok_or(TokenError::Algorithm)?;
        let algorithm = Algorithm::from_name(&alg).ok_or(TokenError::Algorithm)?;
        // RFC 7515 §4.1.11: a token with an extension that is not understood must be rejected, and none is understood.
        // RFC 7797 §6: `b64` must be listed in `crit`. A token whose `crit` does not list it is rejected as well, since
        // its signature may be over other bytes than those shown.
        if object.get("crit").or(object.get("b64")).is_some() {
            return Err(TokenError::Critical);
        }
        // RFC 7519 §5.2: the payload of a nested token is another token, whose claims would need a second verification.
        if optional_string(&object, "cty")?.is_some_and(|cty| is_media_type(&cty, "jwt")) {
            return Err(TokenError::Nested);
        }
        // The `kid` is only compared with those of the keys. It is bounded all the same, since it is copied while a
        // request waits for a fetch (RFC 8725 §3.10: sanitize it).
        let kid = optional_string(&object, "kid")?;
        if kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_LEN || kid.chars().any(char::is_control)) {
            return Err(TokenError::Header);
        }
        Ok(Self { algorithm, kid, typ: optional_string(&object, "typ")? })
    }
}

impl Header<'_> {
    /// Returns a copy that does not borrow from the token, for the header cache.
    pub(crate) fn to_owned(&self) -> Header<'static> {
        let owned = |text: &Option<Cow<'_, str>>| text.as_ref().map(|text| Cow::Owned(text.clone().into_owned()));
        Header { algorithm: self.algorithm, kid: owned(&self.kid), typ: owned(&self.typ) }
    }
}

/// Returns a member that must be a string if it is present.
fn optional_string<'a>(object: &Object<'a>, name: &str) -> Result<Option<Cow<'a, str>>, TokenError> {
    object.get(name).map(|value| string(value).ok_or(TokenError::Header)).transpose()
}

/// Whether `typ` or `cty` is this subtype of `application/`, a prefix that may be omitted (RFC 7515 §4.1.9).
///
/// The comparison ignores case, because media types do (RFC 2045 §5.1).
pub(crate) fn is_media_type(value: &str, subtype: &str) -> bool {
    let name = match value.split_once('/') {
        Some((tree, name)) if tree.eq_ignore_ascii_case("application") => name,
        Some(_) => return false,
        None => value,
    };
    name.eq_ignore_ascii_case(subtype)
}

// Real key ids are thumbprints, UUIDs or URLs. A longer one is likely an attack.
const MAX_KID_LEN: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(text: &str) -> TokenError {
        Header::parse(text).unwrap_err()
    }

    #[test]
    fn alg_must_be_a_known_string() {
        for text in [
            "{}",
            r#"{"alg":null}"#,
            r#"{"alg":["RS256"]}"#,
            r#"{"alg":1}"#,
            r#"{"alg":"none"}"#,
            r#"{"alg":"nOnE"}"#,
            r#"{"alg":""}"#,
            r#"{"alg":"rs256"}"#,
        ] {
            assert_eq!(error_of(text), TokenError::Algorithm, "{text}");
        }
        assert_eq!(Header::parse(r#"{"alg":"RS256"}"#).unwrap().algorithm, Algorithm::Rs256);
    }

    #[test]
    fn crit_and_b64_are_rejected_whatever_their_values() {
        for extension in [
            r#""crit":["exp"]"#,
            r#""crit":[]"#,
            r#""crit":"exp""#,
            r#""crit":null"#,
            r#""crit":["b64"],"b64":false"#,
            r#""b64":false"#,
            r#""b64":true"#,
            r#""crit":["x-custom"],"x-custom":1"#,
        ] {
            assert_eq!(error_of(&format!(r#"{{"alg":"RS256",{extension}}}"#)), TokenError::Critical, "{extension}");
        }
    }

    #[test]
    fn a_nested_token_is_rejected() {
        for cty in ["JWT", "jwt", "application/jwt"] {
            assert_eq!(error_of(&format!(r#"{{"alg":"RS256","cty":"{cty}"}}"#)), TokenError::Nested, "{cty}");
        }
        assert!(Header::parse(r#"{"alg":"RS256","cty":"json"}"#).is_ok());
    }

    #[test]
    fn kid_typ_and_cty_must_be_strings() {
        for member in [r#""kid":1"#, r#""kid":["a"]"#, r#""kid":null"#, r#""typ":1"#, r#""cty":[]"#] {
            assert_eq!(error_of(&format!(r#"{{"alg":"RS256",{member}}}"#)), TokenError::Header, "{member}");
        }
    }

    #[test]
    fn a_kid_is_bounded_and_without_control_characters() {
        let with = |kid: &str| format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#);
        assert!(Header::parse(&with(&"k".repeat(MAX_KID_LEN))).is_ok());
        assert!(Header::parse(&with("' OR 1=1--")).is_ok());
        for kid in ["k".repeat(MAX_KID_LEN + 1).as_str(), "a\\u0000b", "a\\r\\nX: y"] {
            assert_eq!(error_of(&with(kid)), TokenError::Header, "{kid}");
        }
    }

    #[test]
    fn a_media_type_is_case_insensitive_and_its_application_prefix_optional() {
        for value in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
            assert!(is_media_type(value, "at+jwt"), "{value}");
        }
        for value in ["text/at+jwt", "jwt", "at+jwt ", "application/application/at+jwt", ""] {
            assert!(!is_media_type(value, "at+jwt"), "{value}");
        }
    }
}
