//! The authorization details of a token (RFC 9396).

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use portcullis::context::{AuthorizationDetail, ClaimsError};
use portcullis::gate::{Denial, DenialKind, TokenError};
use portcullis::{Extractor, RequireScope, UserContext};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{apps_of_both_profiles, claims_with, compatible_auth, token, valid_claims};

#[derive(Debug, Deserialize, PartialEq)]
struct Payment {
    amount: u64,
}

impl AuthorizationDetail for Payment {
    const TYPE: &'static str = "payment_initiation";
}

/// A type that denies members that it does not know.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    #[serde(rename = "type")]
    _type: String,
    actions: Vec<String>,
}

impl AuthorizationDetail for Account {
    const TYPE: &'static str = "account_information";
}

/// A user with these authorization details.
fn user(details: &Value) -> UserContext {
    UserContext::new("ann").with_raw_claims(json!({"authorization_details": details}).to_string())
}

#[tokio::test]
async fn authorization_details_that_are_not_objects_with_a_type_are_rejected() {
    for details in ["null", "{}", r#""a""#, "[{}]", r#"["a"]"#, r#"[{"type":7}]"#, r#"[{"type":"a"},{}]"#] {
        for app in apps_of_both_profiles() {
            let response = app.send_token(&token(claims_with("authorization_details", details))).await;
            response.assert_invalid_token(TokenError::claim_invalid("authorization_details"));
        }
    }
}

#[tokio::test]
async fn entries_of_the_type_are_parsed_and_never_become_scopes() {
    let details = json!([
        {"type": "payment_initiation", "amount": 7, "creditor": "bob", "actions": ["initiate"]},
        {"type": "account_information", "actions": ["read"]},
        {"type": "Payment_initiation", "amount": 8},
        {"type": "payment_initiation", "amount": 9},
    ]);
    for app in apps_of_both_profiles() {
        let response = app.send_token(&token(claims_with("authorization_details", &details.to_string()))).await;
        let user = response.user();
        assert_eq!(user.authorization_details(), Ok(vec![Payment { amount: 7 }, Payment { amount: 9 }]));
        assert_eq!(user.authorization_details::<Account>().unwrap()[0].actions, ["read"]);
        assert!(user.scopes().is_empty() && user.permissions().count() == 0);
        let without = app.send_token(&token(valid_claims().to_string())).await;
        assert_eq!(without.user().authorization_details::<Payment>(), Ok(Vec::new()));
    }
    let scope = RequireScope::new("payment_initiation").unwrap();
    let app = ProtectedApp::with_layers(|app| app.layer(scope).layer(compatible_auth().build().unwrap()));
    let response = app.send_token(&token(claims_with("authorization_details", &details.to_string()))).await;
    response.assert_rejected(StatusCode::FORBIDDEN);
}

#[test]
fn an_unknown_member_fails_only_if_the_type_denies_it() {
    let known = user(&json!([{"type": "account_information", "actions": []}]));
    assert!(known.authorization_details::<Account>().is_ok());
    let unknown = user(&json!([{"type": "account_information", "actions": [], "x": 1}]));
    assert!(unknown.authorization_details::<Account>().is_err());
    let unknown = user(&json!([{"type": "payment_initiation", "amount": 1, "x": 1}]));
    assert_eq!(unknown.authorization_details(), Ok(vec![Payment { amount: 1 }]));
}

#[test]
fn an_entry_that_does_not_fit_the_type_is_an_error_without_its_values() {
    let user = user(&json!([{"type": "payment_initiation", "amount": "secret-value"}]));
    let error: ClaimsError = user.authorization_details::<Payment>().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret-value"));
    // It is no detail, so a check of it fails.
    assert!(user.require_authorization_detail(|_: &Payment| true).is_err());
    assert_eq!(UserContext::new("ann").authorization_details::<Payment>(), Ok(Vec::new()));
}

/// A handler that requires a payment of 7.
async fn pay(Extractor(user): Extractor<UserContext>) -> Result<String, Denial> {
    let payment = user.require_authorization_detail(|payment: &Payment| payment.amount == 7)?;
    Ok(payment.amount.to_string())
}

#[tokio::test]
async fn a_missing_authorization_detail_is_403_insufficient_scope() {
    let auth = compatible_auth().build().unwrap();
    let app = ProtectedApp::with_layers(|_| Router::new().route("/", get(pay)).layer(auth));
    let detail = |amount: u64| json!([{"type": "payment_initiation", "amount": amount}]).to_string();
    let response = app.send_token(&token(claims_with("authorization_details", &detail(7)))).await;
    assert_eq!((response.head.status, &*response.body), (StatusCode::OK, "7"));
    for claims in [claims_with("authorization_details", &detail(700)), valid_claims().to_string()] {
        let response = app.send_token(&token(claims)).await;
        response.assert_rejected(StatusCode::FORBIDDEN);
        assert_eq!(response.denial(), &DenialKind::insufficient_authorization_details("payment_initiation"));
        assert!(response.challenge().unwrap().contains(r#"error="insufficient_scope""#));
        assert_eq!(response.problem()["code"], "insufficient_authorization_details");
        assert_eq!(response.problem()["detail"], "required authorization detail: payment_initiation");
    }
}
