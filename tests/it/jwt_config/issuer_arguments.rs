//! Errors in the arguments of presets and the settings of an issuer, reported by `build()`.

use portcullis::{Algorithm, ClaimMap, IssueKind, Issuer, JwtAuth, Tiers};

const TENANT: &str = "8c1f2d3e-0000-4b5a-9c6d-7e8f90a1b2c3";

/// The setting and kind of the first issue that `build()` reports for this issuer.
fn first_issue(issuer: Issuer) -> Option<(&'static str, IssueKind)> {
    let error = JwtAuth::builder().issuer(issuer).audience("api").build().err()?;
    let issue = error.issues().first().unwrap();
    Some((issue.setting(), issue.kind()))
}

#[test]
fn malformed_preset_argument_is_reported_by_name() {
    for (argument, issuer) in [
        ("Issuer::auth0", Issuer::auth0("https://t.eu.auth0.com")),
        ("Issuer::auth0", Issuer::auth0("t.eu.auth0.com/")),
        ("Issuer::auth0", Issuer::auth0("")),
        ("Issuer::okta", Issuer::okta("https://dev-1.okta.com", "default")),
        ("Issuer::entra_v1", Issuer::entra_v1("contoso.onmicrosoft.com")),
        ("Issuer::entra_v2", Issuer::entra_v2("common")),
        ("Issuer::entra_v2", Issuer::entra_v2(&TENANT.replace('8', "g"))),
        ("Issuer::keycloak", Issuer::keycloak("https://id.example.com", "")),
        ("Issuer::keycloak", Issuer::keycloak("https://id.example.com", "a/b")),
        ("Issuer::cognito", Issuer::cognito("eu-west-1_AbC", "eu-west-1")),
        ("Issuer::keycloak", Issuer::keycloak("https://id.example.com", "..%2f..%2fuploads")),
        ("Issuer::keycloak", Issuer::keycloak("https://id.example.com", "..")),
        ("Issuer::keycloak", Issuer::keycloak("https://id.example.com", "main?x=")),
        ("Issuer::okta", Issuer::okta("dev-1.okta.com", "")),
        ("Issuer::okta", Issuer::okta("dev-1.okta.com", "default/../evil")),
        ("Issuer::cognito", Issuer::cognito("eu-west-1", "us-east-1_AbC")),
        ("Issuer::cognito", Issuer::cognito("eu-west-1", "eu-west-1_AbC/../x")),
        ("Issuer::cognito", Issuer::cognito("evil.example/", "evil.example/_AbC")),
    ] {
        assert_eq!(first_issue(issuer), Some((argument, IssueKind::Invalid)));
    }
    let url = Issuer::keycloak("http://id.example.com", "main");
    assert_eq!(first_issue(url), Some(("Issuer::keycloak", IssueKind::Invalid)));
}

#[test]
fn well_formed_preset_argument_is_accepted() {
    for issuer in [
        Issuer::auth0("t.eu.auth0.com"),
        Issuer::okta("dev-1.okta.com", "default"),
        Issuer::entra_v1(TENANT),
        Issuer::entra_v2(TENANT),
        Issuer::keycloak("https://id.example.com", "main"),
        Issuer::cognito("eu-west-1", "eu-west-1_AbC"),
        Issuer::google(),
    ] {
        assert_eq!(first_issue(issuer), None);
    }
}

#[test]
fn metadata_url_given_as_the_issuer_is_an_error() {
    let url = "https://a.example/.well-known/openid-configuration";
    assert_eq!(first_issue(Issuer::discover(url)), Some(("Issuer::discover", IssueKind::Invalid)));
    assert_eq!(first_issue(Issuer::jwks("https://a.example", "https://a.example/.well-known/jwks.json")), None);
}

#[test]
fn empty_claim_name_is_an_error() {
    let issuer = || Issuer::hs256("https://issuer.example", [7; 32]);
    for map in [ClaimMap::new().id(""), ClaimMap::new().roles(["/"]), ClaimMap::new().tier([""])] {
        assert_eq!(first_issue(issuer().claims(map)), Some(("claims", IssueKind::Invalid)));
    }
    assert_eq!(first_issue(issuer().map_claims(|claims| claims.roles(["/a/roles"]))), None);
    for (setting, issuer) in [
        ("audience_claim", issuer().audience_claim("")),
        ("token_use", issuer().token_use("/", "access")),
        ("access_token_claim", issuer().access_token_claim("")),
        ("require_claim", issuer().require_claim("", ["a"])),
        ("contains_claim", issuer().contains_claim("//a", ["a"])),
    ] {
        assert_eq!(first_issue(issuer), Some((setting, IssueKind::Invalid)));
    }
}

#[test]
fn required_claim_without_a_value_is_an_error() {
    let issuer = || Issuer::hs256("https://issuer.example", [7; 32]);
    for (setting, issuer) in [
        ("require_claim", issuer().require_claim("env", [""; 0])),
        ("contains_claim", issuer().contains_claim("/app/env", [""; 0])),
    ] {
        assert_eq!(first_issue(issuer), Some((setting, IssueKind::Missing)));
    }
}

#[test]
fn key_use_that_is_empty_or_for_encryption_is_an_error() {
    let issuer = || Issuer::discover("https://issuer.example");
    for key_use in ["", "enc"] {
        assert_eq!(first_issue(issuer().key_use(key_use)), Some(("key_use", IssueKind::Invalid)), "{key_use}");
    }
    assert_eq!(first_issue(issuer().key_use("jwt-svid")), None);
}

#[test]
fn setting_without_effect_is_an_error() {
    let issuer = Issuer::hs256("https://issuer.example", [7; 32]);
    assert_eq!(first_issue(issuer.clone().algorithms([Algorithm::Hs256])), Some(("algorithms", IssueKind::Prohibited)));
    assert_eq!(first_issue(issuer.clone().key_use("jwt-svid")), Some(("key_use", IssueKind::Prohibited)));
    let tier = Tiers::ascending(["basic"]).unwrap().get("basic").unwrap();
    let error = JwtAuth::builder().issuer(issuer).audience("api").default_tier(tier).build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "default_tier \"basic\": no tiers are set; call .tiers(..) with the tiers that this one belongs to"
    );
    assert_eq!(format!("{error:?}"), error.to_string());
}
