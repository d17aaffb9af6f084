//! Gates inside and outside tonic-web's `GrpcWebLayer`, and what clients of gRPC-Web and Connect receive.

use std::convert::Infallible;
use std::net::Ipv4Addr;

use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use portcullis::gate::GrpcRejections;
use portcullis::testing::{TokenBuilder, as_anonymous};
use portcullis::{Issuer, JwtAuth, RequireScope};
use tokio::net::TcpListener;
use tonic::Code;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_web::{GrpcWebClientService, GrpcWebLayer};
use tower::layer::util::{Identity, Stack};
use tower::{Layer, Service, ServiceBuilder};

use super::grpc::{Echo, PATH, Raw};

const ISS: &str = "https://issuer.example";
const SECRET: [u8; 32] = [7; 32];
/// The message `hello` in its frame.
const HELLO: &[u8] = b"\0\0\0\0\x05hello";

type Gates = Stack<RequireScope, Stack<JwtAuth, Identity>>;

fn gates() -> Gates {
    let auth = JwtAuth::builder().issuer(Issuer::hs256(ISS, SECRET).first_party()).audience("api").build().unwrap();
    ServiceBuilder::new().layer(auth).layer(RequireScope::new("echo").unwrap()).into_inner()
}

fn bearer(scope: &str) -> String {
    format!("Bearer {}", TokenBuilder::first_party(ISS, SECRET, "ann").audience("api").scope(scope).sign())
}

/// Requests without a user, without the scope, and with both. With the status of gRPC, and that of HTTP.
fn credentials() -> [(Option<String>, u8, u16); 3] {
    [(None, 16, 401), (Some(bearer("other")), 7, 403), (Some(bearer("echo")), 0, 200)]
}

/// Serves the layers around tonic's routes, over HTTP/1 and HTTP/2. Returns the URL.
async fn serve<L>(layers: L) -> String
where
    L: Layer<Routes, Service: Service<http::Request<tonic::body::Body>, Response = http::Response<tonic::body::Body>>>,
    L: Clone + Send + Sync + 'static,
    L::Service: Service<http::Request<tonic::body::Body>, Error = Infallible, Future: Send> + Clone + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = Server::builder().accept_http1(true).layer(layers).add_service(Echo::default());
    tokio::spawn(routes.serve_with_incoming(TcpIncoming::from(listener)));
    url
}

