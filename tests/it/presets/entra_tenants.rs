//! The preset for several tenants of Microsoft Entra ID.

use axum::http::StatusCode;
use portcullis::gate::TokenError;
use portcullis::jwt::JwtAuthBuilder;
use portcullis::{EntraCloud, IssueKind, Issuer, JwtAuth, Tenants};
use serde_json::{Value, json};

use super::{Preset, rs256_signer, token_of, with_changes};
use crate::support::fake_http_client::FakeHttpClient;
use crate::support::jwt_app::JwtApp;
use crate::support::protected_app::ProtectedApp;

const ACME: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const GLOBEX: &str = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
const PERSONAL: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
const AUDIENCE: &str = "6e74172b-be56-4843-9ff4-e66a39bb12e3";
const ORGANIZATIONS: &str = "https://login.microsoftonline.com/organizations/discovery/v2.0/keys";
const COMMON: &str = "https://login.microsoftonline.com/common/discovery/v2.0/keys";
const TEMPLATE: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";

fn issuer_of(tenant: &str) -> String {
    TEMPLATE.replace("{tenantid}", tenant)
}

/// A layer for these tenants, with a loader, which `Tenants::any` needs.
fn auth(tenants: Tenants) -> JwtAuthBuilder {
    JwtAuth::builder().issuer(Issuer::entra_v2_tenants(tenants)).audience(AUDIENCE).load_user(async |user| Ok(user))
}

/// The claims of a user's token of this tenant.
fn claims(tenant: &str) -> Value {
    json!({
        "aud": AUDIENCE, "iss": issuer_of(tenant), "azp": "04b07795-8ddb-461a-bbee-02f9e1bf7b46", "azpacr": "0",
        "name": "Ann", "oid": "00000000-0000-0000-66f3-3332eca7ea81", "preferred_username": "ann@example.com",
        "scp": "Read Write", "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ", "tid": tenant, "uti": "u", "ver": "2.0",
    })
}

fn header() -> Value {
    json!({ "typ": "JWT" })
}

/// The key set of the signer with this member `issuer` in its key.
async fn keys_with_issuer(issuer: Value) -> String {
    let mut keys: Value = serde_json::from_str(&rs256_signer().await.jwks()).unwrap();
    keys["keys"][0]["issuer"] = issuer;
    keys.to_string()
}

#[tokio::test]
async fn tokens_of_listed_tenants_are_accepted_with_shared_keys() {
    let preset = Preset::start_with(auth(Tenants::only([ACME, GLOBEX])), ORGANIZATIONS).await;
    preset.fetch.publish(ORGANIZATIONS, keys_with_issuer(TEMPLATE.into()).await);
    for tenant in [ACME, GLOBEX, ACME] {
        let response = preset.send_token(header(), &claims(tenant)).await;
        let user = response.user();
        assert_eq!((user.issuer(), user.tenant()), (Some(issuer_of(tenant).as_str()), Some(tenant)));
        assert_eq!(user.id(), "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ");
    }
    assert_eq!(preset.fetch.requested_urls(), [ORGANIZATIONS]);
}

#[tokio::test]
async fn iss_must_equal_the_template_with_the_tid_of_the_token() {
    let preset = Preset::start_with(auth(Tenants::any()), ORGANIZATIONS).await;
    let changed = |changes| with_changes(&claims(ACME), changes);
    for tid in [json!(GLOBEX), json!(ACME.to_uppercase()), json!(""), json!(1), json!([ACME]), Value::Null] {
        let response = preset.send_token(header(), &changed(json!({ "tid": tid }))).await;
        response.assert_invalid_token(TokenError::claim_mismatch("tid"));
    }
    for iss in [
        TEMPLATE.to_owned(),
        issuer_of("common"),
        issuer_of("organizations"),
        issuer_of(""),
        issuer_of(&ACME.to_uppercase()),
        issuer_of(&format!("{ACME}/x")),
        issuer_of(&format!("x/{ACME}")),
        format!("{}/", issuer_of(ACME)),
        format!("https://sts.windows.net/{ACME}/"),
        format!("https://login.microsoftonline.us/{ACME}/v2.0"),
    ] {
        let response = preset.send_token(header(), &changed(json!({ "iss": iss }))).await;
        response.assert_invalid_token(TokenError::Issuer);
    }
    assert_eq!(preset.fetch.requested_urls(), [""; 0], "nothing is fetched for them");
}

