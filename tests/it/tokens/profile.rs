//! What kind of token it is (RFC 9068, RFC 8725 §3.11, §3.12).

use portcullis::gate::TokenError;
use portcullis::testing::TestIssuer;
use portcullis::{Algorithm, Issuer, JwtAuth, Principal, Profile};
use serde_json::{Value, json};

use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{
    AUDIENCE, HEADER, ISSUER, SECRET, apps_of_both_profiles, claims_with, claims_without, compatible_auth, now,
    strict_app, token, token_signed_with, token_with_header, valid_claims,
};

fn typed(typ: &str, claims: &Value) -> String {
    token_with_header(json!({"alg": "HS256", "typ": typ}).to_string(), claims.to_string())
}

fn honest_with(more: Value) -> Value {
    let mut claims = valid_claims();
    let Value::Object(more) = more else { panic!("no object: {more}") };
    claims.as_object_mut().unwrap().extend(more);
    claims
}

#[tokio::test]
async fn t_9068_01_typ_must_be_at_jwt() {
    for typ in ["at+jwt", "application/at+jwt", "AT+JWT"] {
        assert!(strict_app().send_token(&typed(typ, &valid_claims())).await.handler_called, "{typ}");
    }
    for typ in ["JWT", "jwt", "", "at+jwt ", "text/at+jwt", "id+jwt"] {
        strict_app().send_token(&typed(typ, &valid_claims())).await.assert_invalid_token(TokenError::Type);
    }
    strict_app()
        .send_token(&token_with_header(r#"{"alg":"HS256"}"#, valid_claims().to_string()))
        .await
        .assert_invalid_token(TokenError::Type);
}

#[tokio::test]
async fn t_9068_01_compatible_profile_accepts_typ_jwt_and_missing_typ() {
    let app = ProtectedApp::behind(compatible_auth().build().unwrap());
    for header in [r#"{"alg":"HS256"}"#, r#"{"alg":"HS256","typ":"JWT"}"#, HEADER] {
        assert!(
            app.send_token(&token_with_header(header, valid_claims().to_string())).await.handler_called,
            "{header}"
        );
    }
}

#[tokio::test]
async fn t_9068_02_iss_matches_exactly() {
    for near in ["https://issuer.example.com/", "https://ISSUER.example.com", "http://issuer.example.com"] {
        let text = json!(near).to_string();
        strict_app().send_token(&token(claims_with("iss", &text))).await.assert_invalid_token(TokenError::Issuer);
    }
}

#[tokio::test]
async fn t_9068_03_aud_must_contain_this_resource() {
    let text = "\"https://other.example.com\"";
    strict_app().send_token(&token(claims_with("aud", text))).await.assert_invalid_token(TokenError::Audience);
}

#[tokio::test]
async fn t_9068_04_alg_none_and_an_unknown_key_are_rejected() {
    let unsigned = token_with_header(r#"{"alg":"none","typ":"at+jwt"}"#, valid_claims().to_string());
    strict_app().send_token(&unsigned).await.assert_invalid_token(TokenError::Algorithm);
    let foreign = token_signed_with(&[9; 32], HEADER, valid_claims().to_string());
    strict_app().send_token(&foreign).await.assert_invalid_token(TokenError::Signature);
}

#[tokio::test]
async fn t_9068_05_expired_token_is_rejected_and_leeway_is_at_most_five_minutes() {
    let past = (now() - 61).to_string();
    strict_app().send_token(&token(claims_with("exp", &past))).await.assert_invalid_token(TokenError::Expired);
    let error = crate::support::tokens::strict_auth().leeway(std::time::Duration::from_secs(301)).build().unwrap_err();
    assert_eq!(error.issues()[0].setting(), "leeway");
}

#[tokio::test]
async fn t_9068_06_every_failed_check_is_invalid_token() {
    let failures = [
        typed("JWT", &valid_claims()),
        token(claims_with("iss", "\"https://evil.example\"")),
        token(claims_with("aud", "\"https://evil.example\"")),
        token_with_header(r#"{"alg":"none","typ":"at+jwt"}"#, valid_claims().to_string()),
        token(claims_with("exp", "1700000000")),
        token_signed_with(&[9; 32], HEADER, valid_claims().to_string()),
    ];
    for failure in failures {
        let response = strict_app().send_token(&failure).await;
        assert_eq!(response.head.status, 401);
        assert!(response.challenge().unwrap().contains(r#"error="invalid_token""#));
    }
}

#[tokio::test]
async fn t_9068_07_missing_required_claim_is_rejected() {
    for name in ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"] {
        strict_app()
            .send_token(&token(claims_without(name)))
            .await
            .assert_invalid_token(TokenError::ClaimMissing(name));
        assert!(!strict_app().send_token(&token(claims_with(name, "null"))).await.handler_called, "{name}");
    }
}

#[tokio::test]
async fn t_9068_08_scope_and_scim_claims_are_read_and_auth_time_acr_amr_are_optional() {
    let map = portcullis::ClaimMap::new().roles(["roles", "groups"]).permissions(["entitlements"]);
    let issuer = Issuer::hs256(ISSUER, SECRET).profile(Profile::Rfc9068).claims(map);
    let app = ProtectedApp::behind(JwtAuth::builder().issuer(issuer).audience(AUDIENCE).build().unwrap());
    let response = app
        .send_token(&token(
            honest_with(json!({
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
    let bare = app.send_token(&token(valid_claims().to_string())).await;
    assert_eq!((bare.user().acr(), bare.user().auth_time(), bare.user().amr().count()), (None, None, 0));
}

#[tokio::test]
async fn t_9068_09_rs256_is_supported_by_default() {
    let issuer = TestIssuer::start_with(Algorithm::Rs256, portcullis::clock::Clock::system()).await.unwrap();
    let trust = Issuer::jwks_document(issuer.url(), issuer.jwks());
    let app = ProtectedApp::behind(JwtAuth::builder().issuer(trust).audience(AUDIENCE).build().unwrap());
    assert_eq!(app.send_token(&issuer.token("ann").audience(AUDIENCE).sign()).await.user().id(), "ann");
}

#[tokio::test]
async fn t_9068_11_sub_equal_to_client_id_is_a_client_without_user_claims() {
    let app = strict_app();
    let machine = json!({"sub": "client-1"});
    let principal = async |more: Value| {
        let mut claims = honest_with(machine.clone());
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

#[tokio::test]
async fn t_bcp_10_typ_must_be_the_expected_media_type_in_any_case() {
    let app = ProtectedApp::behind(compatible_auth().build().unwrap());
    for typ in ["application/jwt", "Application/AT+JWT", "jwt"] {
        assert!(app.send_token(&typed(typ, &valid_claims())).await.handler_called, "{typ}");
    }
    for typ in ["rt+jwt", "kb+jwt", "entity-statement+jwt", "x/jwt", "application/application/jwt", ""] {
        app.send_token(&typed(typ, &valid_claims())).await.assert_invalid_token(TokenError::Type);
    }
    let not_text = token_with_header(r#"{"alg":"HS256","typ":["at+jwt"]}"#, valid_claims().to_string());
    app.send_token(&not_text).await.assert_invalid_token(TokenError::Header);
}

/// Tokens that the same issuer signs for something else, by what they are.
fn foreign_kinds() -> Vec<(&'static str, String)> {
    let events = |event: &str| json!({"events": {event: {}}});
    let mut id_token = honest_with(json!({"nonce": "n", "at_hash": "h", "auth_time": now()}));
    id_token.as_object_mut().unwrap().remove("client_id");
    vec![
        ("an ID token", typed("JWT", &id_token)),
        (
            "a logout token",
            typed("logout+jwt", &honest_with(events("http://schemas.openid.net/event/backchannel-logout"))),
        ),
        (
            "an untyped logout token",
            typed("JWT", &honest_with(events("http://schemas.openid.net/event/backchannel-logout"))),
        ),
        ("a security event token", typed("secevent+jwt", &honest_with(events("urn:example:event")))),
        ("a security event token that says at+jwt", typed("at+jwt", &honest_with(events("urn:example:event")))),
        ("a DPoP proof", typed("dpop+jwt", &honest_with(json!({"htm": "GET", "htu": AUDIENCE})))),
        ("an untyped DPoP proof", typed("JWT", &honest_with(json!({"htm": "GET", "htu": AUDIENCE})))),
        (
            "an introspection response",
            typed("token-introspection+jwt", &honest_with(json!({"token_introspection": {"active": true}}))),
        ),
        ("a client assertion", typed("client-authentication+jwt", &honest_with(json!({"sub": "client-1"})))),
        ("a refresh token", typed("refresh+jwt", &valid_claims())),
    ]
}

#[tokio::test]
async fn t_bcp_11_a32_other_token_types_are_rejected_by_both_profiles() {
    for (name, token) in foreign_kinds() {
        for app in apps_of_both_profiles() {
            let response = app.send_token(&token).await;
            assert!(!response.handler_called, "{name}");
            response.assert_invalid_token(TokenError::Type);
        }
    }
}

#[tokio::test]
async fn a32_access_token_is_rejected_as_an_id_token() {
    let issuer = Issuer::hs256(ISSUER, SECRET).profile(Profile::IdToken);
    let app = ProtectedApp::behind(JwtAuth::builder().issuer(issuer).audience(AUDIENCE).build().unwrap());
    app.send_token(&typed("at+jwt", &valid_claims())).await.assert_invalid_token(TokenError::Type);
    app.send_token(&typed("JWT", &honest_with(json!({"scope": "read"})))).await.assert_invalid_token(TokenError::Type);
    assert!(app.send_token(&typed("JWT", &honest_with(json!({"nonce": "n"})))).await.handler_called);
}

#[tokio::test]
async fn a32_first_party_refresh_token_is_rejected_as_an_access_token() {
    let issuer = Issuer::hs256(ISSUER, SECRET).first_party();
    let app = ProtectedApp::behind(JwtAuth::builder().issuer(issuer).audience(AUDIENCE).build().unwrap());
    assert!(app.send_token(&typed("JWT", &honest_with(json!({"type": "access"})))).await.handler_called);
    app.send_token(&typed("JWT", &honest_with(json!({"type": "refresh"}))))
        .await
        .assert_invalid_token(TokenError::Type);
    app.send_token(&typed("JWT", &valid_claims())).await.assert_invalid_token(TokenError::Type);
}
