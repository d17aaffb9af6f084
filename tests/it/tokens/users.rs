//! The user that a token yields, and requests that must not yield one.

use std::time::{Duration, UNIX_EPOCH};

use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HeaderName};
use portcullis::gate::{CredentialError, DenialKind, TokenError};
use portcullis::testing::FakeClock;
use portcullis::{Extractor, JwtAuth, Principal, RequireScope, UserContext};
use serde_json::json;

use crate::support::log_capture::LogCapture;
use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{
    HEADER, apps_of_both_profiles, claims_with, claims_without, compatible_auth, strict_app, strict_auth, token,
    token_signed_with, token_with_header, valid_claims,
};

// RFC 7519 §4.1.2.
#[tokio::test]
async fn empty_sub_is_rejected_and_a_long_sub_is_kept_whole() {
    let [strict, compatible] = apps_of_both_profiles();
    for app in [&strict, &compatible] {
        app.send_token(&token(claims_with("sub", "\"\""))).await.assert_invalid_token(TokenError::claim_invalid("sub"));
        let long_sub = "s".repeat(10_000);
        let response = app.send_token(&token(claims_with("sub", &json!(long_sub).to_string()))).await;
        assert_eq!(response.user().id(), long_sub);
    }
    strict.send_token(&token(claims_without("sub"))).await.assert_invalid_token(TokenError::claim_missing("sub"));
    compatible.send_token(&token(claims_without("sub"))).await.assert_invalid_token(TokenError::claim_missing("sub"));
}

// RFC 9068 §2.2.
#[tokio::test]
async fn sub_equal_to_client_id_is_a_client() {
    let claims = claims_with("sub", "\"client-1\"");
    let response = strict_app().send_token(&token(claims)).await;
    assert_eq!((response.user().id(), response.user().principal()), ("client-1", Principal::Client));
}

// RFC 6749 §3.3.
#[tokio::test]
async fn scopes_are_compared_as_exact_tokens() {
    let app_of =
        |auth: JwtAuth| ProtectedApp::with_layers(|app| app.layer(RequireScope::new("read").unwrap()).layer(auth));
    let app = app_of(compatible_auth().build().unwrap());
    let strict = app_of(strict_auth().build().unwrap());
    for text in ["\"read\"", "\"write  read \"", "[\"write\",\"read\"]"] {
        assert!(app.send_token(&token(claims_with("scope", text))).await.handler_called, "{text}");
    }
    for text in ["\"read:all\"", "\"Read\"", "\"\"", "[]", "\"rea d\"", "[\"read:all\"]"] {
        let response = app.send_token(&token(claims_with("scope", text))).await;
        response.assert_rejected(StatusCode::FORBIDDEN);
    }
    for text in [
        "null",
        "1",
        "true",
        "{}",
        "[\"write read\"]",
        "[1]",
        "[[\"read\"]]",
        "\"write\u{2003}read\"",
        "\"write\\tread\"",
    ] {
        app.send_token(&token(claims_with("scope", text)))
            .await
            .assert_invalid_token(TokenError::claim_invalid("scope"));
    }
    assert!(app.send_token(&token(claims_with("scp", "[\"read\"]"))).await.handler_called);
    // RFC 9068 §2.2.3, RFC 8693 §4.2: `scope` is a string.
    assert!(strict.send_token(&token(claims_with("scope", "\"write  read \""))).await.handler_called);
    for text in ["[\"write\",\"read\"]", "[]"] {
        let response = strict.send_token(&token(claims_with("scope", text))).await;
        response.assert_invalid_token(TokenError::claim_invalid("scope"));
    }
}

// RFC 6750 §2.1, §3.1.
#[tokio::test]
async fn malformed_credentials_are_400() {
    let token = token(valid_claims().to_string());
    let app = strict_app();
    for (value, error) in [
        (format!("Bearer {token}, Bearer other"), CredentialError::Multiple),
        (format!("Bearer other, Bearer {token}"), CredentialError::Multiple),
        (format!("Bearer {token},"), CredentialError::Multiple),
        (format!("Bearer\t{token}"), CredentialError::Malformed),
        (format!("Bearer {token} x"), CredentialError::Malformed),
        (format!("Bearer {token}\t"), CredentialError::Malformed),
        (format!("Bearer {token}\u{e9}"), CredentialError::Malformed),
    ] {
        let response = app.send_authorization(value.as_bytes()).await;
        response.assert_rejected(StatusCode::BAD_REQUEST);
        assert_eq!(*response.denial(), DenialKind::InvalidRequest(error), "{value}");
    }
    let header_values = [format!("Bearer {token}"), "Basic dTpw".to_owned()];
    for order in [[0, 1], [1, 0], [0, 0]] {
        let response =
            app.send_headers(&order.map(|index: usize| (AUTHORIZATION, header_values[index].as_bytes()))).await;
        response.assert_rejected(StatusCode::BAD_REQUEST);
        assert_eq!(*response.denial(), DenialKind::InvalidRequest(CredentialError::Multiple));
    }
}

