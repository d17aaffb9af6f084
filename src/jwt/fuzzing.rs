//! Fuzz targets of this module's parsers. Each panics if an invariant is violated.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::claims::claim_map::ClaimMap;
use crate::claims::claim_path::ClaimPath;
use crate::jwt::algorithm::{Algorithm, PUBLIC_KEY_ALGORITHMS};
use crate::jwt::issuers::pattern::IssuerPattern;
use crate::jwt::keys::jwk::KeyFilter;
use crate::jwt::keys::jwks::{KeySet, MAX_KEYS};
use crate::jwt::keys::pem;
use crate::jwt::keys::public_key::PublicKey;
use crate::jwt::keys::weak::KeyError;
use crate::jwt::remote::discovery::{has_same_origin, parse_metadata};
use crate::jwt::remote::fetch::Document;
use crate::jwt::token::claims::{self as registered, Expected};
use crate::jwt::token::compact::{self, Compact};
use crate::jwt::token::header::Header;
use crate::strict_json::Object;

/// Parses a token, and checks that its segments reproduce it and have one encoding each.
///
/// A fuzzer rarely produces valid base64, so the same text is also parsed as a header, and encoded into a token.
pub(crate) fn token(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    check_segments(text);
    check_header(text);
    let token = format!("{}.e30.", URL_SAFE_NO_PAD.encode(text));
    let compact = Compact::parse(&token, token.len()).expect("a well-formed token");
    assert_eq!(compact::decode_text(compact.header).as_deref(), Ok(text));
    assert!(Compact::parse(&token, token.len() - 1).is_err(), "a token longer than the bound");
}

/// Parses a pattern in the first line, and checks that a name in the second line that it matches is the pattern with a
/// segment that needs no decoding.
pub(crate) fn issuer_pattern(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (pattern, iss) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(pattern) = IssuerPattern::parse(pattern) else { return };
    assert!(pattern.text().starts_with("https://") || pattern.text().starts_with("http://"), "another scheme");
    let Some(value) = pattern.value_of(iss) else { return };
    assert_eq!(pattern.text().replace(pattern.placeholder(), value), iss);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    assert!(!value.is_empty() && value.len() <= 64 && value.bytes().all(is_plain), "a value that needs decoding");
    assert!(value != "." && value != "..", "another path");
    assert!(has_same_origin(pattern.text(), iss), "another host");
}

/// Parses a JWK Set or an object of PEM texts, and checks that its keys are bounded, each used or skipped, and that no
/// secret is used.
pub(crate) fn jwks(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(parsed) = KeySet::parse(text, &KeyFilter::new(PUBLIC_KEY_ALGORITHMS)) else { return };
    let members = parse_members(text);
    let keys: Vec<&Value> = match members.get("keys") {
        Some(keys) => keys.as_array().expect("the keys of a set are an array").iter().collect(),
        None => members.values().collect(),
    };
    let read = keys.len().min(MAX_KEYS);
    let is_cut = parsed.skipped.iter().any(|skipped| matches!(skipped.error, KeyError::TooMany { .. }));
    assert_eq!(is_cut, keys.len() > MAX_KEYS, "a truncated set is reported");
    let skipped = parsed.skipped.iter().map(|skipped| skipped.index).filter(|index| *index < read);
    let skipped: BTreeSet<usize> = skipped.collect();
    assert_eq!(skipped.len() + usize::from(is_cut), parsed.skipped.len(), "an invalid index");
    assert_eq!(parsed.keys.is_empty(), skipped.len() == read, "a key that is neither used nor skipped");
    let is_secret = |key: &Value| match key {
        Value::String(pem) => pem.contains("PRIVATE KEY"),
        jwk => jwk["kty"] == "oct" || ["d", "k", "p", "priv"].iter().any(|name| !jwk[name].is_null()),
    };
    let secrets = keys.iter().take(MAX_KEYS).enumerate().filter(|(_, key)| is_secret(key));
    assert!(secrets.map(|(index, _)| index).all(|index| skipped.contains(&index)), "a private key is used");
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        assert_eq!(parsed.keys.candidates(algorithm, None).count(), 0, "a shared secret is used");
    }
    for algorithm in [Algorithm::Es256k, Algorithm::Es512, Algorithm::MlDsa44, Algorithm::MlDsa65, Algorithm::MlDsa87] {
        assert_eq!(parsed.keys.candidates(algorithm, None).count(), 0, "an algorithm that is not enabled");
    }
    for algorithm in PUBLIC_KEY_ALGORITHMS {
        let count = parsed.keys.candidates(algorithm, None).count();
        assert!(count <= 4 && count <= read - skipped.len(), "more candidates than keys");
    }
}