/// The gates outside `GrpcWebLayer`, and inside.
async fn serve_both() -> [(&'static str, String); 2] {
    let web = GrpcWebLayer::new;
    let outside = serve(ServiceBuilder::new().layer(gates()).layer(web()).into_inner()).await;
    let inside = serve(ServiceBuilder::new().layer(web()).layer(gates()).into_inner()).await;
    [("outside", outside), ("inside", inside)]
}

/// Reads a response as browsers' clients do: the status is in the headers, or in the last frame of the body.
fn status(headers: &http::HeaderMap, body: &[u8]) -> String {
    if let Some(status) = headers.get("grpc-status") {
        assert!(body.is_empty(), "{headers:?}");
        return status.to_str().unwrap().to_owned();
    }
    let (frame, trailers) = body.split_at(HELLO.len());
    assert_eq!((frame, trailers[0]), (HELLO, 0x80));
    let trailers = std::str::from_utf8(&trailers[5..]).unwrap();
    trailers.lines().find_map(|line| line.strip_prefix("grpc-status:")).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_grpc_web_client_receives_status_16_or_7_in_both_formats_around_and_inside_the_layer() {
    for (place, url) in serve_both().await {
        for media_type in [
            "application/grpc-web",
            "application/grpc-web+proto",
            "application/grpc-web-text",
            "application/grpc-web-text+proto",
        ] {
            for (credential, expected, _) in credentials() {
                let is_text = media_type.contains("text");
                let body = if is_text { STANDARD.encode(HELLO).into_bytes() } else { HELLO.to_vec() };
                let request = reqwest::Client::new().post(format!("{url}{PATH}")).body(body);
                let request = request.header("content-type", media_type).header("accept", media_type);
                let request = credential.iter().fold(request, |request, value| request.header("authorization", value));
                let response = request.send().await.unwrap();
                assert_eq!((response.status(), response.version()), (http::StatusCode::OK, http::Version::HTTP_11));
                let headers = response.headers().clone();
                assert!(headers["content-type"].to_str().unwrap().starts_with("application/grpc-web"), "{headers:?}");
                assert_eq!(headers["content-type"].to_str().unwrap().contains("text"), is_text, "{headers:?}");
                let mut body = response.bytes().await.unwrap();
                if is_text {
                    body = decode_chunks(&body);
                }
                assert_eq!(status(&headers, &body), expected.to_string(), "{place} {media_type} {credential:?}");
                assert_eq!(headers.contains_key("www-authenticate"), expected != 0, "{place} {media_type}");
            }
        }
    }
}

/// Each frame of the text format is base64 of its own, with padding.
fn decode_chunks(body: &[u8]) -> Bytes {
    let quads = body.chunks(4).map(|quad| STANDARD.decode(quad).unwrap());
    quads.collect::<Vec<_>>().concat().into()
}

#[tokio::test]
async fn a_tonic_client_of_grpc_web_receives_the_status_and_its_metadata() {
    for (place, url) in serve_both().await {
        for (credential, expected, _) in credentials() {
            let client = Client::builder(TokioExecutor::new()).build_http();
            let mut client = tonic::client::Grpc::with_origin(GrpcWebClientService::new(client), url.parse().unwrap());
            client.ready().await.unwrap();
            let mut request = tonic::Request::new(Bytes::from_static(b"hello"));
            if let Some(credential) = &credential {
                request.metadata_mut().insert("authorization", credential.parse().unwrap());
            }
            let result = client.unary(request, PATH.parse().unwrap(), Raw).await;
            let code = result.as_ref().map_or_else(|status| status.code(), |_| Code::Ok);
            assert_eq!(code, Code::from(i32::from(expected)), "{place} {credential:?}");
            if let Err(status) = result {
                let code = status.metadata().get("error-code").unwrap().to_str().unwrap();
                assert_eq!(code, if expected == 16 { "credentials_missing" } else { "insufficient_scope" });
            }
        }
    }
}

/// A Connect client reads the HTTP status, unless the media type is `application/json`: 401 is `unauthenticated`, and
/// 403 is `permission_denied` (Connect protocol, "HTTP to Error Code").
#[tokio::test]
async fn a_connect_client_receives_401_or_403_with_problem_details() {
    let app = axum::Router::new().route(PATH, post(async || "{}"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = app.layer(gates()).layer(axum::Extension(GrpcRejections));
    tokio::spawn(async move { axum::serve(listener, app).await });
    for media_type in ["application/json", "application/proto"] {
        for (credential, _, expected) in credentials() {
            let request = reqwest::Client::new().post(format!("{url}{PATH}")).body("{}");
            let request = request.header("content-type", media_type).header("connect-protocol-version", "1");
            let request = credential.iter().fold(request, |request, value| request.header("authorization", value));
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), expected, "{media_type}");
            assert!(!response.headers().contains_key("grpc-status"), "{media_type}");
            if expected != 200 {
                assert_eq!(response.headers()["content-type"], "application/problem+json", "{media_type}");
                let problem: serde_json::Value = response.json().await.unwrap();
                assert_eq!(problem["status"], expected);
            }
        }
    }
}

#[tokio::test]
async fn a_streaming_connect_call_is_not_a_grpc_call_either() {
    let layers = ServiceBuilder::new().layer(as_anonymous()).layer(RequireScope::new("echo").unwrap()).into_inner();
    let url = serve(layers).await;
    for media_type in ["application/connect+json", "application/connect+proto", "application/json"] {
        let request = reqwest::Client::new().post(format!("{url}{PATH}")).header("content-type", media_type);
        let response = request.header("connect-protocol-version", "1").send().await.unwrap();
        assert_eq!(response.status(), 401, "{media_type}");
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{media_type}");
    }
}
