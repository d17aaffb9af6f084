//! The registered claims (RFC 7519 §4.1) and `cnf` (RFC 7800).

use std::time::{Duration, UNIX_EPOCH};

use portcullis::gate::TokenError;
use portcullis::testing::FakeClock;
use serde_json::json;

use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{
    AUDIENCE, ISSUER, SECRET, apps_of_both_profiles, claims_with, claims_without, now, strict_app, strict_auth, token,
    valid_claims,
};

/// Asserts that both profiles reject a token whose claim has this JSON text.
async fn assert_claim_invalid(name: &'static str, text: &str) {
    let [strict, compatible] = apps_of_both_profiles();
    let token = token(claims_with(name, text));
    compatible.send_token(&token).await.assert_invalid_token(TokenError::claim_invalid(name));
    assert!(!strict.send_token(&token).await.handler_called, "{name} {text}");
}

// RFC 7519 §4.1.1, §4.1.2, §4.1.7.
#[tokio::test]
async fn iss_sub_and_jti_must_be_strings() {
    for name in ["iss", "sub", "jti"] {
        for text in ["[\"a\"]", "1", "null", "{}", "true", "\"\""] {
            // Only RFC 9068 needs a `jti`, so other tokens have none if it is malformed.
            if name == "jti" {
                let [strict, compatible] = apps_of_both_profiles();
                let response = compatible.send_token(&token(claims_with(name, text))).await;
                assert_eq!(response.user().token_id(), None, "{text}");
                assert!(!strict.send_token(&token(claims_with(name, text))).await.handler_called, "{text}");
                continue;
            }
            assert_claim_invalid(name, text).await;
        }
        // Parsers disagree about this number, so it is rejected in every claim.
        strict_app().send_token(&token(claims_with(name, "1e400"))).await.assert_invalid_token(TokenError::Claims);
    }
}

// RFC 7519 §4.1.3.
#[tokio::test]
async fn aud_is_a_string_or_string_array_compared_exactly() {
    for text in ["null", "1", "{}", "[]", "\"\"", "[\"\"]", "[\"https://api.example.com\",1]"] {
        assert_claim_invalid("aud", text).await;
    }
    for similar in
        ["https://api.example.com/", "https://API.example.com", "https://api.example.co", "https://api%2Eexample.com"]
    {
        let text = json!(similar).to_string();
        strict_app().send_token(&token(claims_with("aud", &text))).await.assert_invalid_token(TokenError::Audience);
    }
    let includes_ours = json!(["https://other.example.com", AUDIENCE]).to_string();
    assert_eq!(strict_app().send_token(&token(claims_with("aud", &includes_ours))).await.user().id(), "user-1");
}

// RFC 7519 §2.
#[tokio::test]
async fn numeric_date_is_a_number_and_may_have_a_fraction() {
    for name in ["exp", "nbf", "iat"] {
        for text in ["\"1700000000\"", "true", "{}", "-1", "9007199254740993"] {
            assert_claim_invalid(name, text).await;
        }
        // Parsers disagree about this number, so it is rejected in every claim.
        strict_app().send_token(&token(claims_with(name, "1e400"))).await.assert_invalid_token(TokenError::Claims);
    }
    let expiry = now() + 300;
    let response = strict_app().send_token(&token(claims_with("exp", &format!("{expiry}.5")))).await;
    let expires_at = response.user().expires_at().unwrap().duration_since(UNIX_EPOCH).unwrap();
    assert_eq!(expires_at, Duration::from_millis(expiry * 1000 + 500));
}

