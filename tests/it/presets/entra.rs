//! The presets for Microsoft Entra ID, versions 1.0 and 2.0.

use portcullis::gate::TokenError;
use portcullis::{EntraCloud, Issuer, Principal, Tenants};
use serde_json::{Value, json};

use super::{Preset, roles, scopes, with_changes};

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const V2_KEYS: &str = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/discovery/v2.0/keys";

async fn v1() -> Preset {
    let url = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/discovery/keys";
    Preset::start(Issuer::entra_v1(TENANT), "api://valuations", url).await.without_alg()
}

async fn v2() -> Preset {
    Preset::start(Issuer::entra_v2(TENANT), "6e74172b-be56-4843-9ff4-e66a39bb12e3", V2_KEYS).await.without_alg()
}

fn user_claims_v1() -> Value {
    json!({
        "aud": "api://valuations", "iss": format!("https://sts.windows.net/{TENANT}/"), "acr": "1", "amr": ["pwd", "mfa"],
        "appid": "04b07795-8ddb-461a-bbee-02f9e1bf7b46", "appidacr": "0", "name": "Ann", "given_name": "Ann",
        "oid": "00000000-0000-0000-66f3-3332eca7ea81", "roles": ["Valuations.Editor"], "scp": "user_impersonation Read",
        "sub": "l3_roISQU222bULS9yi2k0XpqpOiMz5H3ZACo1GeXA", "tid": TENANT, "upn": "ann@example.com", "uti": "u", "ver": "1.0",
    })
}

fn user_claims_v2() -> Value {
    json!({
        "aud": "6e74172b-be56-4843-9ff4-e66a39bb12e3",
        "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
        "azp": "04b07795-8ddb-461a-bbee-02f9e1bf7b46", "azpacr": "0", "name": "Ann",
        "oid": "00000000-0000-0000-66f3-3332eca7ea81", "preferred_username": "ann@example.com",
        "roles": ["Valuations.Editor"], "scp": "Read Write", "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
        "tid": TENANT, "uti": "u", "ver": "2.0",
    })
}

fn jwt_header() -> Value {
    json!({"typ": "JWT", "x5t": "nOo3ZDrODXEK1jKWhXslHR_KXEg"})
}

#[tokio::test]
async fn entra_v1_user_token_is_accepted_although_keys_lack_alg() {
    let response = v1().await.send_token(jwt_header(), &user_claims_v1()).await;
    let user = response.user();
    assert_eq!(user.id(), "l3_roISQU222bULS9yi2k0XpqpOiMz5H3ZACo1GeXA");
    assert_eq!(user.client_id(), Some("04b07795-8ddb-461a-bbee-02f9e1bf7b46"));
    assert_eq!((user.email(), user.name()), (Some("ann@example.com"), Some("Ann")));
    assert_eq!((scopes(user), roles(user)), (vec!["user_impersonation", "Read"], vec!["Valuations.Editor"]));
    assert_eq!((user.principal(), user.acr()), (Principal::User, Some("1")));
}

#[tokio::test]
async fn entra_v2_user_token_is_accepted_although_keys_lack_alg() {
    let response = v2().await.send_token(jwt_header(), &user_claims_v2()).await;
    let user = response.user();
    assert_eq!(user.id(), "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ");
    assert_eq!(user.client_id(), Some("04b07795-8ddb-461a-bbee-02f9e1bf7b46"));
    assert_eq!((user.email(), user.principal()), (Some("ann@example.com"), Principal::User));
    assert_eq!((scopes(user), roles(user)), (vec!["Read", "Write"], vec!["Valuations.Editor"]));
}

#[tokio::test]
async fn entra_address_is_verified_only_by_a_claim_that_the_app_names() {
    let claims = with_changes(&user_claims_v2(), json!({"email_verified": true, "xms_edov": true}));
    assert!(!v2().await.send_token(jwt_header(), &claims).await.user().email_verified());
    let issuer = Issuer::entra_v2(TENANT).map_claims(|claims| claims.email(["email"]).email_verified("xms_edov"));
    let preset = Preset::start(issuer, "6e74172b-be56-4843-9ff4-e66a39bb12e3", V2_KEYS).await.without_alg();
    assert!(preset.send_token(jwt_header(), &claims).await.user().email_verified());
}

