//! Building an `AnyOf`: gates that conflict, and an `AnyOf` among the gates.

use axum::http::HeaderName;
use portcullis::gate::{CredentialSource, CredentialSources};
use portcullis::{AnyOf, IssueKind};

use super::{LookupGate, bearer, certificates, challenges, keys, outcome, router, sessions};
use crate::support::response::TestResponse;
use crate::support::tokens::compatible_auth;

fn gate(sources: impl IntoIterator<Item = CredentialSource>) -> LookupGate {
    LookupGate::new("Custom", CredentialSources::new(sources).unwrap(), &[("acme_test_1", "tess")])
}

#[test]
fn two_gates_for_one_scheme_and_form_one_header_or_one_cookie_are_an_error_that_names_both() {
    let tokens = || compatible_auth().cookie("token").build().unwrap();
    let header = || gate([CredentialSource::header(HeaderName::from_static("x-api-key"))]);
    let error = AnyOf::new((tokens(), keys(), header())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "AnyOf::new \"header x-api-key\": gate 2 (LookupGate) and gate 3 (LookupGate) both read it; let each gate read \
         a scheme, a prefix, a header or a cookie of its own"
    );
    assert_eq!(error.issues()[0].kind(), IssueKind::Duplicate);

    let error = AnyOf::new((tokens(), tokens())).unwrap_err();
    let values: Vec<_> = error.issues().iter().filter_map(|issue| issue.value()).collect();
    assert_eq!(values, ["Bearer <JWT>", "cookie token"]);
    assert!(error.issues()[0].reason().starts_with("gate 1 (JwtAuth) and gate 2 (JwtAuth)"), "{error}");

    for (source, value) in [
        (CredentialSource::cookie("token"), "cookie token"),
        (CredentialSource::scheme("apikey"), "apikey"),
        (CredentialSource::bearer_with_prefix("acme_live_"), "Bearer acme_live_..."),
        (CredentialSource::bearer_with_prefix("acme_"), "Bearer acme_..."),
        (CredentialSource::bearer_with_prefix("acme_live_eu_"), "Bearer acme_live_eu_..."),
    ] {
        let error = AnyOf::new((tokens(), keys(), gate([source]))).unwrap_err();
        assert_eq!(error.issues()[0].value(), Some(value));
        assert_eq!(error.issues().len(), 1);
    }
}

#[tokio::test]
async fn bearer_is_shared_by_prefixes_jwts_and_the_rest() {
    let test_keys = gate([CredentialSource::bearer_with_prefix("acme_test_")]);
    let opaque = [CredentialSource::scheme("Bearer")];
    let opaque = LookupGate::new("Opaque", CredentialSources::new(opaque).unwrap(), &[("o1", "olga")]);
    let gates = (compatible_auth().build().unwrap(), keys(), test_keys, opaque, sessions(), certificates());
    let app = router(AnyOf::new(gates).unwrap(), Default::default());
    for (value, status, body) in [
        (&*bearer(), 200, "user-1"),
        ("Bearer acme_live_good", 200, "robot"),
        ("Bearer acme_test_1", 200, "tess"),
        ("Bearer o1", 200, "olga"),
        ("Bearer unknown", 401, "credential_invalid"),
        ("Bearer a.b.c", 401, "token_encoding_invalid"),
    ] {
        let response = TestResponse::get(&app, "/", &[("authorization", value)]).await;
        assert_eq!(response.status, status, "{value}");
        assert!(response.body.contains(body), "{value}: {}", response.body);
    }
    assert_eq!(outcome(&TestResponse::get(&app, "/", &[("cookie", "session=s1")]).await), (200, "sue"));
}

#[tokio::test]
async fn an_any_of_may_be_one_of_the_gates() {
    let browsers = AnyOf::new((sessions(), certificates())).unwrap();
    let auth = AnyOf::new((browsers, keys())).unwrap();
    assert!(AnyOf::new((auth.clone(), sessions())).is_err());
    let app = router(auth, Default::default());
    for (name, value, status) in [
        ("cookie", "session=s1", 200),
        ("cookie", "session=unknown", 401),
        ("x-api-key", "acme_live_good", 200),
        ("x-api-key", "unknown", 401),
    ] {
        let response = TestResponse::get(&app, "/", &[(name, value)]).await;
        assert_eq!(response.status, status, "{name}: {value}");
        assert_eq!(challenges(&response).len(), if status == 200 { 0 } else { 3 }, "{name}: {value}");
    }
    let request = axum::http::Request::get("/").extension(super::ClientCertificate("c1"));
    let response = TestResponse::send(&app, request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(outcome(&response), (200, "carl"));
}

#[test]
fn debug_shows_the_realm_and_no_credential() {
    let auth = AnyOf::new((keys(), sessions())).unwrap();
    let text = format!("{auth:?}");
    assert!(text.contains("ApiKey realm") && !text.contains("acme_live_good"), "{text}");
}
