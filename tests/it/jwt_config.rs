//! Errors of `JwtAuthBuilder::build`: all issues at once, each with its setting, value and remedy, and no secret.

mod issuer_arguments;
mod issuers;

use std::time::Duration;

use portcullis::jwt::JwtAuthBuilder;
use portcullis::testing::TestIssuer;
use portcullis::{Algorithm, ConfigError, IssueKind, Issuer, JwtAuth, Tiers};

const SECRET: &str = "correct horse battery staple, 32+";
const WEAK_RSA: &str = "-----BEGIN PUBLIC KEY-----\nMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDEfmIW7QWHlQWzTiCXT9t4X/q0\n\
    Gu/xiE3l0EnIw+LZKWZ6G5dXZL+PLYdlfODfnp7RfsP6LmN1KA+YQ2wHKVJDj0KP\n\
    qU8Xia1enHjcHq+evUG4YwMtumQsrYOBtE3ALYh7oiFWLvsi09KjDNOjwFgrOa3v\n\
    CwJMxcqxIEgH0gElUwIDAQAB\n\
    -----END PUBLIC KEY-----\n";

/// A valid issuer.
fn valid_issuer() -> Issuer {
    Issuer::hs256("https://issuer.example", SECRET)
}

/// A builder whose configuration is valid.
fn valid_builder() -> JwtAuthBuilder {
    JwtAuth::builder().issuer(valid_issuer()).audience("api")
}

/// The error that `build()` returns, after checking that it explains each issue and reveals no secret.
fn build_error(builder: JwtAuthBuilder) -> ConfigError {
    let error = builder.build().unwrap_err();
    let text = error.to_string();
    assert!(!text.contains(SECRET), "{text}");
    for issue in error.issues() {
        assert!(!issue.reason().is_empty() && !issue.remedy().is_empty(), "{issue}");
        assert!(text.contains(&issue.to_string()));
    }
    error
}

