//! The fuzz target of this module's parser. It panics if an invariant is violated.

use std::time::Duration;

use serde_json::Value;

use crate::introspection::response::Introspection;
use crate::introspection::signed_response::SignedResponses;

/// Reads a response: a token is active only if every JSON parser reads `active` as true, and its times and audiences
/// are those of the response. The claims of a signed response mean the same.
pub fn introspection_response(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(introspection) = Introspection::parse(text) else { return };
    let value: Value = serde_json::from_str(text).expect("a response is JSON");
    let is_active = matches!(introspection, Introspection::Active(_));
    assert_eq!(value["active"], Value::Bool(is_active), "`active`");
    if let Introspection::Active(token) = introspection {
        assert_eq!(&*token.claims, text);
        for (name, time) in [("exp", token.expires_at), ("nbf", token.not_before), ("iat", token.issued_at)] {
            let difference = |(time, seconds): (Duration, f64)| (time.as_secs_f64() - seconds).abs();
            let seconds = value[name].as_f64();
            assert_eq!(time.is_some(), seconds.is_some(), "{name}");
            assert!(time.zip(seconds).map(difference).is_none_or(|difference| difference < 1e-3), "{name}");
        }
        let audiences = match &value["aud"] {
            Value::Array(audiences) => audiences.clone(),
            Value::Null => Vec::new(),
            audience => vec![audience.clone()],
        };
        assert!(audiences == token.audiences, "`aud`");
        assert_eq!(token.is_bound, !value["cnf"].is_null(), "`cnf`");
    }
    let signed = format!(r#"{{"iat":1,"token_introspection":{text}}}"#);
    if let Ok(inner) = SignedResponses::read_claims(&signed, Duration::from_secs(1)) {
        assert_eq!(matches!(inner, Introspection::Active(_)), is_active, "a signed response");
    }
}
