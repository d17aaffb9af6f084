//! Who a token makes of its bearer, and what nothing but a token does (A44 to A48, A51, A55).

use std::time::{Duration, UNIX_EPOCH};

use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HeaderName};
use portcullis::gate::{CredentialError, DenialKind, TokenError};
use portcullis::testing::FakeClock;
use portcullis::{Extractor, Principal, RequireScope, UserContext};
use serde_json::json;

use crate::support::log_capture::LogCapture;
use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{HEADER, both, claims, claims_with, claims_without, guarded, mac, signed, strict, token};

#[tokio::test]
async fn a44_an_empty_sub_is_refused_and_a_long_one_is_the_whole_id() {
    let [strict, compatible] = both();
    for stack in [&strict, &compatible] {
        stack.ask(&token(claims_with("sub", "\"\""))).await.refused_token(TokenError::ClaimInvalid("sub"));
        let long = "s".repeat(10_000);
        let answer = stack.ask(&token(claims_with("sub", &json!(long).to_string()))).await;
        assert_eq!(answer.user().id(), long);
    }
    strict.ask(&token(claims_without("sub"))).await.refused_token(TokenError::ClaimMissing("sub"));
    compatible.ask(&token(claims_without("sub"))).await.refused_token(TokenError::ClaimMissing("id"));
}

#[tokio::test]
async fn a44_a_client_that_chose_the_id_of_a_user_is_still_a_client() {
    let collision = claims_with("sub", "\"client-1\"");
    let answer = guarded().ask(&token(collision)).await;
    assert_eq!((answer.user().id(), answer.user().principal()), ("client-1", Principal::Client));
}

#[tokio::test]
async fn a45_a_scope_is_a_whole_word_of_a_string_or_an_array() {
    let auth = strict().build().unwrap();
    let stack = ProtectedApp::layered(|app| app.layer(RequireScope::all(["read"]).unwrap()).layer(auth));
    for text in ["\"read\"", "\"write  read \"", "[\"write\",\"read\"]"] {
        assert!(stack.ask(&token(claims_with("scope", text))).await.handled, "{text}");
    }
    for text in ["\"read:all\"", "\"Read\"", "\"\"", "[]", "\"rea d\"", "[\"read:all\"]"] {
        let answer = stack.ask(&token(claims_with("scope", text))).await;
        answer.refused(StatusCode::FORBIDDEN);
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
        stack.ask(&token(claims_with("scope", text))).await.refused_token(TokenError::ClaimInvalid("scope"));
    }
    assert!(stack.ask(&token(claims_with("scp", "[\"read\"]"))).await.handled);
}

#[tokio::test]
async fn a46_credentials_that_proxies_read_in_different_ways_are_400() {
    let token = token(claims().to_string());
    let stack = guarded();
    for (value, fault) in [
        (format!("Bearer {token}, Bearer other"), CredentialError::Multiple),
        (format!("Bearer other, Bearer {token}"), CredentialError::Multiple),
        (format!("Bearer {token},"), CredentialError::Multiple),
        (format!("Bearer\t{token}"), CredentialError::Malformed),
        (format!("Bearer {token} x"), CredentialError::Malformed),
        (format!("Bearer {token}\t"), CredentialError::Malformed),
        (format!("Bearer {token}\u{e9}"), CredentialError::Malformed),
    ] {
        let answer = stack.authorize(value.as_bytes()).await;
        answer.refused(StatusCode::BAD_REQUEST);
        assert_eq!(*answer.denial(), DenialKind::InvalidRequest(fault), "{value}");
    }
    let lines = [format!("Bearer {token}"), "Basic dTpw".to_owned()];
    for order in [[0, 1], [1, 0], [0, 0]] {
        let answer = stack.fields(&order.map(|line: usize| (AUTHORIZATION, lines[line].as_bytes()))).await;
        answer.refused(StatusCode::BAD_REQUEST);
        assert_eq!(*answer.denial(), DenialKind::InvalidRequest(CredentialError::Multiple));
    }
}

#[tokio::test]
async fn a47_fields_that_name_a_user_are_not_believed() {
    let smuggled = ["x-user", "x-forwarded-user", "x-forwarded-for", "x-auth-request-user", "client-cert", "x-roles"];
    let mut fields: Vec<(HeaderName, &[u8])> =
        smuggled.map(|name| (HeaderName::from_static(name), b"admin".as_slice())).to_vec();
    guarded().fields(&fields).await.asked_for_a_credential();
    let optional = ProtectedApp::behind(strict().optional().build().unwrap());
    let answer = optional.fields(&fields).await;
    assert!(answer.handled && answer.head.extensions.get::<UserContext>().is_none());
    let credential = format!("Bearer {}", token(claims().to_string()));
    fields.push((AUTHORIZATION, credential.as_bytes()));
    let answer = guarded().fields(&fields).await;
    assert_eq!((answer.user().id(), answer.user().roles().count()), ("user-1", 0));
}

