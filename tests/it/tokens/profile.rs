//! Token profiles: access tokens and other types of tokens (RFC 9068, RFC 8725 §3.11, §3.12).

use portcullis::gate::TokenError;
use portcullis::testing::TestIssuer;
use portcullis::{Algorithm, Issuer, Principal, Profile};
use serde_json::{Value, json};

use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{
    AUDIENCE, HEADER, ISSUER, SECRET, app_trusting, apps_of_both_profiles, claims_with, claims_without,
    compatible_auth, now, strict_app, strict_auth, token, token_signed_with, token_with_header, valid_claims,
};

/// A token with this `typ` and these claims.
fn token_with_typ(typ: &str, claims: &Value) -> String {
    token_with_header(json!({"alg": "HS256", "typ": typ}).to_string(), claims.to_string())
}

/// Valid claims, with these claims added or replaced.
fn valid_claims_and(more: Value) -> Value {
    let mut claims = valid_claims();
    let Value::Object(more) = more else { panic!("not an object: {more}") };
    claims.as_object_mut().unwrap().extend(more);
    claims
}

// RFC 9068 §4.
#[tokio::test]
async fn typ_must_be_at_jwt() {
    for typ in ["at+jwt", "application/at+jwt", "AT+JWT"] {
        assert!(strict_app().send_token(&token_with_typ(typ, &valid_claims())).await.handler_called, "{typ}");
    }
    for typ in ["JWT", "jwt", "", "at+jwt ", "text/at+jwt", "id+jwt"] {
        strict_app().send_token(&token_with_typ(typ, &valid_claims())).await.assert_invalid_token(TokenError::Type);
    }
    strict_app()
        .send_token(&token_with_header(r#"{"alg":"HS256"}"#, valid_claims().to_string()))
        .await
        .assert_invalid_token(TokenError::Type);
}

#[tokio::test]
async fn compatible_profile_accepts_typ_jwt_and_missing_typ() {
    let app = ProtectedApp::behind(compatible_auth().build().unwrap());
    for header in [r#"{"alg":"HS256"}"#, r#"{"alg":"HS256","typ":"JWT"}"#, HEADER] {
        assert!(
            app.send_token(&token_with_header(header, valid_claims().to_string())).await.handler_called,
            "{header}"
        );
    }
}

// RFC 9068 §4.
#[tokio::test]
async fn iss_matches_exactly() {
    for similar in ["https://issuer.example.com/", "https://ISSUER.example.com", "http://issuer.example.com"] {
        let text = json!(similar).to_string();
        strict_app().send_token(&token(claims_with("iss", &text))).await.assert_invalid_token(TokenError::Issuer);
    }
}

// RFC 9068 §4.
#[tokio::test]
async fn aud_must_contain_this_resource() {
    let text = "\"https://other.example.com\"";
    strict_app().send_token(&token(claims_with("aud", text))).await.assert_invalid_token(TokenError::Audience);
}

// RFC 9068 §4.
#[tokio::test]
async fn alg_none_and_an_unknown_key_are_rejected() {
    let alg_none = token_with_header(r#"{"alg":"none","typ":"at+jwt"}"#, valid_claims().to_string());
    strict_app().send_token(&alg_none).await.assert_invalid_token(TokenError::Algorithm);
    let forged = token_signed_with(&[9; 32], HEADER, valid_claims().to_string());
    strict_app().send_token(&forged).await.assert_invalid_token(TokenError::Signature);
}

// RFC 9068 §4.
#[tokio::test]
async fn expired_token_is_rejected_and_leeway_is_at_most_five_minutes() {
    let past = (now() - 61).to_string();
    strict_app().send_token(&token(claims_with("exp", &past))).await.assert_invalid_token(TokenError::Expired);
    let error = strict_auth().leeway(std::time::Duration::from_secs(301)).build().unwrap_err();
    assert_eq!(error.issues()[0].setting(), "leeway");
}

// RFC 9068 §4, RFC 6750 §3.1.
#[tokio::test]
async fn every_failed_check_is_invalid_token() {
    let invalid_tokens = [
        token_with_typ("JWT", &valid_claims()),
        token(claims_with("iss", "\"https://evil.example\"")),
        token(claims_with("aud", "\"https://evil.example\"")),
        token_with_header(r#"{"alg":"none","typ":"at+jwt"}"#, valid_claims().to_string()),
        token(claims_with("exp", "1700000000")),
        token_signed_with(&[9; 32], HEADER, valid_claims().to_string()),
    ];
    for invalid in invalid_tokens {
        let response = strict_app().send_token(&invalid).await;
        assert_eq!(response.head.status, 401);
        assert!(response.challenge().unwrap().contains(r#"error="invalid_token""#));
    }
}

// RFC 9068 §2.2.
#[tokio::test]
async fn missing_required_claim_is_rejected() {
    for name in ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"] {
        strict_app()
            .send_token(&token(claims_without(name)))
            .await
            .assert_invalid_token(TokenError::claim_missing(name));
        assert!(!strict_app().send_token(&token(claims_with(name, "null"))).await.handler_called, "{name}");
    }
}

// RFC 9068 §2.2.1, §2.2.3.
#[tokio::test]
async fn scope_and_scim_claims_are_read_and_auth_time_acr_amr_are_optional() {
    let map = portcullis::ClaimMap::new().roles(["roles", "groups"]).permissions(["entitlements"]);
    let issuer = Issuer::hs256(ISSUER, SECRET).profile(Profile::Rfc9068).claims(map);
    let app = app_trusting(issuer);
    let response = app
        .send_token(&token(
            valid_claims_and(json!({
                "scope": "read write",
                "roles": [{"value": "editor", "display": "Editor"}],
                "groups": ["staff"],
                "entitlements": [{"value": "export:report"}],
                "acr": "urn:level:2", "amr": ["pwd", "otp"], "auth_time": 1_700_000_000,
            }))
            .to_string(),
        ))
        .await;
    let user = response.user();
    assert_eq!(user.scopes().iter().collect::<Vec<_>>(), ["read", "write"]);
    assert_eq!(user.roles().collect::<Vec<_>>(), ["editor", "staff"]);
    assert_eq!(user.permissions().collect::<Vec<_>>(), ["export:report"]);
    assert_eq!((user.acr(), user.amr().collect::<Vec<_>>()), (Some("urn:level:2"), vec!["pwd", "otp"]));
    assert_eq!(user.auth_time(), std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(1_700_000_000)));
    let without = app.send_token(&token(valid_claims().to_string())).await;
    assert_eq!((without.user().acr(), without.user().auth_time(), without.user().amr().count()), (None, None, 0));
}

// RFC 9068 §2.1.
#[tokio::test]
async fn rs256_is_supported_by_default() {
    let issuer = TestIssuer::start_with(Algorithm::Rs256, portcullis::clock::Clock::system()).await.unwrap();
    let trusted = Issuer::jwks_document(issuer.url(), issuer.jwks());
    let app = app_trusting(trusted);
    assert_eq!(app.send_token(&issuer.token("ann").audience(AUDIENCE).sign()).await.user().id(), "ann");
}

// RFC 9068 §2.2.
#[tokio::test]
async fn sub_equal_to_client_id_is_a_client_without_user_claims() {
    let app = strict_app();
    let client = json!({"sub": "client-1"});
    let principal = async |more: Value| {
        let mut claims = valid_claims_and(client.clone());
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        app.send_token(&token(claims.to_string())).await.user().principal()
    };
    assert_eq!(principal(json!({})).await, Principal::Client);
    assert_eq!(principal(json!({"scope": "read"})).await, Principal::Client);
    for marker in
        [json!({"auth_time": 1}), json!({"email": "a@example.com"}), json!({"amr": ["pwd"]}), json!({"sid": "s"})]
    {
        assert_eq!(principal(marker.clone()).await, Principal::User, "{marker}");
    }
    assert_eq!(app.send_token(&token(valid_claims().to_string())).await.user().principal(), Principal::User);
}

// RFC 8725 §3.11.
#[tokio::test]
async fn typ_must_be_the_expected_media_type_in_any_case() {
    let app = ProtectedApp::behind(compatible_auth().build().unwrap());
    for typ in ["application/jwt", "Application/AT+JWT", "jwt"] {
        assert!(app.send_token(&token_with_typ(typ, &valid_claims())).await.handler_called, "{typ}");
    }
    for typ in ["rt+jwt", "kb+jwt", "entity-statement+jwt", "x/jwt", "application/application/jwt", ""] {
        app.send_token(&token_with_typ(typ, &valid_claims())).await.assert_invalid_token(TokenError::Type);
    }
    let typ_array = token_with_header(r#"{"alg":"HS256","typ":["at+jwt"]}"#, valid_claims().to_string());
    app.send_token(&typ_array).await.assert_invalid_token(TokenError::Header);
}

/// Tokens of other types that the same issuer signs, by name.
fn tokens_of_other_types() -> Vec<(&'static str, String)> {
    let events = |event: &str| json!({"events": {event: {}}});
    let mut id_token = valid_claims_and(json!({"nonce": "n", "at_hash": "h", "auth_time": now()}));
    id_token.as_object_mut().unwrap().remove("client_id");
    vec![
        ("an ID token", token_with_typ("JWT", &id_token)),
        (
            "a logout token",
            token_with_typ(
                "logout+jwt",
                &valid_claims_and(events("http://schemas.openid.net/event/backchannel-logout")),
            ),
        ),
        (
            "a logout token with typ JWT",
            token_with_typ("JWT", &valid_claims_and(events("http://schemas.openid.net/event/backchannel-logout"))),
        ),
        ("a security event token", token_with_typ("secevent+jwt", &valid_claims_and(events("urn:example:event")))),
        (
            "a security event token with typ at+jwt",
            token_with_typ("at+jwt", &valid_claims_and(events("urn:example:event"))),
        ),
        ("a DPoP proof", token_with_typ("dpop+jwt", &valid_claims_and(json!({"htm": "GET", "htu": AUDIENCE})))),
        ("a DPoP proof with typ JWT", token_with_typ("JWT", &valid_claims_and(json!({"htm": "GET", "htu": AUDIENCE})))),
        (
            "an introspection response",
            token_with_typ(
                "token-introspection+jwt",
                &valid_claims_and(json!({"token_introspection": {"active": true}})),
            ),
        ),
        (
            "a client assertion",
            token_with_typ("client-authentication+jwt", &valid_claims_and(json!({"sub": "client-1"}))),
        ),
        ("a refresh token", token_with_typ("refresh+jwt", &valid_claims())),
    ]
}

// RFC 8725 §3.11, §3.12.
#[tokio::test]
async fn other_token_types_are_rejected_by_both_profiles() {
    for (name, token) in tokens_of_other_types() {
        for app in apps_of_both_profiles() {
            let response = app.send_token(&token).await;
            assert!(!response.handler_called, "{name}");
            response.assert_invalid_token(TokenError::Type);
        }
    }
}

// RFC 8725 §3.12.
#[tokio::test]
async fn access_token_is_rejected_as_an_id_token() {
    let issuer = Issuer::hs256(ISSUER, SECRET).profile(Profile::IdToken);
    let app = app_trusting(issuer);
    app.send_token(&token_with_typ("at+jwt", &valid_claims())).await.assert_invalid_token(TokenError::Type);
    app.send_token(&token_with_typ("JWT", &valid_claims_and(json!({"scope": "read"}))))
        .await
        .assert_invalid_token(TokenError::Type);
    assert!(app.send_token(&token_with_typ("JWT", &valid_claims_and(json!({"nonce": "n"})))).await.handler_called);
}

// RFC 8725 §3.12.
#[tokio::test]
async fn first_party_refresh_token_is_rejected_as_an_access_token() {
    let issuer = Issuer::hs256(ISSUER, SECRET).first_party();
    let app = app_trusting(issuer);
    assert!(app.send_token(&token_with_typ("JWT", &valid_claims_and(json!({"type": "access"})))).await.handler_called);
    app.send_token(&token_with_typ("JWT", &valid_claims_and(json!({"type": "refresh"}))))
        .await
        .assert_invalid_token(TokenError::Type);
    app.send_token(&token_with_typ("JWT", &valid_claims())).await.assert_invalid_token(TokenError::Type);
}
