//! The serialized form of users and privileges, and settings deserialized from JSON.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::time::{Duration, UNIX_EPOCH};

use axum::routing::get;
use axum::{Json, Router};
use http::Request;
use portcullis::context::Credential;
use portcullis::headers::{Csp, Hsts};
use portcullis::rate_limit::Algorithm;
use portcullis::testing::as_user;
use portcullis::{
    ClientAddr, ConfigError, OriginSet, Permission, Principal, Quota, Roles, Scopes, Tiers, TrustedProxies, UserContext,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::support::response::TestResponse;

fn to_json(value: impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

/// The error of deserializing the JSON, without its position.
fn error_of<T: DeserializeOwned>(json: &Value) -> String {
    let error = serde_json::from_str::<T>(&json.to_string()).err().unwrap().to_string();
    error.split(" at line ").next().unwrap().to_owned()
}

fn complete_user() -> UserContext {
    let roles = Roles::builder().role("editor", ["write:page", "*:draft"]).build().unwrap();
    UserContext::new("ann")
        .with_issuer("https://issuer.example.com")
        .with_tenant("acme")
        .with_client_id("web")
        .with_email("ann@example.com")
        .with_email_verified(true)
        .with_credential(Credential::Session)
        .with_session_id("secret-session-id")
        .with_issued_at(UNIX_EPOCH + Duration::from_secs(1_799_990_001))
        .with_name("Ann")
        .with_scopes(Scopes::new(["read:pages", "write:pages"]).unwrap())
        .with_roles(["editor"])
        .with_role_table(roles)
        .with_permissions([Permission::new("delete:page").unwrap()])
        .with_tier(Tiers::ascending(["basic", "gold"]).unwrap().get("gold").unwrap())
        .with_token_id("secret-token-id")
        .with_expires_at(UNIX_EPOCH + Duration::from_millis(1_800_000_000_999))
        .with_authentication(UNIX_EPOCH + Duration::from_secs(1_799_990_000), "mfa", ["pwd", "otp"])
        .with_principal(Principal::Client)
        .with_raw_claims(r#"{"card":"secret-claim"}"#)
        .with_record("secret-record")
}

#[test]
fn a_user_has_no_id_of_a_session_or_token_and_no_claims_and_record() {
    let text = serde_json::to_string(&complete_user()).unwrap();
    assert!(!text.contains("secret"), "{text}");
    assert_eq!(
        serde_json::from_str::<Value>(&text).unwrap(),
        json!({
            "id": "ann",
            "principal": "client",
            "credential": "session",
            "issuer": "https://issuer.example.com",
            "tenant": "acme",
            "client_id": "web",
            "email": "ann@example.com",
            "email_verified": true,
            "name": "Ann",
            "scopes": ["read:pages", "write:pages"],
            "roles": ["editor"],
            "permissions": ["*:draft", "delete:page", "write:page"],
            "tier": "gold",
            "acr": "mfa",
            "amr": ["pwd", "otp"],
            "auth_time": 1_799_990_000,
            "expires_at": 1_800_000_000,
        })
    );
}

#[test]
fn absent_values_of_a_user_are_omitted() {
    let mut expected = json!({
        "id": "ann",
        "principal": "user",
        "credential": "other",
        "scopes": [],
        "roles": [],
        "permissions": [],
    });
    assert_eq!(to_json(UserContext::new("ann").with_email_verified(true)), expected);
    expected["email"] = "a@example.com".into();
    expected["email_verified"] = false.into();
    assert_eq!(to_json(UserContext::new("ann").with_email("a@example.com")), expected);
}

#[tokio::test]
async fn a_handler_returns_the_user_as_json() {
    let app = Router::new().route("/me", get(async |user: UserContext| Json(user)));
    let response = TestResponse::get(&app.layer(as_user(complete_user())), "/me", &[]).await;
    assert_eq!(response.headers["content-type"], "application/json");
    assert_eq!(serde_json::from_str::<Value>(&response.body).unwrap(), to_json(complete_user()));
}

#[test]
fn privileges_and_addresses_are_serialized_as_text_and_lists() {
    let tiers = Tiers::ascending(["basic", "gold"]).unwrap();
    let roles = Roles::from_names(["editor"]).unwrap();
    let mut request = Request::new(());
    request.extensions_mut().insert(SocketAddr::from(([192, 0, 2, 1], 4711)));
    let client: ClientAddr = TrustedProxies::none().client(&request.into_parts().0).unwrap();
    assert_eq!(to_json(Scopes::new(["b", "a"]).unwrap()), json!(["b", "a"]));
    assert_eq!(to_json(Permission::new("read:page").unwrap()), json!("read:page"));
    assert_eq!(to_json(tiers.get("gold").unwrap()), json!("gold"));
    assert_eq!(to_json(&tiers), json!(["basic", "gold"]));
    assert_eq!(to_json(roles.get("editor").unwrap()), json!("editor"));
    assert_eq!(to_json([Principal::User, Principal::Client]), json!(["user", "client"]));
    assert_eq!(to_json(client), json!("192.0.2.1"));
    assert_eq!(to_json(Quota::per_hour(100).unwrap()), json!("100/h"));
}

fn assert_deserializes<T>(value: Result<T, ConfigError>, forms: impl IntoIterator<Item = Value>)
where
    T: DeserializeOwned + Debug + PartialEq,
{
    let value = value.unwrap();
    for form in forms {
        assert_eq!(serde_json::from_value::<T>(form.clone()).unwrap(), value, "{form}");
    }
}

#[test]
fn each_form_of_a_setting_deserializes_to_the_value_of_its_constructor() {
    assert_deserializes(Quota::per(5, Duration::from_secs(900)), [json!("5/15min"), json!("5/900s")]);
    let bucket = Quota::per_hour(100).map(|quota| quota.algorithm(Algorithm::TokenBucket));
    assert_deserializes(bucket, [json!("100/h token_bucket")]);
    assert_deserializes(Permission::new("read:page"), [json!("read:page")]);
    assert_deserializes(Scopes::new(["a", "b"]), [json!(["a", "b"]), json!("a b")]);
    assert_deserializes(Ok(Scopes::default()), [json!([]), json!("")]);
    assert_deserializes(Tiers::ascending(["basic", "gold"]), [json!(["basic", "gold"]), json!("basic < gold")]);
    assert_deserializes(Ok(Csp::html()), [json!(Csp::html().to_string())]);
    let hsts = Hsts::new(Duration::from_secs(300)).include_subdomains();
    assert_deserializes(Ok(hsts), [json!("max-age=300; includeSubDomains")]);
}

#[derive(Debug, Deserialize)]
struct Settings {
    origins: OriginSet,
    proxies: TrustedProxies,
    quota: Quota,
    #[serde(default)]
    scopes: Scopes,
}

fn settings() -> Value {
    json!({
        "origins": ["https://app.example.com", "http://localhost:*"],
        "proxies": ["10.0.0.0/8", "192.0.2.7"],
        "quota": "100/h",
    })
}

#[test]
fn a_struct_of_settings_is_deserialized() {
    let settings: Settings = serde_json::from_value(settings()).unwrap();
    assert!(settings.origins.contains("https://app.example.com") && settings.origins.contains("http://localhost:1"));
    assert!(!settings.origins.contains("https://evil.example"));
    let mut request = Request::builder().header("x-forwarded-for", "203.0.113.9").body(()).unwrap();
    request.extensions_mut().insert(SocketAddr::from(([192, 0, 2, 7], 4711)));
    let client = settings.proxies.client(&request.into_parts().0).unwrap();
    assert_eq!(client.to_string(), "203.0.113.9");
    assert_eq!(settings.quota, Quota::per_hour(100).unwrap());
    assert!(settings.scopes.is_empty());
}

#[test]
fn proxies_are_deserialized_from_networks_and_from_a_number_of_hops() {
    let request = Request::builder().header("x-forwarded-for", "6.6.6.6, 203.0.113.9, 192.0.2.7").body(()).unwrap();
    let head = request.into_parts().0;
    for (value, client) in [
        (json!(2), Some("203.0.113.9")),
        (json!(["unix:"]), Some("192.0.2.7")),
        (json!(["unix:", "192.0.2.7"]), Some("203.0.113.9")),
        (json!(["192.0.2.7"]), None),
        (json!([]), None),
    ] {
        let proxies: TrustedProxies = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(proxies.client(&head).map(|client| client.to_string()).as_deref(), client, "{value}");
    }
}

#[test]
fn an_invalid_setting_is_reported_with_the_text_of_its_constructor() {
    for (field, value, error) in [
        ("origins", json!(["https://*.com", "*"]), OriginSet::new(["https://*.com", "*"]).unwrap_err()),
        ("origins", json!([]), OriginSet::new([""; 0]).unwrap_err()),
        ("proxies", json!(["10.0.0.0/64"]), TrustedProxies::new(["10.0.0.0/64"]).unwrap_err()),
        ("proxies", json!(["0.0.0.0/0"]), TrustedProxies::new(["0.0.0.0/0"]).unwrap_err()),
        ("proxies", json!(65), TrustedProxies::hops(65).unwrap_err()),
        ("quota", json!("0/h"), "0/h".parse::<Quota>().unwrap_err()),
        ("scopes", json!(["a b", "c"]), Scopes::new(["a b"]).unwrap_err()),
        ("scopes", json!("\"a\""), "\"a\"".parse::<Scopes>().unwrap_err()),
    ] {
        let mut settings = settings();
        settings[field] = value;
        assert_eq!(error_of::<Settings>(&settings), error.to_string(), "{field}");
    }
    assert_eq!(error_of::<Permission>(&json!("page")), "page".parse::<Permission>().unwrap_err().to_string());
    assert_eq!(error_of::<Tiers>(&json!(["a", "a"])), Tiers::ascending(["a", "a"]).unwrap_err().to_string());
    assert_eq!(error_of::<Tiers>(&json!("b > a")), "b > a".parse::<Tiers>().unwrap_err().to_string());
    assert_eq!(error_of::<Csp>(&json!("defaultsrc *")), "defaultsrc *".parse::<Csp>().unwrap_err().to_string());
    assert_eq!(error_of::<Hsts>(&json!("1")), "1".parse::<Hsts>().unwrap_err().to_string());
}

#[test]
fn a_value_of_another_type_is_reported_with_an_example() {
    for (error, expected) in [
        (error_of::<Quota>(&json!(100)), "invalid type: integer `100`, expected a quota such as 100/h"),
        (
            error_of::<OriginSet>(&json!("https://a.example")),
            "invalid type: string \"https://a.example\", expected a list of origins such as https://app.example.com",
        ),
        (
            error_of::<TrustedProxies>(&json!({})),
            "invalid type: map, expected a list of networks such as 10.0.0.0/8, or a number of proxies",
        ),
        (
            error_of::<TrustedProxies>(&json!(-1)),
            "invalid type: integer `-1`, expected a list of networks such as 10.0.0.0/8, or a number of proxies",
        ),
        (
            error_of::<TrustedProxies>(&json!("10.0.0.0/8")),
            "invalid type: string \"10.0.0.0/8\", expected a list of networks such as 10.0.0.0/8, or a number of proxies",
        ),
        (
            error_of::<Tiers>(&json!(1)),
            "invalid type: integer `1`, expected a list of tiers, lowest first, or a string such as basic < professional",
        ),
        (error_of::<Scopes>(&json!([1])), "invalid type: integer `1`, expected a string"),
    ] {
        assert_eq!(error, expected);
    }
}

#[test]
fn a_fixed_nonce_is_deserialized_and_rejected_by_build() {
    let csp: Csp = serde_json::from_value(json!("script-src 'nonce-abc'")).unwrap();
    let error = portcullis::SecurityHeaders::api().csp(csp).build().unwrap_err();
    assert!(error.to_string().contains("write 'nonce-...' with three dots"), "{error}");
}
