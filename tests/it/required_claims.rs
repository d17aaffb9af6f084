//! The settings of an issuer for the claims of its tokens: required claims, the audience claim, workloads, tenants.

use axum::http::StatusCode;
use portcullis::gate::{DenialKind, TokenError};
use portcullis::{ClaimMap, Issuer, Principal};
use serde_json::{Value, json};

use crate::support::log_capture::LogCapture;
use crate::support::tokens::{
    AUDIENCE, ISSUER, SECRET, app_trusting, claims_with, claims_without, token, valid_claims,
};

fn issuer() -> Issuer {
    Issuer::hs256(ISSUER, SECRET)
}

/// A token with these claims added.
fn token_and(more: &Value) -> String {
    let mut claims = valid_claims();
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    token(claims.to_string())
}

#[tokio::test]
async fn a_required_claim_is_a_string_that_equals_one_of_the_values_byte_for_byte() {
    let app = app_trusting(issuer().require_claim("env", ["staging", "production"]));
    for env in ["staging", "production"] {
        assert!(app.send_token(&token_and(&json!({"env": env}))).await.handler_called, "{env}");
    }
    for env in ["null", "7", "true", "{}", r#"["production"]"#, r#""Production""#, r#""production ""#, r#""""#] {
        let response = app.send_token(&token(claims_with("env", env))).await;
        response.assert_invalid_token(TokenError::claim_mismatch("env"));
    }
    let missing = app.send_token(&token_and(&json!({}))).await;
    missing.assert_invalid_token(TokenError::claim_mismatch("env"));
    let DenialKind::InvalidToken(error) = missing.denial() else { panic!() };
    assert_eq!(error.to_string(), "a claim of the token does not have a required value: env");
}

#[tokio::test]
async fn an_array_matches_by_any_member_only_with_contains_claim() {
    let contains = app_trusting(issuer().contains_claim("/app/groups", ["staff"]));
    let equals = app_trusting(issuer().require_claim("/app/groups", ["staff"]));
    for (groups, has_member) in [
        (json!(["staff"]), true),
        (json!(["guests", "staff"]), true),
        (json!("staff"), false),
        (json!(["Staff"]), false),
    ] {
        let token = token_and(&json!({"app": {"groups": groups}}));
        let response = contains.send_token(&token).await;
        assert_eq!(response.handler_called, has_member, "{groups}");
        let is_string = groups.is_string();
        assert_eq!(equals.send_token(&token).await.handler_called, is_string, "{groups}");
        if !has_member {
            response.assert_invalid_token(TokenError::claim_mismatch("/app/groups"));
        }
    }
}

#[tokio::test]
async fn every_required_claim_must_match() {
    let app = app_trusting(issuer().require_claim("env", ["production"]).require_claim("project_id", ["7"]));
    assert!(app.send_token(&token_and(&json!({"env": "production", "project_id": "7"}))).await.handler_called);
    for (env, project, claim) in [("production", "8", "project_id"), ("staging", "7", "env")] {
        let response = app.send_token(&token_and(&json!({"env": env, "project_id": project}))).await;
        response.assert_invalid_token(TokenError::claim_mismatch(claim));
    }
}

#[tokio::test]
async fn the_value_of_a_required_claim_is_in_no_response_and_in_no_log_line_at_info_or_above() {
    let app = app_trusting(issuer().require_claim("env", ["production"]));
    let log = LogCapture::start();
    let response = app.send_token(&token_and(&json!({"env": "secret-value"}))).await;
    response.assert_rejected(StatusCode::UNAUTHORIZED);
    assert_eq!(response.problem()["code"], "token_claim_mismatch");
    assert!(!response.body.contains("secret-value") && !format!("{:?}", response.head).contains("secret-value"));
    let text = log.text();
    assert!(!text.contains("secret-value"), "{text}");
    let warning = text.lines().find(|line| line.contains(" WARN ")).unwrap();
    assert!(warning.contains("required value: env") && warning.contains(ISSUER), "{warning}");
}

#[tokio::test]
async fn the_audience_may_be_in_another_claim_and_is_then_required_there() {
    for (claim, name) in [("azp", "azp"), ("/app/clients", "app")] {
        let app = app_trusting(issuer().audience_claim(claim).audience("web"));
        let value = |audience: Value| if name == "app" { json!({"clients": audience}) } else { audience };
        for (audience, is_ours) in [(json!("web"), true), (json!(["ios", "web"]), true), (json!("ios"), false)] {
            let response = app.send_token(&token_and(&json!({name: value(audience)}))).await;
            assert_eq!(response.handler_called, is_ours, "{claim}");
            if !is_ours {
                response.assert_invalid_token(TokenError::Audience);
            }
        }
        // The audience is not in `aud`.
        let mut claims: Value = serde_json::from_str(&claims_without("azp")).unwrap();
        claims["aud"] = "web".into();
        let response = app.send_token(&token(claims.to_string())).await;
        response.assert_invalid_token(TokenError::claim_missing(claim));
        let malformed = app.send_token(&token_and(&json!({name: value(json!(7))}))).await;
        malformed.assert_invalid_token(TokenError::claim_invalid(claim));
    }
    assert!(
        app_trusting(issuer()).send_token(&token_and(&json!({"azp": "web", "aud": AUDIENCE}))).await.handler_called
    );
}

#[tokio::test]
async fn workload_tokens_give_a_client_whose_id_is_the_subject() {
    let app = app_trusting(issuer().workload_tokens());
    let mut claims: Value = serde_json::from_str(&claims_without("client_id")).unwrap();
    claims["sub"] = "repo:acme/shop:ref:refs/heads/main".into();
    claims["email"] = "ann@example.com".into();
    for azp in [Value::Null, "other".into()] {
        claims["azp"] = azp;
        let response = app.send_token(&token(claims.to_string())).await;
        let user = response.user();
        assert_eq!((user.principal(), user.client_id()), (Principal::Client, Some(user.id())));
        assert_eq!(user.id(), "repo:acme/shop:ref:refs/heads/main");
    }
    claims["azp"] = Value::Null;
    let response = app_trusting(issuer()).send_token(&token(claims.to_string())).await;
    assert_eq!((response.user().principal(), response.user().client_id()), (Principal::User, None));
}

#[tokio::test]
async fn the_tenant_is_a_string_of_1_to_256_bytes_or_absent() {
    let app = app_trusting(issuer().claims(ClaimMap::new().tenant("org_id")));
    let longest = "t".repeat(256);
    for tenant in ["acme", "org/7", &longest] {
        let response = app.send_token(&token_and(&json!({"org_id": tenant}))).await;
        assert_eq!(response.user().tenant(), Some(tenant));
    }
    for tenant in
        [json!(null), json!(7), json!(["acme"]), json!({"id": "acme"}), json!(""), json!(format!("{longest}t"))]
    {
        let response = app.send_token(&token_and(&json!({"org_id": tenant}))).await;
        response.assert_invalid_token(TokenError::claim_invalid("org_id"));
    }
    assert_eq!(app.send_token(&token_and(&json!({}))).await.user().tenant(), None);
}
