//! Each registered claim with valid and invalid values.

use proptest::prelude::*;

use super::*;

const NOW: u64 = 1_700_000_000;
const LEEWAY: u64 = 60;

fn check_claims(claims: &str) -> Result<(), TokenError> {
    let audiences = ["https://api.example.com".to_owned()];
    let expected = Expected {
        issuer: "https://issuer.example.com",
        audience_claim: &ClaimPath::new("aud"),
        audiences: &audiences,
        audience_prefix: None,
        allows_missing_audience: false,
        now: Duration::from_secs(NOW),
        leeway: Duration::from_secs(LEEWAY),
    };
    check(&Object::parse(claims).unwrap(), expected).map(drop)
}

fn check_with(name: &str, value: &str) -> Result<(), TokenError> {
    let mut claims = vec![
        ("exp", format!("{}", NOW + 300)),
        ("aud", r#""https://api.example.com""#.to_owned()),
        ("sub", r#""ann""#.to_owned()),
    ];
    claims.retain(|(claim, _)| *claim != name);
    if !value.is_empty() {
        claims.push((name, value.to_owned()));
    }
    let members: Vec<_> = claims.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    check_claims(&format!("{{{}}}", members.join(",")))
}

#[test]
fn valid_claims_are_accepted() {
    assert_eq!(check_with("jti", r#""j""#), Ok(()));
}

#[test]
fn a_date_that_is_not_a_number_is_malformed() {
    for name in ["exp", "nbf", "iat"] {
        for value in ["\"1700000300\"", "true", "[]", "{}", "-1", "1e400", "9223372036854775808"] {
            // A number beyond a double makes the whole object invalid, so the token is rejected either way.
            let claims = format!("{{\"x\":{value}}}");
            if Object::parse(&claims).is_some() {
                assert_eq!(
                    check_with(name, value),
                    Err(TokenError::claim_invalid(static_name(name))),
                    "{name} {value}"
                );
            }
        }
    }
}

#[test]
fn null_is_absent_in_a_date_that_is_optional() {
    assert_eq!(check_with("exp", "null"), Err(TokenError::claim_invalid("exp")));
    for name in ["nbf", "iat"] {
        assert_eq!(check_with(name, "null"), Ok(()), "{name}");
    }
}

fn static_name(name: &str) -> &'static str {
    ["exp", "nbf", "iat"].into_iter().find(|known| *known == name).unwrap()
}

#[test]
fn exp_is_required() {
    assert_eq!(check_with("exp", ""), Err(TokenError::claim_missing("exp")));
}

#[test]
fn a_token_is_valid_until_exp_plus_the_leeway() {
    for (exp, expected) in [
        (NOW + 1, Ok(())),
        (NOW, Ok(())),
        (NOW - LEEWAY + 1, Ok(())),
        (NOW - LEEWAY, Err(TokenError::Expired)),
        (NOW - LEEWAY - 1, Err(TokenError::Expired)),
        (0, Err(TokenError::Expired)),
    ] {
        assert_eq!(check_with("exp", &exp.to_string()), expected, "{exp}");
    }
    assert_eq!(check_with("exp", &format!("{}.5", NOW - LEEWAY)), Ok(()));
}

#[test]
fn nbf_and_iat_may_be_in_the_future_by_at_most_the_leeway() {
    for (name, error) in [("nbf", TokenError::NotYetValid), ("iat", TokenError::IssuedInFuture)] {
        assert_eq!(check_with(name, &(NOW - 5).to_string()), Ok(()));
        assert_eq!(check_with(name, &(NOW + LEEWAY).to_string()), Ok(()));
        assert_eq!(check_with(name, &(NOW + LEEWAY + 1).to_string()), Err(error));
    }
}

#[test]
fn iss_must_be_a_nonempty_string_and_any_other_jti_is_absent() {
    for value in ["1", "null", "[\"ann\"]", "{}", "true", "\"\""] {
        let claims = format!(r#"{{"jti":{value}}}"#);
        let claims = Object::parse(&claims).unwrap();
        assert_eq!(optional_text(&claims, "jti", "issuer"), None, "{value}");
    }
    for value in ["1", "null", r#"["https://evil","https://good"]"#, r#""""#] {
        let claims = format!(r#"{{"iss":{value}}}"#);
        assert_eq!(issuer(&Object::parse(&claims).unwrap()), Err(TokenError::claim_invalid("iss")), "{value}");
    }
    assert_eq!(issuer(&Object::parse("{}").unwrap()), Err(TokenError::claim_missing("iss")));
}

#[test]
fn aud_must_be_a_string_or_an_array_of_strings_with_an_expected_one() {
    for value in [r#""https://api.example.com""#, r#"["other","https://api.example.com"]"#] {
        assert_eq!(check_with("aud", value), Ok(()), "{value}");
    }
    for value in [
        r#""https://api.example.com/""#,
        r#""https://API.example.com""#,
        r#""https://api.example""#,
        r#""https://api.example.com.evil""#,
        r#"["https://api.example.co"]"#,
    ] {
        assert_eq!(check_with("aud", value), Err(TokenError::Audience), "{value}");
    }
    for value in [
        "1",
        "null",
        "{}",
        "[]",
        r#""""#,
        r#"["https://api.example.com",1]"#,
        r#"["https://api.example.com",null]"#,
        r#"["https://api.example.com",""]"#,
        r#"[["https://api.example.com"]]"#,
    ] {
        assert_eq!(check_with("aud", value), Err(TokenError::claim_invalid("aud")), "{value}");
    }
    assert_eq!(check_with("aud", ""), Err(TokenError::claim_missing("aud")));
}

#[test]
fn a_token_that_is_bound_to_a_key_is_rejected() {
    assert_eq!(check_with("cnf", "null"), Ok(()));
    for value in [r#"{"jkt":"abc"}"#, r#"{"x5t#S256":"abc"}"#, "{}", "1", "[]", r#""jkt""#] {
        assert_eq!(check_with("cnf", value), Err(TokenError::Confirmation), "{value}");
    }
}

proptest! {
    #[test]
    fn no_claims_panic_and_no_expired_token_is_accepted(
        exp in any::<u64>(),
        iat in any::<i64>(),
        is_realistic in any::<bool>(),
    ) {
        let exp = if is_realistic { exp % (1 << 34) } else { exp };
        let claims = format!(r#"{{"exp":{exp},"iat":{iat},"aud":"https://api.example.com"}}"#);
        let accepted = check_claims(&claims).is_ok();
        prop_assert!(!accepted || (exp + LEEWAY > NOW && iat <= (NOW + LEEWAY) as i64));
    }
}
