//! Tests of the table of credentials.

use http::HeaderValue;

use super::*;

const JWT: usize = 0;
const LIVE_KEYS: usize = 1;
const TEST_KEYS: usize = 2;
const OPAQUE: usize = 3;

fn table(gates: &[&[CredentialSource]]) -> CredentialTable {
    let (table, conflicts) = CredentialTable::new(gates.iter().copied());
    assert_eq!(conflicts, []);
    table
}

fn live_keys() -> [CredentialSource; 3] {
    let header = CredentialSource::header(HeaderName::from_static("x-api-key"));
    [CredentialSource::bearer_with_prefix("live_"), CredentialSource::scheme("ApiKey"), header]
}

/// Four gates that share the scheme `Bearer`, each by another form.
fn four_gates() -> CredentialTable {
    let test_keys = [CredentialSource::bearer_with_prefix("test_")];
    let opaque = [CredentialSource::scheme("bearer"), CredentialSource::cookie("session")];
    table(&[&[CredentialSource::bearer_jwt()], &live_keys(), &test_keys, &opaque])
}

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

#[test]
fn bearer_is_shared_by_prefix_then_three_segments_then_the_rest() {
    let table = four_gates();
    for (value, gate) in [
        ("Bearer live_4f0c", Some(LIVE_KEYS)),
        ("bearer live_a.b.c", Some(LIVE_KEYS)),
        ("BEARER test_", Some(TEST_KEYS)),
        ("Bearer a.b.c", Some(JWT)),
        ("Bearer ..", Some(JWT)),
        ("Bearer a.b", Some(OPAQUE)),
        ("Bearer a.b.c.d.e", Some(OPAQUE)),
        ("Bearer LIVE_4f0c", Some(OPAQUE)),
        ("Bearer", Some(OPAQUE)),
        ("ApiKey a.b.c", Some(LIVE_KEYS)),
        ("Basic a.b.c", None),
        ("Bearers a.b.c", None),
        ("", None),
    ] {
        assert_eq!(table.gate_of(value.as_bytes()), gate, "{value}");
    }
}

#[test]
fn without_a_gate_for_the_rest_the_gate_of_jwts_decides_about_malformed_tokens() {
    let table = table(&[&[CredentialSource::bearer_jwt()], &live_keys()]);
    for (text, gate) in [("live_1", LIVE_KEYS), ("a.b.c", JWT), ("a", JWT), ("", JWT)] {
        assert_eq!(table.gate_of(format!("Bearer {text}").as_bytes()), Some(gate), "{text}");
    }
}

#[test]
fn without_a_gate_of_jwts_a_jwt_is_any_other_text() {
    let table = table(&[&[CredentialSource::scheme("Bearer")], &live_keys()]);
    assert_eq!(table.gate_of(b"Bearer a.b.c"), Some(0));
}

#[test]
fn with_only_a_prefix_another_text_is_an_unread_scheme() {
    let table = table(&[&live_keys()]);
    assert_eq!(table.gate_of(b"Bearer live_1"), Some(0));
    assert_eq!(table.gate_of(b"Bearer a.b.c"), None);
}

#[test]
fn each_of_a_million_random_texts_belongs_to_at_most_one_gate() {
    let table = four_gates();
    let alone: Vec<CredentialTable> = {
        let test_keys = [CredentialSource::bearer_with_prefix("test_")];
        [&live_keys()[..], &test_keys].iter().map(|gate| self::table(&[gate])).collect()
    };
    let parts =
        ["Bearer", "bearer", "ApiKey", "Basic", "live_", "test_", " ", "  ", "\t", ".", "a", "=", ",", "\u{e4}"];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize % bound
    };
    let mut decided = [0_usize; 4];
    let mut text = String::new();
    for _ in 0..1_000_000 {
        text.clear();
        for _ in 0..next(8) {
            text.push_str(parts[next(parts.len())]);
        }
        let gate = table.gate_of(text.as_bytes());
        if let Some(gate) = gate {
            decided[gate] += 1;
        }
        // A gate that reads a key alone reads it beside other gates, and no other text.
        for (keys, alone) in [LIVE_KEYS, TEST_KEYS].into_iter().zip(&alone) {
            assert_eq!(gate == Some(keys), alone.gate_of(text.as_bytes()).is_some(), "{text:?}");
        }
    }
    assert!(decided.iter().all(|count| *count > 500), "{decided:?}");
}