#[tokio::test]
async fn a_bad_token_is_refused_where_none_is_required_too() {
    let optional = ProtectedApp::behind(strict().optional().build().unwrap());
    assert!(optional.fields(&[]).await.handled);
    assert!(optional.authorize(b"Basic dTpw").await.handled);
    optional.ask(&token(claims_with("exp", "1"))).await.refused_token(TokenError::Expired);
    optional.authorize(b"Bearer").await.refused(StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a48_a_handler_or_a_check_without_the_layer_is_500_and_tells_nothing_of_why() {
    async fn me(Extractor(user): Extractor<UserContext>) -> String {
        user.id().to_owned()
    }
    let bare = ProtectedApp::layered(|_| axum::Router::new().route("/", axum::routing::get(me)));
    let optional = ProtectedApp::layered(|app| app);
    let check = ProtectedApp::layered(|app| app.layer(RequireScope::all(["read"]).unwrap()));
    for stack in [bare, optional, check] {
        let answer = stack.ask(&token(claims().to_string())).await;
        answer.refused(StatusCode::INTERNAL_SERVER_ERROR);
        assert!(matches!(answer.denial(), DenialKind::AuthLayerMissing { .. }));
        assert_eq!(answer.challenge(), None);
        assert_eq!(answer.problem()["detail"], "the server is misconfigured");
    }
}

#[tokio::test]
async fn t_9700_a51_neither_a_token_nor_a_word_of_it_is_logged() {
    let log = LogCapture::start();
    let stack = guarded();
    let word = "evil\\r\\nX-Injected: \\\"yes\\\"";
    let tokens = [
        token(claims_with("iss", &format!("\"{word}\""))),
        token(claims_with("scope", &format!("\"{word}\""))),
        token(claims_with("jti", &format!("[\"{word}\"]"))),
        signed(format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":"{word}"}}"#), claims().to_string()),
        signed(format!(r#"{{"alg":"{word}","typ":"{word}"}}"#), claims().to_string()),
        mac(&[9; 32], HEADER, claims_with("sub", "\"evil\"")),
        token(claims_with("sub", "\"evil\"")),
    ];
    for token in &tokens {
        let answer = stack.ask(token).await;
        assert!(answer.head.headers.get("x-injected").is_none());
    }
    let logged = log.text();
    assert!(logged.contains("request rejected"), "{logged}");
    assert!(!logged.contains("evil") && !logged.contains("Injected"), "{logged}");
    for part in tokens.iter().flat_map(|token| token.split('.')).filter(|part| part.len() > 12) {
        assert!(!logged.contains(part), "{logged}");
    }
}

#[tokio::test]
async fn a55_a_clock_that_leaps_or_jumps_back_panics_nowhere_and_opens_nothing() {
    let claims = claims();
    let honest = token(claims.to_string());
    // The fake clock starts exactly when the token is issued, however long this test has waited for a processor.
    let issued_at = UNIX_EPOCH + Duration::from_secs(claims["iat"].as_u64().unwrap());
    let hands = FakeClock::new();
    hands.set_wall(issued_at);
    let auth = strict().clock(hands.clock()).leeway(Duration::from_secs(300)).build().unwrap();
    let stack = ProtectedApp::behind(auth);
    assert!(stack.ask(&honest).await.handled);
    hands.advance(Duration::from_secs(601));
    stack.ask(&honest).await.refused_token(TokenError::Expired);
    hands.set_wall(UNIX_EPOCH);
    stack.ask(&honest).await.refused_token(TokenError::IssuedInFuture);
    hands.set_wall(UNIX_EPOCH.checked_sub(Duration::from_secs(100)).unwrap());
    stack.ask(&honest).await.refused_token(TokenError::Expired);
    stack.ask(&token(claims_with("exp", "1"))).await.refused_token(TokenError::Expired);
    hands.set_wall(UNIX_EPOCH + Duration::from_secs(1 << 53));
    stack.ask(&honest).await.refused_token(TokenError::Expired);
    hands.set_wall(issued_at);
    assert!(stack.ask(&honest).await.handled);
    // The leeway is larger than the whole time since 1970 that `exp` and `iat` tell.
    stack.ask(&token(claims_with("exp", "0"))).await.refused_token(TokenError::Expired);
    stack.ask(&token(claims_with("exp", "299"))).await.refused_token(TokenError::Expired);
    assert!(stack.ask(&token(claims_with("iat", "0"))).await.handled);
    let last = (1_u64 << 53).to_string();
    assert!(stack.ask(&token(claims_with("exp", &last))).await.handled);
    stack.ask(&token(claims_with("nbf", &last))).await.refused_token(TokenError::NotYetValid);
}