/// Parses a certificate, a public key in DER and a PEM text, and checks that a key which is used is for one family.
pub(crate) fn certificate(data: &[u8]) {
    let mut keys = vec![PublicKey::from_certificate(data), PublicKey::from_spki(data), PublicKey::from_pkcs1(data)];
    keys.extend(std::str::from_utf8(data).map(pem::public_key));
    for key in keys.into_iter().flatten() {
        for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
            assert!(key.verifier(algorithm).is_err(), "a public key is used as a secret");
        }
        for algorithm in PUBLIC_KEY_ALGORITHMS {
            let is_usable = key.verifier(algorithm).is_ok();
            assert!(!is_usable || key.permits(algorithm), "a key is used beyond its purpose");
            assert!(!is_usable || key.family() == algorithm.family(), "a key of another family");
        }
    }
}

/// Reads an issuer's metadata, and checks that it is used only if it names the issuer, with keys at an https URL.
pub(crate) fn metadata(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let document = Document { text: text.to_owned(), max_age: None };
    let Ok(uri) = parse_metadata(&document, "https://a.example") else { return };
    let members = parse_members(text);
    assert!(members["issuer"] == "https://a.example", "the metadata of another issuer is used");
    assert!(members["jwks_uri"] == uri && uri.to_ascii_lowercase().starts_with("https://"), "another URL");
    assert!(uri.bytes().all(|byte| byte.is_ascii_graphic()) && !uri.contains('#'), "a URL that is not visible ASCII");
}

/// Checks the claims of a payload: accepted ones have not expired, have the audience and no `cnf`, and the user is that
/// of the claims.
pub(crate) fn claims(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(object) = Object::parse(text) else { return };
    let members = parse_members(text);
    assert_same_members(&object, &members);
    if let Ok(identity) = ClaimMap::new().read(&object, &text.into(), "") {
        assert!(identity.id.as_deref().is_some_and(|id| !id.is_empty() && members["sub"] == id));
        let roles = members.get("roles").map_or(String::new(), Value::to_string);
        let quoted = |role: &str| Value::from(role).to_string();
        assert!(identity.roles.iter().all(|role| roles.contains(&quoted(role))), "a role that is not in the claims");
    }
    let audiences = ["api".to_owned()];
    let audience_claim = ClaimPath::new("aud");
    let now = Duration::from_secs(NOW);
    let leeway = Duration::from_secs(LEEWAY);
    let expected = Expected {
        issuer: "",
        audience_claim: &audience_claim,
        audiences: &audiences,
        audience_prefix: None,
        allows_missing_audience: false,
        now,
        leeway,
    };
    let Ok(accepted) = registered::check(&object, expected) else { return };
    let member = |name: &str| members.get(name).filter(|value| !value.is_null());
    let date = |name: &str| member(name).map(|date| date.as_f64().expect("a date is a number"));
    let exp = date("exp").expect("exp is required");
    assert!(exp > (NOW - LEEWAY) as f64, "an expired token is accepted");
    assert!((accepted.expires_at.as_secs_f64() - exp).abs() < 1.0, "another expiry");
    for name in ["nbf", "iat"] {
        assert!(date(name).is_none_or(|date| (0.0..=(NOW + LEEWAY) as f64).contains(&date)), "{name} in the future");
    }
    let aud = &members["aud"];
    assert!(aud == "api" || aud.as_array().is_some_and(|all| all.contains(&"api".into())), "another audience");
    assert!(member("cnf").is_none(), "a token that is bound to a key is accepted");
    assert_eq!(accepted.token_id.as_deref(), member("jti").and_then(Value::as_str).filter(|id| !id.is_empty()));
}

