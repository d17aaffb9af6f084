//! The registered claims (RFC 7519 §4.1), and `cnf` (RFC 7800).

use std::time::{Duration, UNIX_EPOCH};

use portcullis::gate::TokenError;
use portcullis::testing::FakeClock;
use serde_json::json;

use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{
    AUDIENCE, ISSUER, both, claims, claims_with, claims_without, guarded, now, strict, token,
};

#[tokio::test]
async fn t_jwt_01_iss_sub_and_jti_are_strings() {
    for name in ["iss", "sub", "jti"] {
        for text in ["[\"a\"]", "1", "null", "{}", "true"] {
            let [strict, compatible] = both();
            compatible.ask(&token(claims_with(name, text))).await.refused_token(TokenError::ClaimInvalid(name));
            assert!(!strict.ask(&token(claims_with(name, text))).await.handled, "{name} {text}");
        }
        // No parser agrees with every other on what this number is, in whatever claim it stands.
        guarded().ask(&token(claims_with(name, "1e400"))).await.refused_token(TokenError::Claims);
    }
}

#[tokio::test]
async fn t_jwt_02_a22_aud_is_a_string_or_strings_compared_exactly() {
    for text in ["null", "1", "{}", "[]", "\"\"", "[\"\"]", "[\"https://api.example.com\",1]"] {
        let [strict, compatible] = both();
        compatible.ask(&token(claims_with("aud", text))).await.refused_token(TokenError::ClaimInvalid("aud"));
        assert!(!strict.ask(&token(claims_with("aud", text))).await.handled, "{text}");
    }
    for near in
        ["https://api.example.com/", "https://API.example.com", "https://api.example.co", "https://api%2Eexample.com"]
    {
        let text = json!(near).to_string();
        guarded().ask(&token(claims_with("aud", &text))).await.refused_token(TokenError::Audience);
    }
    let ours = json!(["https://other.example.com", AUDIENCE]).to_string();
    assert_eq!(guarded().ask(&token(claims_with("aud", &ours))).await.user().id(), "user-1");
}

#[tokio::test]
async fn t_jwt_03_a20_a_date_is_a_number_and_may_have_a_fraction() {
    for name in ["exp", "nbf", "iat"] {
        for text in ["\"1700000000\"", "true", "null", "{}", "-1", "9007199254740993"] {
            let [strict, compatible] = both();
            compatible.ask(&token(claims_with(name, text))).await.refused_token(TokenError::ClaimInvalid(name));
            assert!(!strict.ask(&token(claims_with(name, text))).await.handled, "{name} {text}");
        }
        // No parser agrees with every other on what this number is, in whatever claim it stands.
        guarded().ask(&token(claims_with(name, "1e400"))).await.refused_token(TokenError::Claims);
    }
    let expiry = now() + 300;
    let answer = guarded().ask(&token(claims_with("exp", &format!("{expiry}.5")))).await;
    let expires_at = answer.user().expires_at().unwrap().duration_since(UNIX_EPOCH).unwrap();
    assert_eq!(expires_at, Duration::from_millis(expiry * 1000 + 500));
}

