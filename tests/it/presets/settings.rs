//! Settings of presets: invalid base URLs, settings of other presets, and required tenants.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::gate::{DenialKind, TokenError};
use portcullis::{EntraCloud, Issuer, JwtAuth, Pin};
use serde_json::{Value, json};

use super::rs256_signer;
use crate::support::fake_http_client::FakeHttpClient;
use crate::support::protected_app::ProtectedApp;

fn issues(issuer: Issuer) -> Vec<String> {
    match JwtAuth::builder().issuer(issuer.audience("api")).build() {
        Ok(_) => Vec::new(),
        Err(error) => error.issues().iter().map(|issue| issue.setting().to_owned()).collect(),
    }
}

#[test]
fn a_base_url_that_is_not_https_or_not_plain_is_an_error() {
    let with_base_url: [(&str, fn(&str) -> Issuer); 7] = [
        ("Issuer::supabase_at", |url| Issuer::supabase_at(url)),
        ("Issuer::clerk", |url| Issuer::clerk(url).authorized_parties(["https://app.example.com"])),
        ("Issuer::authentik", |url| Issuer::authentik(url, "orders")),
        ("Issuer::keycloak", |url| Issuer::keycloak(url, "shop")),
        ("Issuer::gitlab_ci", |url| Issuer::gitlab_ci(url, Pin::project_id(1))),
        ("Issuer::github_actions_at", |url| Issuer::github_actions_at(url, Pin::repository_id(1))),
        ("Issuer::kubernetes", |url| Issuer::kubernetes(url)),
    ];
    for (constructor, issuer) in with_base_url {
        for valid in ["https://id.example.com", "https://id.example.com:8443/auth", "http://127.0.0.1:9"] {
            assert_eq!(issues(issuer(valid)), [""; 0], "{constructor}: {valid}");
        }
        for invalid in [
            "id.example.com",
            "http://id.example.com",
            "https://id.example.com?x=1",
            "https://id.example.com#x",
            "https://user@id.example.com",
            "https://id.example.com/a/../b",
            "https://id.example.com/a%2fb",
            "https://id.example.com/",
        ] {
            assert!(issues(issuer(invalid)).contains(&constructor.to_owned()), "{constructor}: {invalid}");
        }
    }
}

#[test]
fn a_setting_of_another_preset_is_an_error() {
    let okta = || Issuer::okta("dev-1.okta.com", "default");
    for (setting, issuer) in [
        ("allow_anonymous_users", okta().allow_anonymous_users()),
        ("authorized_parties", okta().authorized_parties(["https://app.example.com"])),
        ("allow_missing_azp", okta().allow_missing_azp()),
        ("version_1", okta().version_1()),
        ("allow_organizations", okta().allow_organizations()),
        ("allow_forks", Issuer::github_actions(Pin::repository_id(1)).allow_forks()),
        ("service_account", okta().service_account("jobs", "importer")),
        ("entra_cloud", okta().entra_cloud(EntraCloud::China)),
        ("tenant", okta().tenant("acme")),
    ] {
        assert_eq!(issues(issuer), [setting]);
    }
}

#[test]
fn an_argument_that_is_not_of_the_provider_is_an_error() {
    for (constructor, issuer) in [
        ("Issuer::supabase", Issuer::supabase("abc.evil.example/")),
        ("Issuer::firebase", Issuer::firebase("My Project")),
        ("Issuer::zitadel", Issuer::zitadel("acme.zitadel.cloud", "orders")),
        ("Issuer::zitadel", Issuer::zitadel("https://acme.zitadel.cloud", "28")),
        ("Issuer::authentik", Issuer::authentik("https://sso.example.com", "a/b")),
        ("Issuer::logto", Issuer::logto("https://acme.logto.app")),
        ("Issuer::logto", Issuer::logto("acme.logto.app/other")),
        ("Issuer::zitadel", Issuer::zitadel("acme.zitadel.cloud/other", "28")),
        ("Issuer::github_actions_enterprise", Issuer::github_actions_enterprise("a/b", Pin::repository_id(1))),
    ] {
        assert!(issues(issuer).contains(&constructor.to_owned()), "{constructor}");
    }
}

#[tokio::test]
async fn a_preset_allows_only_the_algorithms_of_its_provider() {
    const ALL: [&str; 17] = [
        "RS256",
        "RS384",
        "RS512",
        "PS256",
        "PS384",
        "PS512",
        "ES256",
        "ES384",
        "ES512",
        "ES256K",
        "EdDSA",
        "HS256",
        "HS384",
        "HS512",
        "ML-DSA-44",
        "ML-DSA-65",
        "ML-DSA-87",
    ];
    let github = "https://token.actions.githubusercontent.com";
    for (issuer, iss, expected) in [
        (
            Issuer::clerk("https://clerk.example.com").authorized_parties(["https://app.example.com"]),
            "https://clerk.example.com",
            &["RS256"][..],
        ),
        (Issuer::firebase("shop"), "https://securetoken.google.com/shop", &["RS256"]),
        (Issuer::github_actions(Pin::repository_id(74)).audience("api"), github, &["RS256"]),
        (
            Issuer::gitlab_ci("https://gitlab.com", Pin::project_id(20)).audience("api"),
            "https://gitlab.com",
            &["RS256"],
        ),
        (Issuer::logto("acme.logto.app").audience("api"), "https://acme.logto.app/oidc", &["ES384"]),
        (Issuer::supabase("abcd"), "https://abcd.supabase.co/auth/v1", &["RS256", "ES256"]),
    ] {
        let fetch = FakeHttpClient::with_document("", rs256_signer().await.jwks());
        let app = ProtectedApp::behind(JwtAuth::builder().issuer(issuer).http_client(fetch).build().unwrap());
        let mut allowed = Vec::new();
        for algorithm in ALL {
            let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let head = json!({"alg": algorithm, "typ": "at+jwt"});
            let token = format!("{}.{}.c2ln", part(head), part(json!({"iss": iss, "sub": "ann"})));
            let response = app.send_token(&token).await;
            if *response.denial() != DenialKind::InvalidToken(TokenError::Algorithm) {
                allowed.push(algorithm);
            }
        }
        assert_eq!(allowed, expected, "{iss}");
    }
}