/// Reads a user by a claim map, and checks that each privilege is a text at one of the map's claims.
///
/// The data is the claims for the id, scopes, roles, permissions and tier, separated by `|`, then the payload.
pub(crate) fn claim_map(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some((paths, payload)) = text.split_once('\n') else { return };
    let Some(object) = Object::parse(payload) else { return };
    let mut paths = paths.split('|');
    let mut next = || paths.next().unwrap_or_default();
    let [id, scopes, roles, permissions, tier] = [next(), next(), next(), next(), next()];
    let map = ClaimMap::new()
        .id(id)
        .scopes([scopes, "scope"])
        .roles([roles])
        .add_roles("groups")
        .permissions([permissions])
        .tier([tier]);
    let Ok(identity) = map.read(&object, &payload.into(), "") else { return };
    let members = Value::Object(parse_members(payload));
    let found = |path: &str| claim(&members, path);
    let user = identity.id.as_deref().expect("a user has an id");
    assert!(!user.is_empty() && found(id).and_then(Value::as_str) == Some(user), "the id is the claim's");
    let is_among =
        |name: &str, paths: &[&str]| paths.iter().copied().filter_map(found).any(|claim| has_name(claim, name));
    assert!(identity.roles.iter().all(|role| is_among(role, &[roles, "groups"])), "a role is in no claim");
    assert!(identity.permissions.iter().all(|name| is_among(name, &[permissions])), "a permission is in no claim");
    let tier_name = identity.tier_name.as_deref();
    assert!(tier_name.is_none() || found(tier).and_then(Value::as_str) == tier_name, "the tier is in no claim");
    // The scopes are those of the first claim that is present.
    let granted = found(scopes).or_else(|| found("scope")).unwrap_or(&Value::Null);
    let is_granted = |scope: &str| match granted {
        Value::String(text) => text.split(' ').any(|word| word == scope),
        Value::Array(items) => items.iter().any(|item| item == scope),
        _ => false,
    };
    assert!(identity.scopes.iter().all(|scope| is_granted(scope) && !scope.is_empty()), "a scope is in no claim");
}

/// Returns the claim of this name, or at this JSON Pointer through objects.
fn claim<'a>(members: &'a Value, path: &str) -> Option<&'a Value> {
    let Some(pointer) = path.strip_prefix('/') else { return members.get(path) };
    pointer.split('/').try_fold(members, |value, name| value.get(name.replace("~1", "/").replace("~0", "~")))
}

/// Whether a claim is this name, or a list that has it.
fn has_name(claim: &Value, name: &str) -> bool {
    let is_name = |item: &Value| item == name || item.get("value").is_some_and(|value| value == name);
    claim == name || claim.as_array().is_some_and(|items| items.iter().any(is_name))
}

fn check_segments(token: &str) {
    let Ok(compact) = Compact::parse(token, MAX_LEN) else { return };
    assert!(token.len() <= MAX_LEN);
    assert_eq!(format!("{}.{}.{}", compact.header, compact.payload, compact.signature), token);
    assert_eq!(format!("{}.{}", compact.signed, compact.signature), token);
    for segment in [compact.header, compact.payload, compact.signature] {
        if let Ok(bytes) = compact::decode(segment) {
            assert_eq!(URL_SAFE_NO_PAD.encode(bytes), segment, "a second encoding of the same bytes");
        }
    }
    if let Ok(text) = compact::decode_text(compact.header) {
        check_header(&text);
    }
}

fn check_header(text: &str) {
    let Some(object) = Object::parse(text) else {
        assert!(Header::parse(text).is_err(), "a header that is not an object");
        return;
    };
    let members = parse_members(text);
    assert_same_members(&object, &members);
    let Ok(header) = Header::parse(text) else { return };
    let alg = members["alg"].as_str().expect("alg is a string");
    assert!(header.algorithm.name() == alg || alg == "Ed25519", "another algorithm");
    assert!(!members.contains_key("crit") && !members.contains_key("b64"), "an extension is ignored");
    assert_eq!(header.kid.as_deref(), members.get("kid").and_then(Value::as_str));
    assert_eq!(header.typ.as_deref(), members.get("typ").and_then(Value::as_str));
}

/// Checks that serde_json parses the same members as `Object`.
fn assert_same_members(object: &Object<'_>, members: &Map<String, Value>) {
    for (name, value) in members {
        let text = object.get(name).expect("a member that serde_json has");
        assert_eq!(serde_json::from_str::<Value>(text).ok().as_ref(), Some(value));
    }
}

/// Parses the members of an accepted object by serde_json, which keeps the last of two members with the same name.
fn parse_members(text: &str) -> Map<String, Value> {
    let members: Map<String, Value> = serde_json::from_str(text).expect("a valid object");
    let MemberCount(count) = serde_json::from_str(text).expect("a valid object");
    assert_eq!(count, members.len(), "a duplicate name is accepted");
    members
}

/// The number of members in an object's text, including duplicates.
struct MemberCount(usize);

impl<'de> Deserialize<'de> for MemberCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MemberCountVisitor)
    }
}

struct MemberCountVisitor;

impl<'de> Visitor<'de> for MemberCountVisitor {
    type Value = MemberCount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<MemberCount, A::Error> {
        let mut count = 0;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(MemberCount(count))
    }
}

const NOW: u64 = 1_700_000_000;
const LEEWAY: u64 = 60;
const MAX_LEN: usize = 2048;