// RFC 7519 §4.1.4, §4.1.5, §4.1.6.
#[tokio::test]
async fn exp_nbf_and_iat_are_checked_with_leeway() {
    let clock = FakeClock::new();
    clock.set_wall(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let auth = strict_auth().clock(clock.clock()).leeway(Duration::from_secs(30)).build().unwrap();
    let app = ProtectedApp::behind(auth);
    let send = async |iat: u64, nbf: u64, exp: u64| {
        let mut claims = valid_claims();
        claims["iat"] = iat.into();
        claims["nbf"] = nbf.into();
        claims["exp"] = exp.into();
        app.send_token(&token(claims.to_string())).await
    };
    let now = 1_800_000_000;
    assert!(send(now, now, now - 29).await.handler_called);
    send(now - 60, now - 60, now - 30).await.assert_invalid_token(TokenError::Expired);
    assert!(send(now, now + 30, now + 60).await.handler_called);
    send(now, now + 31, now + 60).await.assert_invalid_token(TokenError::NotYetValid);
    assert!(send(now + 30, now, now + 60).await.handler_called);
    send(now + 31, now, now + 60).await.assert_invalid_token(TokenError::IssuedInFuture);
}

#[tokio::test]
async fn missing_exp_is_rejected() {
    for app in apps_of_both_profiles() {
        app.send_token(&token(claims_without("exp"))).await.assert_invalid_token(TokenError::claim_missing("exp"));
    }
}

// RFC 7519 §4.1.1, RFC 8725 §3.8.
#[tokio::test]
async fn array_or_near_match_of_iss_is_rejected() {
    let [strict, compatible] = apps_of_both_profiles();
    for app in [&strict, &compatible] {
        for iss in [json!(["https://evil.example", ISSUER]), json!([ISSUER]), json!({"iss": ISSUER})] {
            let token = token(claims_with("iss", &iss.to_string()));
            app.send_token(&token).await.assert_invalid_token(TokenError::claim_invalid("iss"));
        }
        for similar in [
            "https://issuer.example",
            "issuer.example.com",
            "https://issuer.example.com.evil.example",
            "https://issuer.example.com\0",
        ] {
            let token = token(claims_with("iss", &json!(similar).to_string()));
            app.send_token(&token).await.assert_invalid_token(TokenError::Issuer);
        }
        app.send_token(&token(claims_without("iss"))).await.assert_invalid_token(TokenError::claim_missing("iss"));
    }
}

#[tokio::test]
async fn malformed_claim_that_is_checked_is_never_treated_as_absent() {
    let [strict, compatible] = apps_of_both_profiles();
    for name in ["exp", "sub"] {
        for app in [&strict, &compatible] {
            assert!(!app.send_token(&token(claims_with(name, "null"))).await.handler_called, "{name}");
            assert!(!app.send_token(&token(claims_with(name, "[]"))).await.handler_called, "{name}");
        }
    }
    // In the compatible profile, nbf and iat may be missing or null but not malformed.
    for name in ["nbf", "iat"] {
        assert!(compatible.send_token(&token(claims_without(name))).await.handler_called, "{name}");
        assert!(compatible.send_token(&token(claims_with(name, "null"))).await.handler_called, "{name}");
        let malformed = compatible.send_token(&token(claims_with(name, "[]"))).await;
        malformed.assert_invalid_token(TokenError::claim_invalid(name));
    }
    assert!(strict.send_token(&token(claims_with("nbf", "null"))).await.handler_called);
    let missing = strict.send_token(&token(claims_with("iat", "null"))).await;
    missing.assert_invalid_token(TokenError::claim_missing("iat"));
}

// RFC 7800 §3.1.
#[tokio::test]
async fn sender_constrained_token_is_rejected_as_a_bearer_token() {
    for text in [
        r#"{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}"#,
        r#"{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}"#,
        r#"{"jwk":{"kty":"EC"}}"#,
        r#"{"new":"method"}"#,
        "{}",
        "\"jkt\"",
        "1",
    ] {
        for app in apps_of_both_profiles() {
            app.send_token(&token(claims_with("cnf", text))).await.assert_invalid_token(TokenError::Confirmation);
        }
    }
    // `null` binds the token to nothing.
    for app in apps_of_both_profiles() {
        assert!(app.send_token(&token(claims_with("cnf", "null"))).await.handler_called);
    }
}

// RFC 9700.
#[tokio::test]
async fn token_for_another_resource_server_is_rejected() {
    for app in apps_of_both_profiles() {
        for text in ["\"https://other.example.com\"", "[\"https://other.example.com\",\"https://third.example.com\"]"] {
            app.send_token(&token(claims_with("aud", text))).await.assert_invalid_token(TokenError::Audience);
        }
        app.send_token(&token(claims_with("aud", &json!(ISSUER).to_string())))
            .await
            .assert_invalid_token(TokenError::Audience);
    }
}

// RFC 8725 §3.9.
#[tokio::test]
async fn audience_is_required_in_the_configuration_and_in_the_token() {
    let issuer = portcullis::Issuer::hs256(ISSUER, SECRET);
    let error = portcullis::JwtAuth::builder().issuer(issuer).build().unwrap_err();
    assert_eq!(error.issues()[0].setting(), "audience");
    assert_eq!(error.issues()[0].kind(), portcullis::IssueKind::Missing);
    for app in apps_of_both_profiles() {
        let response = app.send_token(&token(claims_without("aud"))).await;
        response.assert_invalid_token(TokenError::claim_missing("aud"));
    }
}