#[tokio::test]
async fn t_jwt_03_a21_exp_nbf_and_iat_are_judged_by_the_clock_and_its_leeway() {
    let hands = FakeClock::new();
    hands.set_wall(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let auth = strict().clock(hands.clock()).leeway(Duration::from_secs(30)).build().unwrap();
    let stack = ProtectedApp::behind(auth);
    let ask = async |iat: u64, nbf: u64, exp: u64| {
        let mut claims = claims();
        claims["iat"] = iat.into();
        claims["nbf"] = nbf.into();
        claims["exp"] = exp.into();
        stack.ask(&token(claims.to_string())).await
    };
    let now = 1_800_000_000;
    assert!(ask(now, now, now - 29).await.handled);
    ask(now - 60, now - 60, now - 30).await.refused_token(TokenError::Expired);
    assert!(ask(now, now + 30, now + 60).await.handled);
    ask(now, now + 31, now + 60).await.refused_token(TokenError::NotYetValid);
    assert!(ask(now + 30, now, now + 60).await.handled);
    ask(now + 31, now, now + 60).await.refused_token(TokenError::IssuedInFuture);
}

#[tokio::test]
async fn a20_a_token_without_exp_is_refused() {
    for stack in both() {
        stack.ask(&token(claims_without("exp"))).await.refused_token(TokenError::ClaimMissing("exp"));
    }
}

#[tokio::test]
async fn a23_no_list_of_issuers_and_no_part_of_one_is_the_issuer() {
    let [strict, compatible] = both();
    for stack in [&strict, &compatible] {
        for list in [json!(["https://evil.example", ISSUER]), json!([ISSUER]), json!({"iss": ISSUER})] {
            let token = token(claims_with("iss", &list.to_string()));
            stack.ask(&token).await.refused_token(TokenError::ClaimInvalid("iss"));
        }
        for near in [
            "https://issuer.example",
            "issuer.example.com",
            "https://issuer.example.com.evil.example",
            "https://issuer.example.com\0",
        ] {
            let token = token(claims_with("iss", &json!(near).to_string()));
            stack.ask(&token).await.refused_token(TokenError::Issuer);
        }
        stack.ask(&token(claims_without("iss"))).await.refused_token(TokenError::ClaimMissing("iss"));
    }
}

#[tokio::test]
async fn t_jwt_04_a_malformed_claim_is_never_taken_for_an_absent_one() {
    // nbf, iat, jti and sub may be absent by the compatible profile; malformed they may not.
    let stack = &both()[1];
    for name in ["nbf", "iat", "jti", "sub"] {
        if name != "sub" {
            assert!(stack.ask(&token(claims_without(name))).await.handled, "{name}");
        }
        stack.ask(&token(claims_with(name, "null"))).await.refused_token(TokenError::ClaimInvalid(name));
        stack.ask(&token(claims_with(name, "[]"))).await.refused_token(TokenError::ClaimInvalid(name));
    }
    stack.ask(&token(claims_with("auth_time", "\"1\""))).await.refused_token(TokenError::ClaimInvalid("auth_time"));
}

#[tokio::test]
async fn t_cnf_01_a_token_bound_to_a_key_is_no_bearer_token() {
    for text in [
        r#"{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}"#,
        r#"{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}"#,
        r#"{"jwk":{"kty":"EC"}}"#,
        r#"{"new":"method"}"#,
        "{}",
        "null",
        "\"jkt\"",
        "1",
    ] {
        for stack in both() {
            stack.ask(&token(claims_with("cnf", text))).await.refused_token(TokenError::Confirmation);
        }
    }
}

#[tokio::test]
async fn t_9700_a_token_for_another_resource_server_is_refused() {
    for stack in both() {
        for text in ["\"https://other.example.com\"", "[\"https://other.example.com\",\"https://third.example.com\"]"] {
            stack.ask(&token(claims_with("aud", text))).await.refused_token(TokenError::Audience);
        }
        stack.ask(&token(claims_with("aud", &json!(ISSUER).to_string()))).await.refused_token(TokenError::Audience);
    }
}

#[tokio::test]
async fn t_bcp_08_an_audience_is_required_of_the_app_and_of_the_token() {
    let issuer = portcullis::Issuer::hs256(ISSUER, crate::support::tokens::SECRET);
    let error = portcullis::JwtAuth::builder().issuer(issuer).build().unwrap_err();
    assert_eq!(error.issues()[0].setting(), "audience");
    assert_eq!(error.issues()[0].kind(), portcullis::IssueKind::Missing);
    for stack in both() {
        let answer = stack.ask(&token(claims_without("aud"))).await;
        answer.refused_token(TokenError::ClaimMissing("aud"));
    }
}
