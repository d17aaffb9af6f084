//! Challenges: which schemes a 401 names, and which of them has the error.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, request};
use axum::routing::get;
use portcullis::context::{AuthScheme, Realm};
use portcullis::gate::{AuthGate, CredentialSource, CredentialSources, Entry, Gate, GrpcRejections, Reply};
use portcullis::{AnyOf, RequireScope};

use super::{App, LookupGate, bearer, challenges, keys, rejection, router, sessions};
use crate::support::response::TestResponse;
use crate::support::tokens::compatible_auth;

#[tokio::test]
async fn without_a_credential_each_scheme_has_a_challenge_on_its_own_line_in_order_and_no_error() {
    let response = App::new().get(&[]).await;
    assert_eq!(rejection(&response), (401, "credentials_missing"));
    let expected =
        [r#"Bearer realm="api""#, r#"ApiKey realm="app""#, r#"Session realm="app""#, r#"Certificate realm="app""#];
    assert_eq!(challenges(&response), expected);
    let detail = r#""detail":"a credential is required: Bearer, ApiKey, Session or Certificate""#;
    assert!(response.body.contains(detail), "{}", response.body);
    assert!(!response.body.contains(r#""error""#), "{}", response.body);
    assert_eq!(response.headers["cache-control"], "no-store");
    assert_eq!(response.headers["content-type"], "application/problem+json");
    assert!(response.denial.unwrap().challenges().eq(expected));
}

#[tokio::test]
async fn a_rejection_has_the_challenge_of_its_gate_first_and_the_others_without_an_error() {
    let app = App::new();
    let response = app.get(&[("authorization", "Bearer a.b.c")]).await;
    let invalid_token =
        r#"Bearer realm="api", error="invalid_token", error_description="the token is not valid base64url""#;
    let others = [r#"ApiKey realm="app""#, r#"Session realm="app""#, r#"Certificate realm="app""#];
    assert_eq!(challenges(&response), [&[invalid_token], &others[..]].concat());
    assert!(response.denial.unwrap().challenges().eq([&[invalid_token], &others[..]].concat()));

    let response = app.get(&[("x-api-key", "unknown")]).await;
    let invalid_key = r#"ApiKey realm="app", error="invalid_token", error_description="the credential is invalid""#;
    let others = [r#"Bearer realm="api""#, r#"Session realm="app""#, r#"Certificate realm="app""#];
    assert_eq!(challenges(&response), [&[invalid_key], &others[..]].concat());

    // A scheme without error parameters.
    let response = app.get(&[("cookie", "session=unknown")]).await;
    let expected =
        [r#"Session realm="app""#, r#"Bearer realm="api""#, r#"ApiKey realm="app""#, r#"Certificate realm="app""#];
    assert_eq!(challenges(&response), expected);
    let problem: serde_json::Value = serde_json::from_str(&response.body).unwrap();
    assert_eq!(problem["error"], "invalid_token");
    assert_eq!(problem["detail"], "the credential is invalid");
}

#[tokio::test]
async fn a_gate_that_waits_has_the_same_challenges() {
    let sessions = sessions().changed(|lookup| lookup.waits = true);
    let auth = AnyOf::new((compatible_auth().build().unwrap(), sessions)).unwrap();
    let app = router(auth, Arc::default());
    assert_eq!(TestResponse::get(&app, "/", &[("cookie", "session=s1")]).await.body, "sue");
    let response = TestResponse::get(&app, "/", &[("cookie", "session=unknown")]).await;
    assert_eq!(challenges(&response), [r#"Session realm="app""#, r#"Bearer realm="api""#]);
}

#[tokio::test]
async fn two_gates_with_one_scheme_have_one_challenge() {
    let sources = CredentialSources::new([CredentialSource::bearer_with_prefix("acme_live_")]).unwrap();
    let keys = LookupGate::new("bearer", sources, &[("acme_live_good", "robot")]);
    let auth = AnyOf::new((compatible_auth().build().unwrap(), keys)).unwrap();
    let app = router(auth, Arc::default());
    let response = TestResponse::get(&app, "/", &[]).await;
    assert_eq!(challenges(&response), [r#"Bearer realm="api""#]);
    // A pure bearer API has the text that it has with `JwtAuth` alone.
    assert!(response.body.contains(r#""detail":"a bearer token is required""#), "{}", response.body);
    let response = TestResponse::get(&app, "/", &[("authorization", "Bearer acme_live_bad")]).await;
    let challenge = r#"bearer realm="app", error="invalid_token", error_description="the credential is invalid""#;
    assert_eq!(challenges(&response), [challenge]);
}

#[tokio::test]
async fn the_challenge_of_a_missing_privilege_names_the_scheme_in_use() {
    let handler = get(async || ()).layer(RequireScope::new("read:reports").unwrap());
    let auth = AnyOf::new((compatible_auth().build().unwrap(), keys())).unwrap();
    let app = Router::new().route("/", handler).layer(auth);
    let response = TestResponse::get(&app, "/", &[("x-api-key", "acme_live_good")]).await;
    assert_eq!(rejection(&response), (403, "insufficient_scope"));
    let expected =
        r#"ApiKey realm="app", error="insufficient_scope", error_description="required scope: read:reports""#;
    assert_eq!(challenges(&response), [format!(r#"{expected}, scope="read:reports""#)]);
    let response = TestResponse::get(&app, "/", &[("authorization", &bearer())]).await;
    assert_eq!(rejection(&response), (403, "insufficient_scope"));
    let [challenge] = challenges(&response)[..] else { panic!("one challenge") };
    assert!(challenge.starts_with(r#"Bearer realm="api", error="insufficient_scope""#), "{challenge}");
}

/// A gate that rejects every request with a response of its own.
#[derive(Clone)]
struct CustomRejection;

impl Gate for CustomRejection {
    type Pass = ();

    fn enter(&self, _: &mut request::Parts) -> Entry<()> {
        Entry::Refuse(Reply::new(Response::builder().status(401).body("go away").unwrap()))
    }
}

impl AuthGate for CustomRejection {
    fn credentials(&self) -> CredentialSources {
        CredentialSources::new([CredentialSource::scheme("Custom")]).unwrap()
    }

    fn realm(&self) -> Realm {
        Realm::new("own").with_schemes([AuthScheme::new("Custom").unwrap()])
    }
}

#[tokio::test]
async fn a_custom_401_without_a_challenge_gets_those_of_all_gates() {
    let app = router(AnyOf::new((sessions(), CustomRejection)).unwrap(), Arc::default());
    let response = TestResponse::get(&app, "/", &[("authorization", "custom x")]).await;
    assert_eq!((response.status.as_u16(), &*response.body), (401, "go away"));
    assert_eq!(challenges(&response), [r#"Session realm="app""#, r#"Custom realm="own""#]);
}

#[tokio::test]
async fn other_statuses_have_no_challenges_of_other_gates() {
    let response = App::new().get(&[("authorization", "Bearer a b")]).await;
    assert_eq!(rejection(&response), (400, "credential_malformed"));
    let [challenge] = challenges(&response)[..] else { panic!("one challenge") };
    assert!(challenge.starts_with(r#"Bearer realm="api", error="invalid_request""#), "{challenge}");
}

#[tokio::test]
async fn a_grpc_call_gets_a_trailers_only_response_with_all_challenges() {
    let app = App::new();
    for (headers, status, message) in [
        (&[][..], "16", "a credential is required"),
        (&[("cookie", "session=unknown")], "16", "the credential is invalid"),
        (&[("x-api-key", "a"), ("x-api-key", "b")], "3", "the request carries more than one credential"),
    ] {
        let headers: &[(&str, &str)] = headers;
        let request = headers.iter().fold(Request::post("/"), |request, (name, value)| request.header(*name, *value));
        let request = request.header("content-type", "application/grpc").extension(GrpcRejections);
        let response = TestResponse::send(&app.router, request.body(Body::empty()).unwrap()).await;
        assert_eq!((response.status.as_u16(), &*response.body), (200, ""));
        assert_eq!(response.headers["grpc-status"], status);
        assert!(response.headers["grpc-message"].to_str().unwrap().starts_with(message));
        assert_eq!(response.headers.get_all("www-authenticate").iter().count(), 4);
    }
    assert_eq!(app.handler_calls(), 0);
}
