//! RegisteredClaims claims, value by value.

use proptest::prelude::*;

use super::*;

const NOW: u64 = 1_700_000_000;
const LEEWAY: u64 = 60;

fn judged(claims: &str) -> Result<(), TokenError> {
    let audiences = ["https://api.example.com".to_owned()];
    let expected = Expected {
        audience_claim: "aud",
        audiences: &audiences,
        now: Duration::from_secs(NOW),
        leeway: Duration::from_secs(LEEWAY),
    };
    judge(&Object::parse(claims).unwrap(), expected).map(drop)
}

fn with(name: &str, value: &str) -> Result<(), TokenError> {
    let mut claims = vec![
        ("exp", format!("{}", NOW + 300)),
        ("aud", r#""https://api.example.com""#.to_owned()),
        ("sub", r#""ann""#.to_owned()),
    ];
    claims.retain(|(own, _)| *own != name);
    if !value.is_empty() {
        claims.push((name, value.to_owned()));
    }
    let members: Vec<_> = claims.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    judged(&format!("{{{}}}", members.join(",")))
}

#[test]
fn an_honest_set_is_accepted() {
    assert_eq!(with("jti", r#""j""#), Ok(()));
}

#[test]
fn a_date_that_is_no_number_is_malformed_and_never_absent() {
    for name in ["exp", "nbf", "iat"] {
        for value in ["\"1700000300\"", "null", "true", "[]", "{}", "-1", "1e400", "9223372036854775808"] {
            // serde_json refuses 1e400 as a number of any kind; either way the token is refused.
            let claims = format!("{{\"x\":{value}}}");
            if Object::parse(&claims).is_some() {
                assert_eq!(with(name, value), Err(TokenError::ClaimInvalid(name_of(name))), "{name} {value}");
            }
        }
    }
}

fn name_of(name: &str) -> &'static str {
    ["exp", "nbf", "iat"].into_iter().find(|known| *known == name).unwrap()
}

#[test]
fn exp_is_required() {
    assert_eq!(with("exp", ""), Err(TokenError::ClaimMissing("exp")));
}

#[test]
fn a_token_is_good_until_exp_and_its_leeway_and_not_a_second_longer() {
    for (exp, expected) in [
        (NOW + 1, Ok(())),
        (NOW, Ok(())),
        (NOW - LEEWAY + 1, Ok(())),
        (NOW - LEEWAY, Err(TokenError::Expired)),
        (NOW - LEEWAY - 1, Err(TokenError::Expired)),
        (0, Err(TokenError::Expired)),
    ] {
        assert_eq!(with("exp", &exp.to_string()), expected, "{exp}");
    }
    assert_eq!(with("exp", &format!("{}.5", NOW - LEEWAY)), Ok(()));
}

#[test]
fn nbf_and_iat_may_lie_ahead_by_the_leeway_and_no_further() {
    for (name, fault) in [("nbf", TokenError::NotYetValid), ("iat", TokenError::IssuedInFuture)] {
        assert_eq!(with(name, &(NOW - 5).to_string()), Ok(()));
        assert_eq!(with(name, &(NOW + LEEWAY).to_string()), Ok(()));
        assert_eq!(with(name, &(NOW + LEEWAY + 1).to_string()), Err(fault));
    }
}

#[test]
fn iss_sub_and_jti_are_strings_and_not_empty() {
    for name in ["sub", "jti"] {
        for value in ["1", "null", "[\"ann\"]", "{}", "true", "\"\""] {
            assert!(matches!(with(name, value), Err(TokenError::ClaimInvalid(_))), "{name} {value}");
        }
    }
    for value in ["1", "null", r#"["https://evil","https://good"]"#, r#""""#] {
        let claims = format!(r#"{{"iss":{value}}}"#);
        assert_eq!(issuer(&Object::parse(&claims).unwrap()), Err(TokenError::ClaimInvalid("iss")), "{value}");
    }
    assert_eq!(issuer(&Object::parse("{}").unwrap()), Err(TokenError::ClaimMissing("iss")));
}

#[test]
fn aud_is_a_string_or_an_array_of_strings_one_of_them_ours() {
    for value in [r#""https://api.example.com""#, r#"["other","https://api.example.com"]"#] {
        assert_eq!(with("aud", value), Ok(()), "{value}");
    }
    for value in [
        r#""https://api.example.com/""#,
        r#""https://API.example.com""#,
        r#""https://api.example""#,
        r#""https://api.example.com.evil""#,
        r#"["https://api.example.co"]"#,
    ] {
        assert_eq!(with("aud", value), Err(TokenError::Audience), "{value}");
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
        assert_eq!(with("aud", value), Err(TokenError::ClaimInvalid("aud")), "{value}");
    }
    assert_eq!(with("aud", ""), Err(TokenError::ClaimMissing("aud")));
}

#[test]
fn a_token_bound_to_a_key_is_refused_as_a_bearer_token() {
    for value in [r#"{"jkt":"abc"}"#, r#"{"x5t#S256":"abc"}"#, "{}", "null", "1", "[]", r#""jkt""#] {
        assert_eq!(with("cnf", value), Err(TokenError::Confirmation), "{value}");
    }
}

proptest! {
    #[test]
    fn no_claims_panic_and_none_outlives_exp(exp in any::<u64>(), iat in any::<i64>(), now_fits in any::<bool>()) {
        let exp = if now_fits { exp % (1 << 34) } else { exp };
        let claims = format!(r#"{{"exp":{exp},"iat":{iat},"aud":"https://api.example.com"}}"#);
        let accepted = judged(&claims).is_ok();
        prop_assert!(!accepted || (exp + LEEWAY > NOW && iat <= (NOW + LEEWAY) as i64));
    }
}