#[tokio::test]
async fn headers_that_name_a_user_are_ignored() {
    let spoofed = ["x-user", "x-forwarded-user", "x-forwarded-for", "x-auth-request-user", "client-cert", "x-roles"];
    let mut headers: Vec<(HeaderName, &[u8])> =
        spoofed.map(|name| (HeaderName::from_static(name), b"admin".as_slice())).to_vec();
    strict_app().send_headers(&headers).await.assert_credentials_missing();
    let optional = ProtectedApp::behind(strict_auth().optional().build().unwrap());
    let response = optional.send_headers(&headers).await;
    assert!(response.handler_called && response.head.extensions.get::<UserContext>().is_none());
    let authorization = format!("Bearer {}", token(valid_claims().to_string()));
    headers.push((AUTHORIZATION, authorization.as_bytes()));
    let response = strict_app().send_headers(&headers).await;
    assert_eq!((response.user().id(), response.user().roles().count()), ("user-1", 0));
}

#[tokio::test]
async fn optional_authentication_rejects_an_invalid_token() {
    let optional = ProtectedApp::behind(strict_auth().optional().build().unwrap());
    assert!(optional.send_headers(&[]).await.handler_called);
    assert!(optional.send_authorization(b"Basic dTpw").await.handler_called);
    optional.send_token(&token(claims_with("exp", "1"))).await.assert_invalid_token(TokenError::Expired);
    optional.send_authorization(b"Bearer").await.assert_rejected(StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn extractor_or_requirement_without_the_layer_is_500_without_details() {
    async fn me(Extractor(user): Extractor<UserContext>) -> String {
        user.id().to_owned()
    }
    let extractor = ProtectedApp::with_layers(|_| axum::Router::new().route("/", axum::routing::get(me)));
    let optional_extractor = ProtectedApp::with_layers(|app| app);
    let requirement = ProtectedApp::with_layers(|app| app.layer(RequireScope::new("read").unwrap()));
    for app in [extractor, optional_extractor, requirement] {
        let response = app.send_token(&token(valid_claims().to_string())).await;
        response.assert_rejected(StatusCode::INTERNAL_SERVER_ERROR);
        assert!(matches!(response.denial(), DenialKind::AuthLayerMissing { .. }));
        assert_eq!(response.challenge(), None);
        assert_eq!(response.problem()["code"], "server_misconfigured");
    }
}

#[tokio::test]
async fn tokens_and_claim_values_are_never_logged() {
    let log = LogCapture::start();
    let app = strict_app();
    let injected = "evil\\r\\nX-Injected: \\\"yes\\\"";
    let tokens = [
        token(claims_with("iss", &format!("\"{injected}\""))),
        token(claims_with("scope", &format!("\"{injected}\""))),
        token(claims_with("jti", &format!("[\"{injected}\"]"))),
        token_with_header(
            format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":"{injected}"}}"#),
            valid_claims().to_string(),
        ),
        token_with_header(format!(r#"{{"alg":"{injected}","typ":"{injected}"}}"#), valid_claims().to_string()),
        token_signed_with(&[9; 32], HEADER, claims_with("sub", "\"evil\"")),
        token(claims_with("sub", "\"evil\"")),
    ];
    for token in &tokens {
        let response = app.send_token(token).await;
        assert!(response.head.headers.get("x-injected").is_none());
    }
    let logged = log.text();
    assert!(logged.contains("request rejected"), "{logged}");
    assert!(!logged.contains("evil") && !logged.contains("Injected"), "{logged}");
    for part in tokens.iter().flat_map(|token| token.split('.')).filter(|part| part.len() > 12) {
        assert!(!logged.contains(part), "{logged}");
    }
}

#[tokio::test]
async fn clock_jumps_never_panic_and_fail_closed() {
    let claims = valid_claims();
    let valid_token = token(claims.to_string());
    // The fake clock starts exactly when the token is issued, even if the machine is slow.
    let issued_at = UNIX_EPOCH + Duration::from_secs(claims["iat"].as_u64().unwrap());
    let clock = FakeClock::new();
    clock.set_wall(issued_at);
    let auth = strict_auth().clock(clock.clock()).leeway(Duration::from_secs(300)).build().unwrap();
    let app = ProtectedApp::behind(auth);
    assert!(app.send_token(&valid_token).await.handler_called);
    clock.advance(Duration::from_secs(601));
    app.send_token(&valid_token).await.assert_invalid_token(TokenError::Expired);
    clock.set_wall(UNIX_EPOCH);
    app.send_token(&valid_token).await.assert_invalid_token(TokenError::IssuedInFuture);
    clock.set_wall(UNIX_EPOCH.checked_sub(Duration::from_secs(100)).unwrap());
    app.send_token(&valid_token).await.assert_invalid_token(TokenError::Expired);
    app.send_token(&token(claims_with("exp", "1"))).await.assert_invalid_token(TokenError::Expired);
    clock.set_wall(UNIX_EPOCH + Duration::from_secs(1 << 53));
    app.send_token(&valid_token).await.assert_invalid_token(TokenError::Expired);
    clock.set_wall(issued_at);
    assert!(app.send_token(&valid_token).await.handler_called);
    // The leeway is larger than these values of `exp` and `iat`: the arithmetic must not underflow.
    app.send_token(&token(claims_with("exp", "0"))).await.assert_invalid_token(TokenError::Expired);
    app.send_token(&token(claims_with("exp", "299"))).await.assert_invalid_token(TokenError::Expired);
    assert!(app.send_token(&token(claims_with("iat", "0"))).await.handler_called);
    let latest_date = (1_u64 << 53).to_string();
    assert!(app.send_token(&token(claims_with("exp", &latest_date))).await.handler_called);
    app.send_token(&token(claims_with("nbf", &latest_date))).await.assert_invalid_token(TokenError::NotYetValid);
}
