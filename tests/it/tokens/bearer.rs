//! Bearer credentials, challenges and problem details (RFC 6750, RFC 9457).

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, ORIGIN, WWW_AUTHENTICATE};
use axum::http::{Request, StatusCode};
use portcullis::gate::{AccountRefusal, CredentialError, DenialKind, LoadError, TokenError};
use portcullis::{RequirePermission, RequireRole, RequireScope, RequireTier, Roles, Tiers};
use proptest::prelude::*;
use serde_json::json;
use tower::ServiceBuilder;
use tower_http::cors::{Any, CorsLayer};

use crate::support::protected_app::{AppResponse, ProtectedApp};
use crate::support::tokens::{
    HEADER, claims_with, claims_without, strict_app, strict_auth, token, token_signed_with, token_with_header,
    valid_claims,
};

/// Asserts 400 `invalid_request` for this reason, with exactly the challenge that describes it.
#[track_caller]
fn assert_invalid_request(response: &AppResponse, error: CredentialError) {
    response.assert_rejected(StatusCode::BAD_REQUEST);
    assert_eq!(*response.denial(), DenialKind::InvalidRequest(error));
    let description = match error {
        CredentialError::Malformed => "the credential is malformed",
        _ => "the request carries more than one credential",
    };
    let challenge = format!(r#"Bearer realm="api", error="invalid_request", error_description="{description}""#);
    assert_eq!(response.challenge(), Some(challenge.as_str()));
}

// RFC 6750 §3.1.
#[tokio::test]
async fn missing_authorization_is_401_with_a_challenge_without_error() {
    strict_app().send_headers(&[]).await.assert_credentials_missing();
}

// RFC 6750 §3.1.
#[tokio::test]
async fn unsupported_scheme_is_handled_as_missing_authorization() {
    for credentials in ["Basic dTpw", "DPoP a.b.c", "Digest username=\"u\"", "Bearerx a.b.c", "Negotiate"] {
        strict_app().send_authorization(credentials.as_bytes()).await.assert_credentials_missing();
    }
}

// RFC 6750 §3.
#[tokio::test]
async fn challenge_has_a_parameter_and_the_configured_realm() {
    let app = ProtectedApp::behind(strict_auth().realm("the archive").build().unwrap());
    let response = app.send_headers(&[]).await;
    assert_eq!(response.challenge(), Some(r#"Bearer realm="the archive""#));
    let response = app.send_token("a.b.c").await;
    assert!(response.challenge().unwrap().starts_with(r#"Bearer realm="the archive", error="invalid_token""#));
    assert!(strict_auth().realm("").build().is_err());
}

// RFC 9110 §11.1, §11.4.
#[tokio::test]
async fn scheme_is_case_insensitive_and_several_spaces_are_valid() {
    let token = token(valid_claims().to_string());
    for scheme in ["Bearer ", "bearer ", "BEARER ", "bEaReR ", "Bearer    "] {
        let response = strict_app().send_authorization(format!("{scheme}{token}").as_bytes()).await;
        assert_eq!(response.user().id(), "user-1", "{scheme}");
    }
}

// RFC 6750 §2.1, §3.1.
#[tokio::test]
async fn empty_token_is_400_and_token_outside_token68_is_401() {
    for empty in ["Bearer", "Bearer ", "Bearer   "] {
        assert_invalid_request(&strict_app().send_authorization(empty.as_bytes()).await, CredentialError::Malformed);
    }
    for invalid in ["a?b", "\"a.b.c\"", "a;b", "a=b.c"] {
        strict_app().send_token(invalid).await.assert_invalid_token(TokenError::Charset);
    }
}

// RFC 6750 §3.1.
#[tokio::test]
async fn expired_revoked_malformed_or_forged_token_or_wrong_aud_is_401_invalid_token() {
    let app = strict_app();
    app.send_token(&token(claims_with("exp", "1700000000"))).await.assert_invalid_token(TokenError::Expired);
    app.send_token("not-a-token").await.assert_invalid_token(TokenError::Segments);
    app.send_token(&token_signed_with(&[7; 32], HEADER, valid_claims().to_string()))
        .await
        .assert_invalid_token(TokenError::Signature);
    app.send_token(&token(claims_with("aud", "\"https://other.example.com\"")))
        .await
        .assert_invalid_token(TokenError::Audience);
    let revoked = strict_auth().load_user(|_| async { Err(LoadError::Unknown) }).build().unwrap();
    ProtectedApp::behind(revoked)
        .send_token(&token(valid_claims().to_string()))
        .await
        .assert_invalid_token(TokenError::User);
}

// RFC 6750 §2, §3.1.
#[tokio::test]
async fn repeated_token_is_400_invalid_request() {
    let app = ProtectedApp::behind(strict_auth().cookie("__Host-token").build().unwrap());
    let token = token(valid_claims().to_string());
    let authorization = format!("Bearer {token}");
    let cookie = format!("__Host-token={token}");
    let two_headers = [(AUTHORIZATION, authorization.as_bytes()), (AUTHORIZATION, authorization.as_bytes())];
    assert_invalid_request(&app.send_headers(&two_headers).await, CredentialError::Multiple);
    let two_methods = [(AUTHORIZATION, authorization.as_bytes()), (COOKIE, cookie.as_bytes())];
    assert_invalid_request(&app.send_headers(&two_methods).await, CredentialError::Multiple);
    assert_invalid_request(
        &app.send_authorization(format!("{authorization}, {authorization}").as_bytes()).await,
        CredentialError::Multiple,
    );
    let two_cookies = format!("{cookie}; {cookie}");
    assert_invalid_request(&app.send_headers(&[(COOKIE, two_cookies.as_bytes())]).await, CredentialError::Multiple);
    assert_eq!(app.send_headers(&[(COOKIE, cookie.as_bytes())]).await.user().id(), "user-1");
}

// RFC 6750 §3.1.
#[tokio::test]
async fn missing_scope_is_403_insufficient_scope_with_all_scopes_needed() {
    let auth = strict_auth().build().unwrap();
    let app = ProtectedApp::with_layers(|app| app.layer(RequireScope::all(["read", "write"]).unwrap()).layer(auth));
    let response = app.send_token(&token(claims_with("scope", "\"read\""))).await;
    response.assert_rejected(StatusCode::FORBIDDEN);
    assert_eq!(
        response.challenge(),
        Some(
            r#"Bearer realm="api", error="insufficient_scope", error_description="required scope: read write", scope="read write""#
        )
    );
    assert_eq!(response.problem()["scope"], "read write");
    assert_eq!(app.send_token(&token(claims_with("scope", "\"write read\""))).await.user().id(), "user-1");
}

// RFC 6750 §3.
#[tokio::test]
async fn challenge_parameters_appear_at_most_once() {
    let tiers = Tiers::ascending(["basic", "pro"]).unwrap();
    let roles = Roles::from_names(["admin"]).unwrap();
    let app = |layers: &dyn Fn(axum::Router) -> axum::Router| {
        ProtectedApp::with_layers(|app| layers(app).layer(strict_auth().tiers(tiers.clone()).build().unwrap()))
    };
    let valid_token = token(valid_claims().to_string());
    let responses = [
        strict_app().send_headers(&[]).await,
        strict_app().send_token("a.b.c").await,
        strict_app().send_authorization(b"Bearer").await,
        app(&|app| app.layer(RequireScope::any(["a", "b"]).unwrap())).send_token(&valid_token).await,
        app(&|app| app.layer(RequireRole::new(&roles, "admin").unwrap())).send_token(&valid_token).await,
        app(&|app| app.layer(RequirePermission::new("read:x").unwrap())).send_token(&valid_token).await,
        app(&|app| app.layer(RequireTier::at_least(&tiers, "pro").unwrap())).send_token(&valid_token).await,
    ];
    for response in responses {
        let names: Vec<&str> = parameters(response.challenge().unwrap()).into_iter().map(|(name, _)| name).collect();
        let mut distinct = names.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), names.len(), "{names:?}");
    }
}

// RFC 6750 §2.2.
#[tokio::test]
async fn token_in_a_form_body_is_ignored() {
    let form = format!("access_token={}", token(valid_claims().to_string()));
    let request = Request::post("/").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    strict_app().send(request.body(Body::from(form)).unwrap()).await.assert_credentials_missing();
}

// RFC 6750 §2.3, RFC 9700 §4.3.2.
#[tokio::test]
async fn token_in_the_query_is_ignored() {
    let token = token(valid_claims().to_string());
    let request = || Request::get(format!("/?access_token={token}"));
    strict_app().send(request().body(Body::empty()).unwrap()).await.assert_credentials_missing();
    let both = request().header(AUTHORIZATION, format!("Bearer {token}")).body(Body::empty()).unwrap();
    assert_eq!(strict_app().send(both).await.user().id(), "user-1");
}

// RFC 6750 §3.
#[tokio::test]
async fn responses_with_401_and_403_carry_the_challenge() {
    let auth = strict_auth().build().unwrap();
    let app = ProtectedApp::with_layers(|app| app.layer(RequireScope::new("read").unwrap()).layer(auth));
    assert!(app.send_headers(&[]).await.assert_rejected(StatusCode::UNAUTHORIZED).challenge().is_some());
    assert!(app.send_token("a.b.c").await.assert_rejected(StatusCode::UNAUTHORIZED).challenge().is_some());
    let without_scope = app.send_token(&token(valid_claims().to_string())).await;
    assert!(without_scope.assert_rejected(StatusCode::FORBIDDEN).challenge().is_some());
    let locked = strict_auth().load_user(|_| async { Err(LoadError::refused(AccountRefusal::Locked)) });
    let response = ProtectedApp::behind(locked.build().unwrap()).send_token(&token(valid_claims().to_string())).await;
    assert_eq!(response.assert_rejected(StatusCode::FORBIDDEN).challenge(), Some(r#"Bearer realm="api""#));
}

// RFC 9449 §7.1.
#[tokio::test]
async fn challenge_is_exposed_cross_origin_by_a_cors_layer() {
    let auth = strict_auth().build().unwrap();
    let cors = CorsLayer::new().allow_origin(Any).expose_headers([WWW_AUTHENTICATE]);
    let app = ProtectedApp::with_layers(|app| app.layer(ServiceBuilder::new().layer(cors).layer(auth)));
    let response = app.send_headers(&[(ORIGIN, b"https://app.example.com")]).await;
    let headers = &response.head.headers;
    assert_eq!(response.head.status, StatusCode::UNAUTHORIZED);
    assert_eq!(headers["access-control-allow-origin"], "*");
    assert_eq!(headers["access-control-expose-headers"], "www-authenticate");
    assert!(headers.contains_key(WWW_AUTHENTICATE));
}

// RFC 6750 §5.3.
#[tokio::test]
async fn error_responses_are_no_store() {
    for credentials in ["Basic dTpw", "Bearer", "Bearer a.b.c", "Bearer a, Bearer b"] {
        let response = strict_app().send_authorization(credentials.as_bytes()).await;
        assert_eq!(response.head.headers["cache-control"], "no-store", "{credentials}");
    }
}

// RFC 9457.
#[tokio::test]
async fn error_response_has_problem_details_and_the_challenge() {
    let response = strict_app().send_token(&token(claims_without("exp"))).await;
    assert_eq!(response.head.headers[CONTENT_TYPE], "application/problem+json");
    assert!(response.challenge().is_some());
    assert_eq!(
        response.problem(),
        json!({
            "type": "about:blank", "title": "Unauthorized", "status": 401,
            "detail": "a required claim is missing", "code": "token_claim_missing", "error": "invalid_token",
        })
    );
    let response = strict_app().send_headers(&[]).await;
    assert_eq!(
        response.problem(),
        json!({
            "type": "about:blank", "title": "Unauthorized", "status": 401,
            "detail": "a bearer token is required", "code": "credentials_missing",
        })
    );
}

// RFC 6750 §3.
#[tokio::test]
async fn custom_role_name_cannot_break_out_of_the_quotes() {
    let roles = Roles::from_names(["ädmin\", scope=\"all\\"]).unwrap();
    let role = RequireRole::new(&roles, "ädmin\", scope=\"all\\").unwrap();
    let auth = strict_auth().build().unwrap();
    let app = ProtectedApp::with_layers(|app| app.layer(role).layer(auth));
    let response = app.send_token(&token(valid_claims().to_string())).await;
    response.assert_rejected(StatusCode::FORBIDDEN);
    assert_eq!(
        response.challenge(),
        Some(
            r#"Bearer realm="api", error="insufficient_scope", error_description="required role: ?dmin', scope='all?""#
        )
    );
}

/// The parameters of a bearer challenge. Panics if it violates the grammar or the character sets of RFC 6750 §3.
#[track_caller]
fn parameters(challenge: &str) -> Vec<(&str, &str)> {
    let parameters = challenge.strip_prefix("Bearer ").expect("the scheme is Bearer").split(", ");
    let split = |parameter| {
        let (name, value): (&str, &str) = str::split_once(parameter, '=').expect("a parameter has a name and a value");
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).expect("a value is quoted");
        let is_allowed = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(value.bytes().all(is_allowed), "{challenge:?}");
        (name, value)
    };
    parameters.map(split).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    // RFC 6750 §3.
    #[test]
    fn no_byte_of_a_token_or_header_reaches_the_challenge(
        text in "\\PC{0,12}[\"\\\\\r\n,= ]{0,3}\\PC{0,12}",
        credentials in prop::collection::vec(prop_oneof![Just(b'\t'), 0x20..=0x7e_u8, 0x80..=0xff_u8], 0..40),
    ) {
        let quoted = json!(text).to_string();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let app = strict_app();
            for response in [
                app.send_token(&token_with_header(format!(r#"{{"alg":{quoted},"kid":{quoted}}}"#), valid_claims().to_string())).await,
                app.send_token(&token(claims_with("iss", &quoted))).await,
                app.send_token(&token(claims_with("exp", &quoted))).await,
                app.send_authorization(&[b"Bearer ".as_slice(), &credentials].concat()).await,
            ] {
                assert!(!response.handler_called);
                let parameters = parameters(response.challenge().unwrap());
                assert_eq!(parameters[0], ("realm", "api"));
                assert!(parameters.iter().all(|(name, _)| ["realm", "error", "error_description"].contains(name)));
                assert!(text.len() < 8 || !response.challenge().unwrap().contains(&text));
            }
        });
    }
}
