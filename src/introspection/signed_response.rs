//! Signed responses of an authorization server (RFC 9701 §5).

use std::time::Duration;

use crate::claims::numeric_date;
use crate::introspection::error::EndpointError;
use crate::introspection::response::Introspection;
use crate::strict_json::Object;
use crate::verify_jwt::expected::ExpectedJwt;
use crate::verify_jwt::verifier::Verifier;

/// Signed responses, which are required if they are configured.
#[derive(Clone, Debug)]
pub(crate) struct SignedResponses {
    pub(crate) verifier: Verifier,
    /// The authorization server: the value of `iss`.
    pub(crate) issuer: String,
    /// The names of this resource server: `aud` must contain one of them, or the client id.
    pub(crate) audiences: Vec<String>,
}

impl SignedResponses {
    /// Verifies a response that arrived at `now`, since 1970, and reads it.
    ///
    /// # Errors
    ///
    /// Returns [`EndpointError::Signed`] if the JWT is not a response of this server to this resource server, and
    /// [`EndpointError::Malformed`] if a claim is missing or malformed.
    pub(crate) async fn read(&self, jwt: &str, now: Duration) -> Result<Introspection, EndpointError> {
        let expected = ExpectedJwt {
            issuer: Some(&self.issuer),
            typ: "token-introspection+jwt",
            allows_missing_typ: false,
            audiences: &self.audiences,
        };
        let claims = self.verifier.verify(jwt, expected).await.map_err(EndpointError::Signed)?;
        Self::read_claims(&claims, now)
    }

    /// Reads the claims of a verified response.
    ///
    /// Only `token_introspection` is about the token. The RFC advises against a `sub` and `exp` beside it, with which
    /// the response would look like an access token, so they are ignored.
    pub(super) fn read_claims(claims: &str, now: Duration) -> Result<Introspection, EndpointError> {
        let claims =
            Object::parse(claims).ok_or(EndpointError::Malformed("it is not a JSON object with unique names"))?;
        let issued_at = claims.get("iat").and_then(numeric_date::parse).ok_or(EndpointError::Malformed("iat"))?;
        // An older response may have been recorded while the token was active.
        if issued_at.abs_diff(now) > MAX_AGE {
            return Err(EndpointError::Malformed("`iat` is not the current time"));
        }
        let response = claims.get("token_introspection").ok_or(EndpointError::Malformed("token_introspection"))?;
        Introspection::parse(response)
    }
}

/// The largest difference between `iat` and the clock of the app, whose clocks may differ.
const MAX_AGE: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_800_000_000);

    fn read(claims: &str) -> Result<bool, EndpointError> {
        let response = SignedResponses::read_claims(claims, NOW)?;
        Ok(matches!(response, Introspection::Active(_)))
    }

    #[test]
    fn claims_are_inside_token_introspection() {
        let iat = NOW.as_secs();
        assert_eq!(read(&format!(r#"{{"iat":{iat},"token_introspection":{{"active":true}}}}"#)), Ok(true));
        assert_eq!(read(&format!(r#"{{"iat":{iat},"token_introspection":{{"active":false}}}}"#)), Ok(false));
        for member in ["", r#","token_introspection":null"#, r#","token_introspection":[{"active":true}]"#] {
            let claims = format!(r#"{{"iat":{iat},"active":true{member}}}"#);
            assert!(matches!(read(&claims), Err(EndpointError::Malformed(_))), "{claims}");
        }
    }

    #[test]
    fn top_level_sub_and_exp_are_ignored() {
        let claims = format!(
            r#"{{"iat":{},"sub":"other","jti":"t2","exp":1,"token_introspection":{{"active":true,"jti":"t1","exp":1900000000}}}}"#,
            NOW.as_secs()
        );
        let Ok(Introspection::Active(token)) = SignedResponses::read_claims(&claims, NOW) else { panic!() };
        assert_eq!((token.jti.as_deref(), token.expires_at), (Some("t1"), Some(Duration::from_secs(1_900_000_000))));
    }

    #[test]
    fn iat_is_present_and_current() {
        let with_iat = |iat: &str| read(&format!(r#"{{{iat}"token_introspection":{{"active":true}}}}"#));
        for offset in [-300_i64, 0, 300] {
            assert_eq!(with_iat(&format!("\"iat\":{},", 1_800_000_000 + offset)), Ok(true), "{offset}");
        }
        for offset in [-301_i64, 301] {
            let expected = Err(EndpointError::Malformed("`iat` is not the current time"));
            assert_eq!(with_iat(&format!("\"iat\":{},", 1_800_000_000 + offset)), expected, "{offset}");
        }
        for iat in ["", "\"iat\":null,", "\"iat\":\"1800000000\","] {
            assert_eq!(with_iat(iat), Err(EndpointError::Malformed("iat")), "{iat}");
        }
    }
}
