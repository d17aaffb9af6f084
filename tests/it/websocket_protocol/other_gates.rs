//! The setting in an `AnyOf` and in a `Stack`.

use axum::http::HeaderName;
use portcullis::api_key::{MemoryKeys, NewApiKey};
use portcullis::gate::Gate;
use portcullis::{AnyOf, ApiKeyAuth, SecurityHeaders, Stack};

use super::*;

fn keys() -> ApiKeyAuth {
    let header = HeaderName::from_static("x-api-key");
    ApiKeyAuth::builder().prefix("acme").header(header).store(MemoryKeys::new()).build().unwrap()
}

#[tokio::test]
async fn any_of_selects_the_gate_of_the_token_and_several_credentials_are_400() {
    let keys = keys();
    let key = keys.create(NewApiKey::for_user(&UserContext::new("robot")).name("ci")).await.unwrap();
    let key = key.secret();
    let gates = AnyOf::new((keys, auth().cookie("token").build().unwrap())).unwrap();
    let handler = async |user: UserContext, headers: HeaderMap| format!("{} {headers:?}", user.id());
    let token = valid_token();
    let protocols = format!("bearer, {token}, chat");
    for gates in [gates.clone(), gates.exactly_one()] {
        let app = Router::new().route("/", any(handler)).layer(gates);
        let response = send(&app, upgrade(), &[&protocols]).await;
        assert!(response.body.starts_with("user-1 ") && response.body.contains("\"bearer, chat\""), "{response:?}");
        let by_key = || upgrade().header("x-api-key", key);
        let response = send(&app, by_key(), &["chat"]).await;
        assert!(response.body.starts_with("robot "), "{response:?}");
        for request in [by_key(), upgrade().header("authorization", "Basic YTpi")] {
            let response = send(&app, request, &[&protocols]).await;
            assert_eq!(response.denial.unwrap().code(), "credential_repeated");
        }
        // A list without a usable token is decided by the same gate.
        assert_eq!(send(&app, upgrade(), &["bearer"]).await.status, 400);
        assert_eq!(send(&app, upgrade(), &["bearer, guess"]).await.status, 401);
        // On any other request the protocols are ignored, and no log shows them.
        assert_eq!(send(&app, Request::get("/"), &[&protocols]).await.status, 401);
        let response = send(&app, Request::get("/").header("x-api-key", key), &[&protocols]).await;
        assert!(response.body.starts_with("robot ") && !response.body.contains(&token[30..60]), "{response:?}");
    }
}

#[tokio::test]
async fn two_gates_of_one_any_of_read_different_protocols() {
    let other = |name: &str| compatible_auth().websocket_protocol(name).header(HeaderName::from_static("x-a")).build();
    assert!(other("bearer").is_err(), "a proxy that adds a header adds it to each request");
    let error = AnyOf::new((auth().build().unwrap(), auth().build().unwrap())).unwrap_err();
    let values: Vec<_> = error.issues().iter().filter_map(|issue| issue.value()).collect();
    assert_eq!(values, ["Bearer <JWT>", "subprotocol bearer"]);
}

#[tokio::test]
async fn in_a_stack_the_token_is_read_and_on_an_open_route_it_is_sensitive() {
    let auth = auth().build().unwrap();
    assert_eq!(auth.credential_headers(), [SEC_WEBSOCKET_PROTOCOL]);
    assert!(auth.response_headers().overlaps(&portcullis::gate::ResponseHeaders::only([SEC_WEBSOCKET_PROTOCOL])));
    let headers = SecurityHeaders::api().build().unwrap();
    let stack = Stack::builder().security_headers(headers).authenticate(auth).open(["/open"]).build().unwrap();
    let handler = async |headers: HeaderMap| format!("{headers:?}");
    let app = Router::new().route("/", any(handler)).route("/open", any(handler)).layer(stack);
    let token = valid_token();
    let protocols = format!("bearer, {token}");
    let response = send(&app, upgrade(), &[&protocols]).await;
    assert!(response.status == 200 && response.body.contains("\"sec-websocket-protocol\": \"bearer\""), "{response:?}");
    assert_eq!(send(&app, upgrade(), &["chat"]).await.status, 401);
    let open = Request::get("/open").header("upgrade", "websocket");
    let response = send(&app, open, &[&protocols]).await;
    assert!(response.status == 200 && response.body.contains("\"sec-websocket-protocol\": Sensitive"), "{response:?}");
}