/// The only issue: its setting, its value (or its issuer, if it has no value), and its kind.
fn only_issue(builder: JwtAuthBuilder) -> (&'static str, Option<String>, IssueKind) {
    let error = build_error(builder);
    let [issue] = error.issues() else { panic!("{error}") };
    let value = issue.value().or(issue.issuer());
    (issue.setting(), value.map(str::to_owned), issue.kind())
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn valid_configuration_is_built() {
    assert!(valid_builder().build().is_ok());
}

#[test]
fn empty_or_malformed_audience_is_an_error() {
    for text in ["", " api", "api\n"] {
        assert_eq!(only_issue(valid_builder().add_audience(text)), ("audience", some(text), IssueKind::Invalid));
        assert_eq!(
            only_issue(valid_builder().issuer(valid_issuer().audience(text))),
            ("audience", some(text), IssueKind::Invalid)
        );
    }
}

#[test]
fn empty_issuer_is_an_error() {
    assert_eq!(
        only_issue(valid_builder().issuer(Issuer::hs256("", SECRET))),
        ("Issuer::hs256", None, IssueKind::Invalid)
    );
    assert_eq!(
        only_issue(valid_builder().issuer(Issuer::jwks("", "https://a.example/keys"))),
        ("Issuer::jwks", None, IssueKind::Invalid)
    );
    assert_eq!(only_issue(valid_builder().issuer(Issuer::discover(""))).0, "Issuer::discover");
}

#[test]
fn issuer_or_jwks_url_that_is_not_https_is_an_error() {
    for url in [
        "http://a.example",
        "http://10.0.0.1",
        "http://127.0.0.1.a.example",
        "a.example",
        "ftp://a.example",
        "HTTPS://a.example",
        "https://A.example",
        "https://",
        "",
    ] {
        let text = some(url);
        assert_eq!(
            only_issue(valid_builder().issuer(Issuer::discover(url))),
            ("Issuer::discover", text.clone(), IssueKind::Invalid),
            "{url}"
        );
        let issuer = Issuer::jwks("https://issuer.example", url);
        assert_eq!(only_issue(valid_builder().issuer(issuer)), ("Issuer::jwks", text, IssueKind::Invalid), "{url}");
    }
}

#[test]
fn discovered_issuer_with_query_or_fragment_is_an_error() {
    for url in ["https://a.example?x", "https://a.example/#f", "https://a.example/t?x=1"] {
        assert_eq!(
            only_issue(valid_builder().issuer(Issuer::discover(url))),
            ("Issuer::discover", some(url), IssueKind::Invalid),
            "{url}"
        );
    }
    let with_fragment = Issuer::jwks("https://issuer.example", "https://a.example/keys#f");
    assert_eq!(only_issue(valid_builder().issuer(with_fragment)).0, "Issuer::jwks");
    assert!(
        valid_builder().issuer(Issuer::jwks("https://issuer.example", "https://a.example/keys?p=x")).build().is_ok()
    );
}

#[test]
fn plain_http_is_allowed_on_loopback() {
    for url in ["http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost", "http://issuer.localhost:9"] {
        assert!(valid_builder().issuer(Issuer::discover(url)).build().is_ok(), "{url}");
        assert!(valid_builder().issuer(Issuer::jwks("https://issuer.example", url)).build().is_ok(), "{url}");
    }
}

#[test]
fn password_in_a_url_is_an_error_that_does_not_reveal_it() {
    for url in ["https://ann:hunter22@a.example/keys", "https://hunter22@a.example/keys"] {
        for issuer in [Issuer::discover(url), Issuer::jwks("https://issuer.example", url)] {
            let error = build_error(valid_builder().issuer(issuer));
            assert!(error.to_string().contains("user name or password"), "{error}");
            assert!(!error.to_string().contains("hunter22"), "{error}");
            assert!(!format!("{error:?}").contains("hunter22"), "{error:?}");
            assert_eq!(error.issues()[0].value(), Some("https://...@a.example/keys"));
        }
    }
}

#[test]
fn secret_shorter_than_the_hash_is_an_error() {
    let constructors = [
        (Algorithm::Hs256, 32, Issuer::hs256 as fn(&'static str, Vec<u8>) -> Issuer),
        (Algorithm::Hs384, 48, Issuer::hs384),
        (Algorithm::Hs512, 64, Issuer::hs512),
    ];
    for (algorithm, min_len, issuer) in constructors {
        for short in [0, 1, min_len - 1] {
            let error = build_error(valid_builder().issuer(issuer("https://issuer.example", vec![b's'; short])));
            let [issue] = error.issues() else { panic!("{error}") };
            let setter = format!("Issuer::{}", algorithm.name().to_lowercase());
            assert_eq!((issue.setting(), issue.kind()), (&*setter, IssueKind::Weak), "{short}");
            assert_eq!((issue.value(), issue.issuer()), (None, Some("https://issuer.example")));
            assert!(issue.reason().contains(algorithm.name()), "{issue}");
            assert!(issue.remedy().contains(&format!("{min_len} or more bytes")), "{issue}");
        }
        assert!(valid_builder().issuer(issuer("https://issuer.example", vec![b's'; min_len])).build().is_ok());
    }
    assert_eq!(
        only_issue(valid_builder().issuer(valid_issuer().add_secret(Algorithm::Hs512, [7; 63]))).2,
        IssueKind::Weak
    );
}

#[test]
fn malformed_weak_private_or_mismatched_key_is_an_error() {
    let private = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    for (algorithm, pem, kind) in [
        (Algorithm::Rs256, "", IssueKind::Invalid),
        (Algorithm::Rs256, "not a key", IssueKind::Invalid),
        (Algorithm::Es256, WEAK_RSA, IssueKind::Invalid),
        (Algorithm::EdDsa, WEAK_RSA, IssueKind::Invalid),
        (Algorithm::Hs256, WEAK_RSA, IssueKind::Invalid),
        (Algorithm::Rs256, WEAK_RSA, IssueKind::Weak),
        (Algorithm::Ps512, WEAK_RSA, IssueKind::Weak),
        (Algorithm::Rs256, private, IssueKind::Prohibited),
        (Algorithm::Es256, &private.replace("PRIVATE", "EC PRIVATE"), IssueKind::Prohibited),
    ] {
        let builder = valid_builder().issuer(Issuer::pem("https://issuer.example", algorithm, pem));
        assert_eq!(only_issue(builder), ("Issuer::pem", some("https://issuer.example"), kind), "{algorithm:?} {pem}");
    }
    let added = Issuer::hs256("https://issuer.example", SECRET).add_pem(Algorithm::Rs256, private);
    assert_eq!(
        only_issue(valid_builder().issuer(added)),
        ("add_pem", some("https://issuer.example"), IssueKind::Prohibited)
    );
}

#[test]
fn secret_for_a_public_key_algorithm_is_an_error() {
    let issuer = valid_issuer().add_secret(Algorithm::Rs256, SECRET);
    assert_eq!(
        only_issue(valid_builder().issuer(issuer)),
        ("add_secret", some("https://issuer.example"), IssueKind::Prohibited)
    );
}

#[test]
fn pem_given_as_a_secret_is_an_error() {
    for pem in [WEAK_RSA.to_owned(), format!("\n {WEAK_RSA}")] {
        let issuer = Issuer::hs256("https://issuer.example", pem);
        assert_eq!(
            only_issue(valid_builder().issuer(issuer)),
            ("Issuer::hs256", some("https://issuer.example"), IssueKind::Prohibited)
        );
    }
}

#[test]
fn more_than_four_keys_of_one_algorithm_are_an_error() {
    let with_secrets =
        |count: u8| (1..count).fold(valid_issuer(), |issuer, key| issuer.add_secret(Algorithm::Hs256, [key; 32]));
    assert!(valid_builder().issuer(with_secrets(4)).build().is_ok());
    assert_eq!(
        only_issue(valid_builder().issuer(with_secrets(5))),
        ("add_secret", some("https://issuer.example"), IssueKind::Prohibited)
    );
}

#[tokio::test]
async fn jwks_document_without_usable_key_is_an_error() {
    for document in ["", "{}", "[]", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}]}"#] {
        let issuer = Issuer::jwks_document("https://issuer.example", document);
        assert_eq!(
            only_issue(valid_builder().issuer(issuer)),
            ("Issuer::jwks_document", some("https://issuer.example"), IssueKind::Invalid),
            "{document}"
        );
    }
    let issuer = TestIssuer::start().await.unwrap();
    assert!(valid_builder().issuer(Issuer::jwks_document("https://issuer.example", issuer.jwks())).build().is_ok());
}

