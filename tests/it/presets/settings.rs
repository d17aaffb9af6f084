//! Settings of presets: invalid base URLs, settings of other presets, and required tenants.

use portcullis::{EntraCloud, Issuer, JwtAuth, Pin};

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
        ("Issuer::github_actions_enterprise", Issuer::github_actions_enterprise("a/b", Pin::repository_id(1))),
    ] {
        assert!(issues(issuer).contains(&constructor.to_owned()), "{constructor}");
    }
}
