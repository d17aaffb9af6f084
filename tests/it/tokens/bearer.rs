//! How a token is presented, and what a challenge looks like (RFC 6750, RFC 9457).

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, ORIGIN, WWW_AUTHENTICATE};
use axum::http::{Request, StatusCode};
use portcullis::gate::{CredentialError, DenialKind, TokenError};
use portcullis::jwt::LoadError;
use portcullis::{RequirePermission, RequireRole, RequireScope, RequireTier, Roles, Tiers};
use proptest::prelude::*;
use serde_json::json;
use tower::ServiceBuilder;
use tower_http::cors::{Any, CorsLayer};

use crate::support::protected_app::{AppResponse, ProtectedApp};
use crate::support::tokens::{HEADER, claims, claims_with, claims_without, guarded, mac, signed, strict, token};

#[track_caller]
fn refused_request(answer: &AppResponse, fault: CredentialError) {
    answer.refused(StatusCode::BAD_REQUEST);
    assert_eq!(*answer.denial(), DenialKind::InvalidRequest(fault));
    let told = match fault {
        CredentialError::Malformed => "the credential is malformed",
        _ => "the request carries more than one credential",
    };
    let challenge = format!(r#"Bearer realm="api", error="invalid_request", error_description="{told}""#);
    assert_eq!(answer.challenge(), Some(challenge.as_str()));
}

#[tokio::test]
async fn t_6750_01_without_authorization_the_challenge_names_no_error() {
    guarded().fields(&[]).await.asked_for_a_credential();
}

#[tokio::test]
async fn t_6750_02_another_scheme_counts_as_no_credential() {
    for credentials in ["Basic dTpw", "DPoP a.b.c", "Digest username=\"u\"", "Bearerx a.b.c", "Negotiate"] {
        guarded().authorize(credentials.as_bytes()).await.asked_for_a_credential();
    }
}

#[tokio::test]
async fn t_6750_03_every_challenge_has_a_parameter_and_the_realm_is_the_one_set() {
    let stack = ProtectedApp::behind(strict().realm("the archive").build().unwrap());
    let answer = stack.fields(&[]).await;
    assert_eq!(answer.challenge(), Some(r#"Bearer realm="the archive""#));
    let answer = stack.ask("a.b.c").await;
    assert!(answer.challenge().unwrap().starts_with(r#"Bearer realm="the archive", error="invalid_token""#));
    assert!(strict().realm("").build().is_err());
}

#[tokio::test]
async fn t_6750_04_the_scheme_has_no_case_and_several_spaces_may_follow_it() {
    let token = token(claims().to_string());
    for scheme in ["Bearer ", "bearer ", "BEARER ", "bEaReR ", "Bearer    "] {
        let answer = guarded().authorize(format!("{scheme}{token}").as_bytes()).await;
        assert_eq!(answer.user().id(), "user-1", "{scheme}");
    }
}

#[tokio::test]
async fn t_6750_05_an_empty_token_is_400_and_one_outside_token68_is_401() {
    for empty in ["Bearer", "Bearer ", "Bearer   "] {
        refused_request(&guarded().authorize(empty.as_bytes()).await, CredentialError::Malformed);
    }
    for outside in ["a?b", "\"a.b.c\"", "a;b", "a=b.c"] {
        guarded().ask(outside).await.refused_token(TokenError::Charset);
    }
}

#[tokio::test]
async fn t_6750_06_an_expired_revoked_malformed_forged_or_misdirected_token_is_401_invalid_token() {
    let stack = guarded();
    stack.ask(&token(claims_with("exp", "1700000000"))).await.refused_token(TokenError::Expired);
    stack.ask("not-a-token").await.refused_token(TokenError::Segments);
    stack.ask(&mac(&[7; 32], HEADER, claims().to_string())).await.refused_token(TokenError::Signature);
    stack.ask(&token(claims_with("aud", "\"https://other.example.com\""))).await.refused_token(TokenError::Audience);
    let revoked = strict().load_user(|_| async { Err(LoadError::Unknown) }).build().unwrap();
    ProtectedApp::behind(revoked).ask(&token(claims().to_string())).await.refused_token(TokenError::User);
}

#[tokio::test]
async fn t_6750_07_a_token_given_twice_is_400_invalid_request() {
    let stack = ProtectedApp::behind(strict().cookie("__Host-token").build().unwrap());
    let token = token(claims().to_string());
    let field = format!("Bearer {token}");
    let cookie = format!("__Host-token={token}");
    let twice = [(AUTHORIZATION, field.as_bytes()), (AUTHORIZATION, field.as_bytes())];
    refused_request(&stack.fields(&twice).await, CredentialError::Multiple);
    let two_methods = [(AUTHORIZATION, field.as_bytes()), (COOKIE, cookie.as_bytes())];
    refused_request(&stack.fields(&two_methods).await, CredentialError::Multiple);
    refused_request(&stack.authorize(format!("{field}, {field}").as_bytes()).await, CredentialError::Multiple);
    let two_cookies = format!("{cookie}; {cookie}");
    refused_request(&stack.fields(&[(COOKIE, two_cookies.as_bytes())]).await, CredentialError::Multiple);
    assert_eq!(stack.fields(&[(COOKIE, cookie.as_bytes())]).await.user().id(), "user-1");
}

#[tokio::test]
async fn t_6750_08_a_missing_scope_is_403_and_the_challenge_names_all_that_are_needed() {
    let auth = strict().build().unwrap();
    let stack = ProtectedApp::layered(|app| app.layer(RequireScope::all(["read", "write"]).unwrap()).layer(auth));
    let answer = stack.ask(&token(claims_with("scope", "\"read\""))).await;
    answer.refused(StatusCode::FORBIDDEN);
    assert_eq!(
        answer.challenge(),
        Some(
            r#"Bearer realm="api", error="insufficient_scope", error_description="missing scope: read write", scope="read write""#
        )
    );
    assert_eq!(answer.problem()["scope"], "read write");
    assert_eq!(stack.ask(&token(claims_with("scope", "\"write read\""))).await.user().id(), "user-1");
}

#[tokio::test]
async fn t_6750_09_no_parameter_stands_twice_in_a_challenge() {
    let tiers = Tiers::ascending(["basic", "pro"]).unwrap();
    let roles = Roles::from_names(["admin"]).unwrap();
    let stack = |layers: &dyn Fn(axum::Router) -> axum::Router| {
        ProtectedApp::layered(|app| layers(app).layer(strict().tiers(tiers.clone()).build().unwrap()))
    };
    let honest = token(claims().to_string());
    let answers = [
        guarded().fields(&[]).await,
        guarded().ask("a.b.c").await,
        guarded().authorize(b"Bearer").await,
        stack(&|app| app.layer(RequireScope::any(["a", "b"]).unwrap())).ask(&honest).await,
        stack(&|app| app.layer(RequireRole::any([roles.get("admin").unwrap()]).unwrap())).ask(&honest).await,
        stack(&|app| app.layer(RequirePermission::all(["read:x"]).unwrap())).ask(&honest).await,
        stack(&|app| app.layer(RequireTier::at_least(tiers.get("pro").unwrap()))).ask(&honest).await,
    ];
    for answer in answers {
        let names: Vec<&str> = parameters(answer.challenge().unwrap()).into_iter().map(|(name, _)| name).collect();
        let mut distinct = names.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), names.len(), "{names:?}");
    }
}

#[tokio::test]
async fn t_6750_11_a_token_in_a_form_body_is_not_read() {
    let form = format!("access_token={}", token(claims().to_string()));
    let request = Request::post("/").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    guarded().send(request.body(Body::from(form)).unwrap()).await.asked_for_a_credential();
}

#[tokio::test]
async fn t_6750_12_a_token_in_the_query_is_ignored() {
    let token = token(claims().to_string());
    let request = || Request::get(format!("/?access_token={token}"));
    guarded().send(request().body(Body::empty()).unwrap()).await.asked_for_a_credential();
    let both = request().header(AUTHORIZATION, format!("Bearer {token}")).body(Body::empty()).unwrap();
    assert_eq!(guarded().send(both).await.user().id(), "user-1");
}

#[tokio::test]
async fn t_6750_13_every_401_and_every_403_carries_a_challenge() {
    let auth = strict().build().unwrap();
    let stack = ProtectedApp::layered(|app| app.layer(RequireScope::all(["read"]).unwrap()).layer(auth));
    assert!(stack.fields(&[]).await.refused(StatusCode::UNAUTHORIZED).challenge().is_some());
    assert!(stack.ask("a.b.c").await.refused(StatusCode::UNAUTHORIZED).challenge().is_some());
    let poor = stack.ask(&token(claims().to_string())).await;
    assert!(poor.refused(StatusCode::FORBIDDEN).challenge().is_some());
    let suspended = strict().load_user(|_| async { Err(LoadError::Refused(portcullis::gate::AccountRefusal::Locked)) });
    let answer = ProtectedApp::behind(suspended.build().unwrap()).ask(&token(claims().to_string())).await;
    assert_eq!(answer.refused(StatusCode::FORBIDDEN).challenge(), Some(r#"Bearer realm="api""#));
}

#[tokio::test]
async fn t_6750_13_a_page_of_another_origin_reads_the_challenge_behind_a_cors_layer() {
    let auth = strict().build().unwrap();
    let cors = CorsLayer::new().allow_origin(Any).expose_headers([WWW_AUTHENTICATE]);
    let stack = ProtectedApp::layered(|app| app.layer(ServiceBuilder::new().layer(cors).layer(auth)));
    let answer = stack.fields(&[(ORIGIN, b"https://app.example.com")]).await;
    let fields = &answer.head.headers;
    assert_eq!(answer.head.status, StatusCode::UNAUTHORIZED);
    assert_eq!(fields["access-control-allow-origin"], "*");
    assert_eq!(fields["access-control-expose-headers"], "www-authenticate");
    assert!(fields.contains_key(WWW_AUTHENTICATE));
}

#[tokio::test]
async fn t_6750_14_no_refusal_may_be_stored() {
    for credentials in ["Basic dTpw", "Bearer", "Bearer a.b.c", "Bearer a, Bearer b"] {
        let answer = guarded().authorize(credentials.as_bytes()).await;
        assert_eq!(answer.head.headers["cache-control"], "no-store", "{credentials}");
    }
}

#[tokio::test]
async fn t_9457_a_refusal_is_problem_details_of_its_status_beside_the_challenge() {
    let answer = guarded().ask(&token(claims_without("exp"))).await;
    assert_eq!(answer.head.headers[CONTENT_TYPE], "application/problem+json");
    assert!(answer.challenge().is_some());
    assert_eq!(
        answer.problem(),
        json!({
            "type": "about:blank", "title": "Unauthorized", "status": 401,
            "detail": "a required claim is missing", "error": "invalid_token",
        })
    );
    let answer = guarded().fields(&[]).await;
    assert_eq!(
        answer.problem(),
        json!({"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": "a bearer token is required"})
    );
}

#[tokio::test]
async fn t_6750_10_a_name_of_the_apps_own_cannot_break_out_of_its_quotes() {
    let roles = Roles::from_names(["ädmin\", scope=\"all\\"]).unwrap();
    let role = roles.get("ädmin\", scope=\"all\\").unwrap();
    let auth = strict().build().unwrap();
    let stack = ProtectedApp::layered(|app| app.layer(RequireRole::any([role]).unwrap()).layer(auth));
    let answer = stack.ask(&token(claims().to_string())).await;
    answer.refused(StatusCode::FORBIDDEN);
    assert_eq!(
        answer.challenge(),
        Some(
            r#"Bearer realm="api", error="insufficient_scope", error_description="missing role: ?dmin', scope='all?""#
        )
    );
}

/// The parameters of a bearer challenge; panics where it breaks the grammar or the alphabets of RFC 6750 §3.
#[track_caller]
fn parameters(challenge: &str) -> Vec<(&str, &str)> {
    let parameters = challenge.strip_prefix("Bearer ").expect("the scheme").split(", ");
    let split = |parameter| {
        let (name, value): (&str, &str) = str::split_once(parameter, '=').expect("a name and a value");
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).expect("quotes");
        let is_legal = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(value.bytes().all(is_legal), "{challenge:?}");
        (name, value)
    };
    parameters.map(split).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn t_6750_10_nothing_of_a_token_or_a_field_leaks_into_the_challenge(
        text in "\\PC{0,12}[\"\\\\\r\n,= ]{0,3}\\PC{0,12}",
        field in prop::collection::vec(prop_oneof![Just(b'\t'), 0x20..=0x7e_u8, 0x80..=0xff_u8], 0..40),
    ) {
        let quoted = json!(text).to_string();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let stack = guarded();
            for answer in [
                stack.ask(&signed(format!(r#"{{"alg":{quoted},"kid":{quoted}}}"#), claims().to_string())).await,
                stack.ask(&token(claims_with("iss", &quoted))).await,
                stack.ask(&token(claims_with("exp", &quoted))).await,
                stack.authorize(&[b"Bearer ".as_slice(), &field].concat()).await,
            ] {
                assert!(!answer.handled);
                let parameters = parameters(answer.challenge().unwrap());
                assert_eq!(parameters[0], ("realm", "api"));
                assert!(parameters.iter().all(|(name, _)| ["realm", "error", "error_description"].contains(name)));
                assert!(text.len() < 8 || !answer.challenge().unwrap().contains(&text));
            }
        });
    }
}