#[test]
fn key_added_to_a_discovered_issuer_is_an_error() {
    let issuer = Issuer::discover("https://a.example").add_secret(Algorithm::Hs256, SECRET);
    assert_eq!(
        only_issue(valid_builder().issuer(issuer)),
        ("add_secret", some("https://a.example"), IssueKind::Prohibited)
    );
}

#[test]
fn shared_secret_algorithm_or_empty_list_is_an_error_of_a_discovered_issuer() {
    let hs256 = Issuer::discover("https://a.example").algorithms([Algorithm::Rs256, Algorithm::Hs256]);
    assert_eq!(only_issue(valid_builder().issuer(hs256)), ("algorithms", some("HS256"), IssueKind::Prohibited));
    let empty = Issuer::discover("https://a.example").algorithms([]);
    assert_eq!(
        only_issue(valid_builder().issuer(empty)),
        ("algorithms", some("https://a.example"), IssueKind::Missing)
    );
}

#[test]
fn malformed_cookie_name_is_an_error() {
    for name in ["", "a b", "a=b", "a;b", "ä", "a\n"] {
        assert_eq!(only_issue(valid_builder().cookie(name)), ("cookie", some(name), IssueKind::Invalid));
    }
    assert!(valid_builder().cookie("__Host-token").build().is_ok());
}

#[test]
fn malformed_realm_is_an_error() {
    for realm in ["", "a\"b", "a\\b", "a\r\nset-cookie: x", "ä"] {
        assert_eq!(only_issue(valid_builder().realm(realm)), ("realm", some(realm), IssueKind::Invalid));
    }
    assert!(valid_builder().realm("the api").build().is_ok());
}

#[test]
fn leeway_over_five_minutes_is_an_error() {
    assert_eq!(
        only_issue(valid_builder().leeway(Duration::from_secs(301))),
        ("leeway", some("301 s"), IssueKind::Prohibited)
    );
    for leeway in [0, 300] {
        assert!(valid_builder().leeway(Duration::from_secs(leeway)).build().is_ok());
    }
}