#[tokio::test]
async fn a_tenant_that_is_not_listed_is_rejected() {
    let preset = Preset::start_with(auth(Tenants::only([ACME])), ORGANIZATIONS).await;
    preset.send_token(header(), &claims(GLOBEX)).await.assert_invalid_token(TokenError::Issuer);
    // The other tenant's `iss` with the listed tenant's `tid`, and the reverse.
    let mixed = with_changes(&claims(GLOBEX), json!({ "tid": ACME }));
    preset.send_token(header(), &mixed).await.assert_invalid_token(TokenError::Issuer);
    let mixed = with_changes(&claims(ACME), json!({ "tid": GLOBEX }));
    preset.send_token(header(), &mixed).await.assert_invalid_token(TokenError::claim_mismatch("tid"));
}

#[tokio::test]
async fn a_key_with_an_issuer_verifies_tokens_of_that_issuer_only() {
    for (key_issuer, tenant, is_accepted) in [
        (json!(TEMPLATE), ACME, true),
        (json!(issuer_of(ACME)), ACME, true),
        (json!(issuer_of(GLOBEX)), ACME, false),
        (json!(issuer_of(PERSONAL)), ACME, false),
        (json!(issuer_of(PERSONAL)), PERSONAL, true),
        (json!("https://login.microsoftonline.com/{tenantid}/v2.0/"), ACME, false),
        (json!(""), ACME, false),
        (json!(1), ACME, false),
        (json!(null), ACME, true),
    ] {
        let preset = Preset::start_with(auth(Tenants::any().personal_accounts()), COMMON).await;
        preset.fetch.publish(COMMON, keys_with_issuer(key_issuer.clone()).await);
        let response = preset.send_token(header(), &claims(tenant)).await;
        match is_accepted {
            true => assert_eq!(response.user().tenant(), Some(tenant), "{key_issuer}"),
            false => response.assert_invalid_token(TokenError::Signature),
        }
    }
}

#[tokio::test]
async fn a_key_of_a_national_cloud_has_the_issuer_of_that_cloud() {
    let of_cloud = |issuer: &str| issuer.replace("microsoftonline.com", "microsoftonline.us");
    let url: &'static str = of_cloud(ORGANIZATIONS).leak();
    let claims = with_changes(&claims(ACME), json!({"iss": of_cloud(&issuer_of(ACME))}));
    for (key_issuer, is_accepted) in [
        (of_cloud(TEMPLATE), true),
        (of_cloud(&issuer_of(ACME)), true),
        (TEMPLATE.to_owned(), false),
        (issuer_of(ACME), false),
    ] {
        let issuer = Issuer::entra_v2_tenants(Tenants::only([ACME])).entra_cloud(EntraCloud::UsGovernment);
        let preset = Preset::start(issuer, AUDIENCE, url).await;
        preset.fetch.publish(url, keys_with_issuer(key_issuer.clone().into()).await);
        let response = preset.send_token(header(), &claims).await;
        match is_accepted {
            true => assert_eq!(response.user().tenant(), Some(ACME), "{key_issuer}"),
            false => response.assert_invalid_token(TokenError::Signature),
        }
    }
}

#[tokio::test]
async fn a_single_tenant_does_not_accept_the_key_of_another_tenant() {
    let url = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/discovery/v2.0/keys";
    for (key_issuer, is_accepted) in [(TEMPLATE.to_owned(), true), (issuer_of(ACME), true), (issuer_of(GLOBEX), false)]
    {
        let builder = JwtAuth::builder().issuer(Issuer::entra_v2(ACME)).audience(AUDIENCE);
        let preset = Preset::start_with(builder, url).await;
        preset.fetch.publish(url, keys_with_issuer(key_issuer.into()).await);
        let response = preset.send_token(header(), &claims(ACME)).await;
        assert_eq!(response.head.status == StatusCode::OK, is_accepted);
    }
}

