//! Missing and duplicate issuers and audiences.

use portcullis::{IssueKind, Issuer, JwtAuth};

use super::{SECRET, build_error, only_issue, some, valid_builder, valid_issuer};

#[test]
fn missing_issuer_is_an_error() {
    assert_eq!(only_issue(JwtAuth::builder().audience("api")), ("issuer", None, IssueKind::Missing));
}

#[test]
fn missing_issuer_and_audience_are_two_issues() {
    let error = build_error(JwtAuth::builder());
    let settings: Vec<_> = error.issues().iter().map(portcullis::ConfigIssue::setting).collect();
    assert_eq!(settings, ["issuer", "audience"]);
}

#[test]
fn a_url_is_an_issuer_with_discovery() {
    assert!(
        JwtAuth::builder()
            .issuer("https://a.example")
            .add_issuer("https://b.example".to_owned())
            .audience("api")
            .build()
            .is_ok()
    );
    for url in ["", "a.example", "http://a.example"] {
        assert_eq!(
            only_issue(valid_builder().issuer(url)),
            ("Issuer::discover", some(url), IssueKind::Invalid),
            "{url}"
        );
    }
}

#[test]
fn audiences_replace_earlier_ones() {
    assert_eq!(only_issue(valid_builder().audiences([""; 0])).0, "audience");
    let issuer = valid_issuer().audience("").audiences(["a", "b"]);
    assert!(JwtAuth::builder().issuer(issuer).audience("").audiences(["a".to_owned()]).build().is_ok());
}

#[test]
fn an_issuer_with_the_name_of_another_is_a_duplicate_whatever_its_constructor() {
    let duplicate = |issuer: Issuer, name: &str| {
        assert_eq!(only_issue(valid_builder().add_issuer(issuer)), ("add_issuer", some(name), IssueKind::Duplicate));
    };
    duplicate(Issuer::discover("https://issuer.example"), "https://issuer.example");
    duplicate(Issuer::jwks("https://issuer.example", "https://keys.example/jwks"), "https://issuer.example");
    duplicate(Issuer::discover("https://issuer.example/"), "https://issuer.example/");
    let builder = |first: Issuer, second: Issuer| JwtAuth::builder().issuer(first).add_issuer(second).audience("api");
    let alias = || Issuer::jwks("accounts.google.com", "https://www.googleapis.com/oauth2/v3/certs");
    for (first, second, name) in [
        (Issuer::google(), alias(), "accounts.google.com"),
        (alias(), Issuer::google(), "https://accounts.google.com"),
        (Issuer::google(), Issuer::discover("https://accounts.google.com"), "https://accounts.google.com"),
        (Issuer::auth0("a.auth0.com"), Issuer::discover("https://a.auth0.com"), "https://a.auth0.com"),
    ] {
        assert_eq!(only_issue(builder(first, second)), ("add_issuer", some(name), IssueKind::Duplicate));
    }
    let other = Issuer::discover("https://issuer.example/other");
    assert!(valid_builder().add_issuer(other).build().is_ok());
}

#[test]
fn duplicate_issuer_is_an_error() {
    assert_eq!(
        only_issue(valid_builder().add_issuer(valid_issuer())),
        ("add_issuer", some("https://issuer.example"), IssueKind::Duplicate)
    );
}

#[test]
fn duplicate_issuer_is_reported_beside_its_other_issues() {
    let invalid = || Issuer::jwks_document("https://issuer.example", "{}");
    let error = build_error(JwtAuth::builder().add_issuer(invalid()).add_issuer(invalid()).audience("api"));
    let issues: Vec<_> = error.issues().iter().map(|issue| (issue.setting(), issue.kind())).collect();
    assert_eq!(
        issues,
        [
            ("add_issuer", IssueKind::Duplicate),
            ("Issuer::jwks_document", IssueKind::Invalid),
            ("Issuer::jwks_document", IssueKind::Invalid)
        ]
    );
}

#[test]
fn document_with_more_keys_than_are_read_is_an_error_with_both_numbers() {
    // The key of RFC 8037, appendix A.
    let key = |kid: usize| {
        format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}"#)
    };
    let builder = |count: usize| {
        let keys: Vec<_> = (0..count).map(key).collect();
        let jwks = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
        JwtAuth::builder().issuer(Issuer::jwks_document("https://issuer.example", jwks)).audience("api")
    };
    assert!(builder(1_024).build().is_ok());
    let error = build_error(builder(1_025));
    let [issue] = error.issues() else { panic!("{error}") };
    assert_eq!((issue.setting(), issue.kind()), ("Issuer::jwks_document", IssueKind::Prohibited));
    assert_eq!(issue.reason(), "the set has 1025 keys, and only the first 1024 are read");
}

#[test]
fn missing_audience_is_an_error_of_each_issuer_without_one() {
    let other = Issuer::hs256("https://other.example", SECRET).audience("api");
    let builder = JwtAuth::builder().issuer(valid_issuer()).add_issuer(other);
    assert_eq!(only_issue(builder), ("audience", some("https://issuer.example"), IssueKind::Missing));
    assert!(JwtAuth::builder().issuer(valid_issuer().audience("api")).build().is_ok());
}