#[test]
fn a_timeout_of_zero_or_over_a_minute_is_an_error() {
    let with_loader = || valid_builder().load_user(async |user| Ok(user));
    for timeout in [Duration::ZERO, Duration::from_millis(60_001), Duration::MAX] {
        let value = some(&format!("{timeout:?}"));
        assert_eq!(
            only_issue(valid_builder().fetch_timeout(timeout)),
            ("fetch_timeout", value.clone(), IssueKind::Invalid)
        );
        assert_eq!(
            only_issue(with_loader().load_user_timeout(timeout)),
            ("load_user_timeout", value, IssueKind::Invalid)
        );
    }
    for timeout in [Duration::from_nanos(1), Duration::from_secs(60)] {
        assert!(with_loader().load_user_timeout(timeout).fetch_timeout(timeout).build().is_ok());
    }
}

#[test]
fn a_timeout_of_a_user_loader_that_is_not_set_is_an_error() {
    let builder = valid_builder().load_user_timeout(Duration::from_secs(1));
    assert_eq!(only_issue(builder), ("load_user_timeout", None, IssueKind::Prohibited));
}

#[test]
fn token_cache_capacity_over_the_maximum_is_an_error() {
    for capacity in [1_048_577, usize::MAX] {
        assert_eq!(
            only_issue(valid_builder().token_cache_capacity(capacity)),
            ("token_cache_capacity", some(&capacity.to_string()), IssueKind::Invalid)
        );
    }
    for capacity in [0, 1, 1_048_576] {
        assert!(valid_builder().token_cache_capacity(capacity).build().is_ok());
    }
}

#[test]
fn max_token_len_out_of_range_is_an_error() {
    for bytes in [0, 65_537, usize::MAX] {
        assert_eq!(
            only_issue(valid_builder().max_token_len(bytes)),
            ("max_token_len", some(&bytes.to_string()), IssueKind::Invalid)
        );
    }
    for bytes in [1, 65_536] {
        assert!(valid_builder().max_token_len(bytes).build().is_ok());
    }
}

#[test]
fn default_tier_of_another_table_is_an_error() {
    let tiers = Tiers::ascending(["basic", "pro"]).unwrap();
    let tier_of_another_table = Tiers::ascending(["gold"]).unwrap().get("gold").unwrap();
    let (_, _, kind) = only_issue(valid_builder().tiers(tiers).default_tier(tier_of_another_table));
    assert_eq!(kind, IssueKind::Unknown);
}

#[test]
fn all_issues_are_reported_at_once() {
    let builder = JwtAuth::builder()
        .add_issuer(Issuer::hs256("https://issuer.example", "short"))
        .add_issuer(Issuer::discover("http://a.example"))
        .add_issuer(Issuer::jwks("", "https://b.example/keys").algorithms([]))
        .leeway(Duration::from_secs(3600))
        .max_token_len(0)
        .cookie("a b")
        .realm("");
    let error = build_error(builder);
    let mut settings: Vec<_> = error.issues().iter().map(portcullis::ConfigIssue::setting).collect();
    settings.sort_unstable();
    assert_eq!(
        settings,
        [
            "Issuer::discover",
            "Issuer::hs256",
            "Issuer::jwks",
            "algorithms",
            "audience",
            "audience",
            "audience",
            "cookie",
            "leeway",
            "max_token_len",
            "realm"
        ]
    );
    assert_eq!(error.to_string().lines().count(), error.issues().len());
}

#[test]
fn debug_output_contains_no_secret() {
    let issuer = valid_issuer().add_secret(Algorithm::Hs256, "another secret of thirty-two bytes");
    let document = r#"{"keys":[{"kty":"oct","k":"c2VjcmV0LWluLWEtc2V0"}]}"#;
    let builder = JwtAuth::builder().issuer(issuer.clone()).audience("api");
    let builder = builder.add_issuer(Issuer::jwks_document("https://b.example", document));
    let auth = valid_builder().issuer(issuer.clone()).build().unwrap();
    for text in [format!("{issuer:?}"), format!("{issuer:#?}"), format!("{builder:?}"), format!("{auth:?}")] {
        for secret in [SECRET, "another secret", "c2VjcmV0", "99, 111, 114, 114", "73656372", "0x63"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert!(text.contains("https://issuer.example"), "{text}");
    }
}
