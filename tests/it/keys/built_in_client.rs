//! The built-in HTTP client, over loopback: redirects, body size, connection errors and discovery.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::StatusCode;
use portcullis::testing::TestIssuer;
use portcullis::{Issuer, JwtAuth};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;

use super::JwtApp;
use crate::support::log_capture::LogCapture;

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    (listener, url)
}

/// Accepts one connection and reads the request.
async fn accept(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = [0; 1024];
    let read = stream.read(&mut request).await.unwrap();
    assert!(request[..read].starts_with(b"GET /jwks HTTP/1.1\r\n"));
    stream
}

fn app(issuer: &TestIssuer, url: &str) -> JwtApp {
    JwtApp::new(JwtAuth::builder().issuer(Issuer::jwks(issuer.url(), url)).audience("api"))
}

#[tokio::test]
async fn built_in_client_does_not_follow_redirects() {
    for status in
        ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        let issuer = TestIssuer::start().await.unwrap();
        let (listener, url) = listener().await;
        let redirect = format!(
            "HTTP/1.1 {status}\r\nlocation: {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            issuer.jwks_url()
        );
        let server = tokio::spawn(async move { accept(&listener).await.write_all(redirect.as_bytes()).await.unwrap() });
        let rejection = app(&issuer, &url).status_for(&issuer.token("ann").audience("api").sign()).await;
        assert_eq!(rejection, StatusCode::SERVICE_UNAVAILABLE, "{status}");
        server.await.unwrap();
        assert_eq!(issuer.fetch_count(), 0, "{status}: the redirect target, which has valid keys, is not fetched");
    }
}

#[tokio::test]
async fn keys_are_kept_when_the_jwks_url_redirects() {
    let issuer = TestIssuer::start().await.unwrap();
    let (listener, url) = listener().await;
    let keys = issuer.jwks();
    let redirect_target = issuer.jwks_url();
    let server = tokio::spawn(async move {
        let key_response =
            format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{keys}", keys.len());
        accept(&listener).await.write_all(key_response.as_bytes()).await.unwrap();
        let redirect = format!(
            "HTTP/1.1 302 Found\r\nlocation: {redirect_target}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        accept(&listener).await.write_all(redirect.as_bytes()).await.unwrap();
    });
    let app = app(&issuer, &url);
    assert!(app.auth.prefetch_keys().await);
    let token = || issuer.token("ann").audience("api");
    assert_eq!(app.status_for(&token().header("kid", "new").sign()).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(app.status_for(&token().sign()).await, StatusCode::OK);
    server.await.unwrap();
    assert_eq!(issuer.fetch_count(), 0);
}

#[tokio::test]
async fn built_in_client_stops_reading_an_endless_body() {
    let issuer = TestIssuer::start().await.unwrap();
    let (listener, url) = listener().await;
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let (client_gone, client_is_gone) = oneshot::channel();
    tokio::spawn(async move {
        let mut stream = accept(&listener).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        let chunk = [b"4000\r\n".as_slice(), &[b' '; 0x4000], b"\r\n"].concat();
        while stream.write_all(&chunk).await.is_ok() {
            counter.fetch_add(chunk.len(), Ordering::SeqCst);
        }
        client_gone.send(()).unwrap();
    });
    let log = LogCapture::start();
    let status = app(&issuer, &url).status_for(&issuer.token("ann").audience("api").sign()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(log.count("the document has more than 262144 bytes"), 1, "{}", log.text());
    client_is_gone.await.unwrap();
    // The bytes that the client read, and those in the buffers of both sockets.
    let sent = sent.load(Ordering::SeqCst);
    assert!(sent < 16 * 1024 * 1024, "{sent}");
}

#[tokio::test]
async fn log_gives_the_reason_for_a_failed_connection() {
    let issuer = TestIssuer::start().await.unwrap();
    // A socket that is bound but does not listen refuses connections, and keeps its port from other tests.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/jwks", socket.local_addr().unwrap());
    let log = LogCapture::start();
    let status = app(&issuer, &url).status_for(&issuer.token("ann").audience("api").sign()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let text = log.text();
    let line = text.lines().find(|line| line.contains("cannot fetch the issuer's keys")).unwrap();
    assert!(line.contains("onnection refused"), "{line}");
}

#[tokio::test]
async fn built_in_client_discovers_an_issuer_and_fetches_its_keys() {
    let issuer = TestIssuer::start().await.unwrap();
    let app = JwtApp::new(JwtAuth::builder().issuer(Issuer::discover(issuer.url())).audience("api"));
    for _ in 0..3 {
        assert_eq!(app.status_for(&issuer.token("ann").audience("api").sign()).await, StatusCode::OK);
    }
    assert_eq!(issuer.fetch_count(), 2, "metadata and keys");
    issuer.respond_with(StatusCode::BAD_GATEWAY);
    assert_eq!(app.status_for(&issuer.token("ann").audience("api").sign()).await, StatusCode::OK);
}