#[tokio::test]
async fn personal_accounts_are_accepted_only_if_they_are_named() {
    for (tenants, url, is_accepted) in [
        (Tenants::any(), ORGANIZATIONS, false),
        (Tenants::only([ACME]), ORGANIZATIONS, false),
        (Tenants::any().personal_accounts(), COMMON, true),
        (Tenants::only([ACME, PERSONAL]), COMMON, true),
    ] {
        let preset = Preset::start_with(auth(tenants), url).await;
        assert_eq!(preset.send_token(header(), &claims(ACME)).await.head.status, StatusCode::OK);
        let response = preset.send_token(header(), &claims(PERSONAL)).await;
        match is_accepted {
            true => assert_eq!(response.user().tenant(), Some(PERSONAL)),
            false => response.assert_invalid_token(TokenError::Issuer),
        }
    }
}

#[tokio::test]
async fn both_versions_of_one_tenant_are_accepted_only_if_both_presets_are_configured() {
    let v1_url = format!("https://login.microsoftonline.com/{ACME}/discovery/keys");
    let signer = rs256_signer().await;
    let fetch = FakeHttpClient::with_document(ORGANIZATIONS, signer.jwks());
    fetch.publish(v1_url, signer.jwks());
    let changes = json!({ "iss": format!("https://sts.windows.net/{ACME}/"), "appid": "a", "ver": "1.0" });
    let tokens =
        [claims(ACME), with_changes(&claims(ACME), changes)].map(|claims| token_of(&signer, header(), &claims));
    let only_v2 = auth(Tenants::only([ACME])).http_client(fetch);
    let both = only_v2.clone().add_issuer(Issuer::entra_v1(ACME));
    for (builder, expected) in [(only_v2, [200, 401]), (both, [200, 200])] {
        let app = ProtectedApp::behind(builder.build().unwrap());
        for (token, status) in tokens.iter().zip(expected) {
            assert_eq!(app.send_token(token).await.head.status, status);
        }
    }
}

#[tokio::test]
async fn two_tenants_with_the_same_sub_and_jti_share_no_cached_token() {
    let preset = Preset::start_with(auth(Tenants::only([ACME, GLOBEX])), ORGANIZATIONS).await;
    let tokens = [ACME, GLOBEX].map(|tenant| {
        let claims = with_changes(&claims(tenant), json!({ "jti": "1" }));
        (tenant, token_of(&preset.signer, header(), &claims))
    });
    for (tenant, token) in tokens.iter().cycle().take(6) {
        let response = preset.app.send_token(token).await;
        assert_eq!(response.user().tenant(), Some(*tenant));
    }
}

#[tokio::test]
async fn any_tenant_needs_a_loader_or_a_required_claim() {
    let build = |issuer: Issuer| JwtAuth::builder().issuer(issuer).audience(AUDIENCE).build();
    let error = build(Issuer::entra_v2_tenants(Tenants::any())).unwrap_err();
    let [issue] = error.issues() else { panic!("{error}") };
    assert_eq!((issue.setting(), issue.kind()), ("Tenants::any", IssueKind::Missing));
    assert!(build(Issuer::entra_v2_tenants(Tenants::any()).require_claim("tid", [ACME])).is_ok());
    assert!(build(Issuer::entra_v2_tenants(Tenants::only([ACME]))).is_ok());
    assert!(auth(Tenants::any()).build().is_ok());
}

#[test]
fn a_tenant_is_listed_by_its_id() {
    for ids in [&["common"][..], &["organizations"], &["contoso.onmicrosoft.com"], &[ACME, ""], &[]] {
        let error = auth(Tenants::only(ids.iter().copied())).build().unwrap_err();
        assert_eq!(error.issues()[0].setting(), "Issuer::entra_v2_tenants", "{ids:?}");
    }
}

#[tokio::test]
async fn metadata_of_many_tenants_names_the_preset_in_the_log() {
    use crate::support::log_capture::LogCapture;
    let metadata = json!({ "issuer": TEMPLATE, "jwks_uri": COMMON }).to_string();
    let fetch = FakeHttpClient::with_document(
        "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration",
        metadata,
    );
    let issuer = Issuer::discover("https://login.microsoftonline.com/common/v2.0");
    let app = JwtApp::new(JwtAuth::builder().issuer(issuer).audience(AUDIENCE).http_client(fetch));
    let log = LogCapture::start();
    assert!(!app.auth.prefetch_keys().await);
    assert_eq!(log.count("Issuer::entra_v2_tenants"), 1, "{}", log.text());
}
