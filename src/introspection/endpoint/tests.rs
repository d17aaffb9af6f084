//! Requests, with a client that records them.

use std::error::Error;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Method, Response};

use super::*;
use crate::error::ConfigIssues;
use crate::http_client::client::HttpClient;
use crate::introspection::client_auth::ClientAuth;

/// A client that responds with this status and JSON.
#[derive(Clone)]
struct Server(Arc<Mutex<Vec<Request<Vec<u8>>>>>, u16, &'static str);

impl HttpClient for Server {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>> {
        self.0.lock().unwrap().push(request);
        let response = Response::builder().status(self.1).header(CONTENT_TYPE, "application/json");
        if self.1 == 0 { Err("connection refused".into()) } else { Ok(response.body(self.2.as_bytes().to_vec())?) }
    }
}

fn endpoint(server: &Server, auth: &ClientAuth) -> Endpoint {
    let authenticator = auth.authenticator("client_auth", &mut ConfigIssues::default()).unwrap();
    let client = SharedHttpClient::new(server.clone());
    Endpoint::new("https://as.example/introspect".to_owned(), client, authenticator, None, Clock::system())
}

async fn send(auth: ClientAuth, token: &str) -> (HeaderMap, String) {
    let server = Server(Arc::default(), 200, r#"{"active":false}"#);
    let outcome = endpoint(&server, &auth).introspect(token).await;
    assert!(matches!(outcome, Ok(Introspection::Inactive)), "{outcome:?}");
    let request = server.0.lock().unwrap().pop().unwrap();
    assert_eq!(
        (request.method(), request.uri().to_string().as_str()),
        (&Method::POST, "https://as.example/introspect")
    );
    (request.headers().clone(), String::from_utf8(request.body().clone()).unwrap())
}

#[tokio::test]
async fn the_request_is_a_form_post_with_the_token_and_a_hint() {
    let (headers, body) = send(ClientAuth::basic("api", "secret"), "abc.-~+/=&x").await;
    assert_eq!(body, "token=abc.-%7E%2B%2F%3D%26x&token_type_hint=access_token");
    assert_eq!(headers[CONTENT_TYPE], "application/x-www-form-urlencoded");
    assert_eq!(headers[ACCEPT], "application/json");
    assert_eq!(headers[ACCEPT_ENCODING], "identity");
    assert!(headers["authorization"].is_sensitive());
}

#[tokio::test]
async fn basic_is_in_the_header_and_post_in_the_form() {
    let (headers, body) = send(ClientAuth::basic("a:b", "s c%é"), "t").await;
    // "a%3Ab:s+c%25%C3%A9" in base64: RFC 6749 §2.3.1.
    assert_eq!(headers["authorization"], "Basic YSUzQWI6cytjJTI1JUMzJUE5");
    assert_eq!(body, "token=t&token_type_hint=access_token");
    let (headers, body) = send(ClientAuth::post("a b", "s&c"), "t").await;
    assert!(!headers.contains_key("authorization"));
    assert_eq!(body, "token=t&token_type_hint=access_token&client_id=a+b&client_secret=s%26c");
    let (headers, body) = send(ClientAuth::mutual_tls("api"), "t").await;
    assert!(!headers.contains_key("authorization"));
    assert_eq!(body, "token=t&token_type_hint=access_token&client_id=api");
}

#[tokio::test]
async fn a_client_that_fails_is_an_error_with_its_reason() {
    let server = Server(Arc::default(), 0, "");
    let error = endpoint(&server, &ClientAuth::basic("api", "secret")).introspect("t").await.unwrap_err();
    assert_eq!(error, EndpointError::Client("connection refused".to_owned()));
    assert!(!error.is_configuration());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = Server(Arc::default(), 307, "");
    let error = endpoint(&server, &ClientAuth::basic("api", "secret")).introspect("t").await.unwrap_err();
    assert_eq!(error, EndpointError::Status(307));
    assert_eq!(server.0.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_active_token_is_returned_with_its_claims() {
    let server = Server(Arc::default(), 200, r#"{"active":true,"sub":"ann"}"#);
    let outcome = endpoint(&server, &ClientAuth::basic("api", "secret")).introspect("t").await;
    let Ok(Introspection::Active(token)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(token.sub.as_deref(), Some("ann"));
}

#[test]
fn debug_output_shows_no_secret() {
    let server = Server(Arc::default(), 200, "");
    let pem = include_str!("../../../tests/vectors/client_auth/ed25519.pem");
    for auth in [
        ClientAuth::basic("api", "marker-secret"),
        ClientAuth::post("api", "marker-secret"),
        ClientAuth::private_key_jwt("api", pem, "https://as.example"),
    ] {
        let text = format!("{auth:?} {:?}", endpoint(&server, &auth));
        assert!(text.contains("api") && !text.contains("marker") && !text.contains("PRIVATE"), "{text}");
        assert!(!text.contains("bWFya2Vy"), "{text}");
    }
}
