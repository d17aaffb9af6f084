//! Doors for the fuzzer to this folder's parsers; each panics where an invariant is broken.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::jwt::algorithm::{Algorithm, PUBLIC_KEY_ALGORITHMS};
use crate::jwt::issuer::claim_map::ClaimMap;
use crate::jwt::keys::jwks::KeySet;
use crate::jwt::strict_json::Object;
use crate::jwt::token::claims::{self as registered, Expected};
use crate::jwt::token::compact::{self, Compact};
use crate::jwt::token::header::Header;

/// A token: its segments make it up, each in its one spelling. Since no fuzzer gets far through base64, the same text is
/// tried as a header's, and its encoding as a token's.
pub(crate) fn token(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    split(text);
    header(text);
    let token = format!("{}.e30.", URL_SAFE_NO_PAD.encode(text));
    let compact = Compact::parse(&token, token.len()).expect("a token in order");
    assert_eq!(compact::text(compact.header).as_deref(), Ok(text));
    assert!(Compact::parse(&token, token.len() - 1).is_err(), "longer than the bound");
}

/// A JWK Set: the keys read are bounded, each used or named as skipped, and none of them a secret.
pub(crate) fn jwks(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(parsed) = KeySet::parse(text, &PUBLIC_KEY_ALGORITHMS) else { return };
    let members = members(text);
    let keys = members["keys"].as_array().expect("a set's keys are an array");
    let read = keys.len().min(MAX_KEYS);
    let skipped: BTreeSet<usize> = parsed.skipped.iter().map(|skipped| skipped.place).collect();
    assert!(skipped.len() == parsed.skipped.len() && skipped.iter().all(|place| *place < read), "a place of no key");
    assert_eq!(parsed.keys.is_empty(), skipped.len() == read, "a key neither used nor skipped");
    let secret = |key: &Value| key["kty"] == "oct" || key.get("d").is_some() || key.get("k").is_some();
    let secrets = keys.iter().take(MAX_KEYS).enumerate().filter(|(_, key)| secret(key));
    assert!(secrets.map(|(place, _)| place).all(|place| skipped.contains(&place)), "a private key was used");
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        assert_eq!(parsed.keys.candidates(algorithm, None).count(), 0, "a shared secret was published");
    }
    for algorithm in PUBLIC_KEY_ALGORITHMS {
        let count = parsed.keys.candidates(algorithm, None).count();
        assert!(count <= 4 && count <= read - skipped.len(), "more candidates than keys");
    }
}

/// A payload: what is accepted is alive, for us, bound to no key, and says of the user what the claims say.
pub(crate) fn claims(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(object) = Object::parse(text) else { return };
    let members = members(text);
    same(&object, &members);
    if let Ok(identity) = ClaimMap::new().read(&object, &text.into()) {
        assert!(identity.id.as_deref().is_some_and(|id| !id.is_empty() && members["sub"] == id));
        let listed = members.get("roles").map_or(String::new(), Value::to_string);
        let quoted = |role: &str| Value::from(role).to_string();
        assert!(identity.roles.iter().all(|role| listed.contains(&quoted(role))), "a role from nowhere");
    }
    let audiences = ["api".to_owned()];
    let (now, leeway) = (Duration::from_secs(NOW), Duration::from_secs(LEEWAY));
    let expected = Expected { audience_claim: "aud", audiences: &audiences, now, leeway };
    let Ok(accepted) = registered::judge(&object, expected) else { return };
    let date = |name: &str| members.get(name).map(|date| date.as_f64().expect("a date is a number"));
    let exp = date("exp").expect("exp is required");
    assert!(exp > (NOW - LEEWAY) as f64, "expired");
    assert!((accepted.expires_at.as_secs_f64() - exp).abs() < 1.0, "another expiry");
    for name in ["nbf", "iat"] {
        assert!(date(name).is_none_or(|date| (0.0..=(NOW + LEEWAY) as f64).contains(&date)), "{name} in the future");
    }
    let aud = &members["aud"];
    assert!(aud == "api" || aud.as_array().is_some_and(|all| all.contains(&"api".into())), "a foreign audience");
    assert!(!members.contains_key("cnf"), "bound to a key");
    assert_eq!(accepted.token_id.as_deref(), members.get("jti").and_then(Value::as_str));
}

fn split(token: &str) {
    let Ok(compact) = Compact::parse(token, MAX_LEN) else { return };
    assert!(token.len() <= MAX_LEN);
    assert_eq!(format!("{}.{}.{}", compact.header, compact.payload, compact.signature), token);
    assert_eq!(format!("{}.{}", compact.signed, compact.signature), token);
    for segment in [compact.header, compact.payload, compact.signature] {
        if let Ok(bytes) = compact::bytes(segment) {
            assert_eq!(URL_SAFE_NO_PAD.encode(bytes), segment, "a second spelling");
        }
    }
    if let Ok(text) = compact::text(compact.header) {
        header(&text);
    }
}

fn header(text: &str) {
    let Some(object) = Object::parse(text) else {
        assert!(Header::parse(text).is_err(), "a header that is no object");
        return;
    };
    let members = members(text);
    same(&object, &members);
    let Ok(header) = Header::parse(text) else { return };
    let alg = members["alg"].as_str().expect("alg is a string");
    assert!(header.algorithm.name() == alg || alg == "Ed25519", "another algorithm");
    assert!(!members.contains_key("crit") && !members.contains_key("b64"), "an extension was passed over");
    assert_eq!(header.kid.as_deref(), members.get("kid").and_then(Value::as_str));
    assert_eq!(header.typ.as_deref(), members.get("typ").and_then(Value::as_str));
}

/// What serde_json makes of a text that `Object` accepts: the same, member by member.
fn same(object: &Object<'_>, members: &Map<String, Value>) {
    for (name, value) in members {
        let text = object.get(name).expect("a member that serde_json sees");
        assert_eq!(serde_json::from_str::<Value>(text).ok().as_ref(), Some(value));
    }
}

/// The members of an accepted object by serde_json, which silently keeps the last of two of one name.
fn members(text: &str) -> Map<String, Value> {
    let members: Map<String, Value> = serde_json::from_str(text).expect("an object for every parser");
    let Count(count) = serde_json::from_str(text).expect("an object for every parser");
    assert_eq!(count, members.len(), "a name that stands twice");
    members
}

/// How many members an object has as it is written.
struct Count(usize);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(CountVisitor)
    }
}

struct CountVisitor;

impl<'de> Visitor<'de> for CountVisitor {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Count, A::Error> {
        let mut count = 0;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Count(count))
    }
}

const NOW: u64 = 1_700_000_000;
const LEEWAY: u64 = 60;
const MAX_KEYS: usize = 64;
const MAX_LEN: usize = 2048;
