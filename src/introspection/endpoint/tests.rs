//! Requests, with a client that records them.

use std::error::Error;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, Method, Response};
use serde_json::{Value, json};

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
async fn a_client_assertion_is_of_the_client_for_the_audience_and_fresh_each_time() {
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","kid":"k1","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let (headers, body) = send(ClientAuth::private_key_jwt("api", jwk, "https://as.example"), "t").await;
        assert!(!headers.contains_key("authorization"));
        let start = "token=t&token_type_hint=access_token\
            &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=";
        let assertion = body.strip_prefix(start).unwrap();
        let claims = URL_SAFE_NO_PAD.decode(assertion.split('.').nth(1).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("api"), &json!("api")));
        assert_eq!(claims["aud"], "https://as.example");
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 60);
        ids.push(claims["jti"].clone());
    }
    assert_ne!(ids[0], ids[1]);
    assert!(ids[0].as_str().unwrap().len() == 22);
}

#[test]
fn settings_that_are_empty_or_unusable_are_reported() {
    for (auth, expected) in [
        (ClientAuth::basic("", ""), &["the client id is empty", "the client secret is empty"][..]),
        (ClientAuth::post("api", ""), &["the client secret is empty"]),
        (ClientAuth::mutual_tls(""), &["the client id is empty"]),
        (
            ClientAuth::private_key_jwt("api", "secret", ""),
            &["the audience of client assertions is empty", "the private key is neither a JWK nor a PEM"],
        ),
    ] {
        let mut issues = ConfigIssues::default();
        assert!(auth.authenticator("client_auth", &mut issues).is_none());
        let error = issues.into_result(|| ()).unwrap_err();
        let reasons: Vec<_> = error.issues().iter().map(|issue| issue.reason()).collect();
        assert_eq!(reasons, expected);
        assert!(error.issues().iter().all(|issue| issue.setting() == "client_auth"));
    }
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
    assert!(token.claims.contains(r#""sub":"ann""#));
}

#[test]
fn debug_output_shows_no_secret() {
    let server = Server(Arc::default(), 200, "");
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    for auth in [
        ClientAuth::basic("api", "marker-secret"),
        ClientAuth::post("api", "marker-secret"),
        ClientAuth::private_key_jwt("api", jwk, "https://as.example"),
    ] {
        let text = format!("{auth:?} {:?}", endpoint(&server, &auth));
        assert!(text.contains("api") && !text.contains("marker") && !text.contains("nWGx"), "{text}");
        assert!(!text.contains("bWFya2Vy"), "{text}");
    }
}