#[test]
fn sources_overlap_if_one_credential_fits_both() {
    let [bearer, jwt] = [CredentialSource::scheme("bearer"), CredentialSource::bearer_jwt()];
    let prefix = CredentialSource::bearer_with_prefix;
    for (one, other, overlap) in [
        (&bearer, &CredentialSource::scheme("BEARER"), true),
        (&bearer, &jwt, false),
        (&jwt, &jwt, true),
        (&jwt, &prefix("a_"), false),
        (&prefix("a_"), &prefix("a_b_"), true),
        (&prefix("a_b_"), &prefix("a_"), true),
        (&prefix("a_"), &prefix("b_"), false),
        (&CredentialSource::cookie("a"), &CredentialSource::cookie("a"), true),
        (&CredentialSource::cookie("a"), &CredentialSource::cookie("A"), false),
        (&CredentialSource::cookie("a"), &CredentialSource::header(HeaderName::from_static("a")), false),
    ] {
        let (_, conflicts) = CredentialTable::new([std::slice::from_ref(one), std::slice::from_ref(other)]);
        let expected = overlap.then(|| Conflict { first: 0, second: 1, source: other.clone() });
        assert_eq!(conflicts, Vec::from_iter(expected), "{one} and {other}");
    }
}

#[test]
fn several_explicit_credentials_are_an_error_even_if_no_gate_reads_one() {
    let table = four_gates();
    for lines in [
        &[("authorization", "Bearer a.b.c"), ("authorization", "Bearer a.b.c")][..],
        &[("authorization", "Basic YTpi"), ("authorization", "Bearer a.b.c")],
        &[("authorization", "Basic YTpi"), ("x-api-key", "live_1")],
        &[("x-api-key", "live_1"), ("x-api-key", "live_1")],
    ] {
        let mut headers = headers(lines);
        assert_eq!(table.find_explicit(&mut headers), Err(CredentialError::Multiple), "{lines:?}");
        assert!(headers.values().all(HeaderValue::is_sensitive), "{lines:?}");
    }
}

#[test]
fn all_headers_with_credentials_are_sensitive_and_no_others() {
    let lines = [("authorization", "Basic YTpi"), ("cookie", "a=b"), ("cookie", "session=1"), ("accept", "*/*")];
    let mut headers = headers(&lines);
    assert_eq!(four_gates().find_explicit(&mut headers), Ok(None));
    let sensitive: Vec<&str> =
        headers.iter().filter(|(_, value)| value.is_sensitive()).map(|(name, _)| name.as_str()).collect();
    assert_eq!(sensitive, ["authorization", "cookie", "cookie"]);

    let mut headers = self::headers(&[("cookie", "session=1")]);
    assert_eq!(table(&[&live_keys()]).find_explicit(&mut headers), Ok(None));
    assert!(!headers["cookie"].is_sensitive(), "no gate reads a cookie");
}

#[test]
fn an_empty_cookie_is_no_credential_and_a_repeated_one_is() {
    let table = four_gates();
    for (cookie, present, value) in [
        ("a=b", false, Ok(None)),
        ("session=", false, Ok(None)),
        ("session=1", true, Ok(Some("1"))),
        ("session=1; session=2", true, Err(CredentialError::Multiple)),
    ] {
        let headers = headers(&[("cookie", cookie)]);
        assert_eq!(table.has_ambient(OPAQUE, &headers), present, "{cookie}");
        assert!(!table.has_ambient(JWT, &headers));
        assert_eq!(table.find_cookie(&headers), value, "{cookie}");
    }
}