#[tokio::test]
async fn entra_app_token_is_a_client_with_roles_and_no_scopes() {
    let oid = "3d09ad58-4b2e-4f3c-a2bb-6a1f0d7a8c11";
    let changes = json!({"sub": oid, "oid": oid, "scp": null, "name": null, "given_name": null, "upn": null,
        "preferred_username": null, "acr": null, "amr": null, "roles": ["Valuations.Read.All"], "idtyp": "app"});
    let first = v1().await.send_token(jwt_header(), &with_changes(&user_claims_v1(), changes.clone())).await;
    let second = v2().await.send_token(jwt_header(), &with_changes(&user_claims_v2(), changes)).await;
    for response in [first, second] {
        let user = response.user();
        assert_eq!((user.id(), user.principal()), (oid, Principal::Client));
        assert_eq!(user.client_id(), Some("04b07795-8ddb-461a-bbee-02f9e1bf7b46"));
        assert_eq!((scopes(user), roles(user)), (vec![], vec!["Valuations.Read.All"]));
    }
}

#[tokio::test]
async fn entra_token_of_another_tenant_or_version_is_rejected() {
    let other = json!({"iss": "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0"});
    v2().await
        .send_token(jwt_header(), &with_changes(&user_claims_v2(), other))
        .await
        .assert_invalid_token(TokenError::Issuer);
    v2().await.send_token(jwt_header(), &user_claims_v1()).await.assert_invalid_token(TokenError::Issuer);
    v1().await.send_token(jwt_header(), &user_claims_v2()).await.assert_invalid_token(TokenError::Issuer);
}

#[tokio::test]
async fn entra_id_token_is_rejected() {
    // A claim of ID tokens outweighs `azp`. After a refresh, an ID token has no `nonce`.
    for changes in [
        json!({"azp": null, "scp": null, "nonce": "n"}),
        json!({"scp": null, "nonce": "n"}),
        json!({"scp": null, "at_hash": "h"}),
        json!({"azp": null, "scp": null}),
    ] {
        let response = v2().await.send_token(jwt_header(), &with_changes(&user_claims_v2(), changes)).await;
        response.assert_invalid_token(TokenError::Type);
    }
}

#[tokio::test]
async fn entra_email_is_preferred_to_the_name_for_the_login() {
    let email = json!({"email": "ann@mail.example.com"});
    for response in [
        v1().await.send_token(jwt_header(), &with_changes(&user_claims_v1(), email.clone())).await,
        v2().await.send_token(jwt_header(), &with_changes(&user_claims_v2(), email.clone())).await,
    ] {
        assert_eq!(response.user().email(), Some("ann@mail.example.com"));
    }
}

#[tokio::test]
async fn entra_tenant_is_the_claim_tid() {
    for response in [
        v1().await.send_token(jwt_header(), &user_claims_v1()).await,
        v2().await.send_token(jwt_header(), &user_claims_v2()).await,
    ] {
        assert_eq!(response.user().tenant(), Some(TENANT));
    }
}

#[tokio::test]
async fn entra_token_of_a_national_cloud_is_accepted_by_its_hosts() {
    let v2 = |host: &str| json!({"iss": format!("https://{host}/{TENANT}/v2.0")});
    let v1 = |host: &str| json!({"iss": format!("https://{host}/{TENANT}/")});
    let (us, china) = ("login.microsoftonline.us", "login.partner.microsoftonline.cn");
    for (issuer, keys, claims) in [
        (Issuer::entra_v2(TENANT).entra_cloud(EntraCloud::UsGovernment), us, with_changes(&user_claims_v2(), v2(us))),
        (Issuer::entra_v2(TENANT).entra_cloud(EntraCloud::China), china, with_changes(&user_claims_v2(), v2(china))),
        (
            Issuer::entra_v2_tenants(Tenants::only([TENANT])).entra_cloud(EntraCloud::China),
            china,
            with_changes(&user_claims_v2(), v2(china)),
        ),
        (
            Issuer::entra_v1(TENANT).entra_cloud(EntraCloud::UsGovernment),
            us,
            with_changes(&user_claims_v1(), v1("sts.windows.net")),
        ),
        (
            Issuer::entra_v1(TENANT).entra_cloud(EntraCloud::China),
            china,
            with_changes(&user_claims_v1(), v1("sts.chinacloudapi.cn")),
        ),
    ] {
        let tenant = if format!("{issuer:?}").contains("{tenantid}") { "organizations" } else { TENANT };
        let path = if claims["ver"] == "1.0" { "discovery/keys" } else { "discovery/v2.0/keys" };
        let url: &'static str = format!("https://{keys}/{tenant}/{path}").leak();
        let audience = claims["aud"].as_str().unwrap().to_owned();
        let preset = Preset::start(issuer, &audience, url).await.without_alg();
        assert_eq!(preset.send_token(jwt_header(), &claims).await.user().tenant(), Some(TENANT), "{url}");
        let global = with_changes(&claims, json!({"iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0")}));
        preset.send_token(jwt_header(), &global).await.assert_invalid_token(TokenError::Issuer);
    }
}
