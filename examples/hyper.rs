//! The layers on a plain hyper server, without axum.
//!
//! Run `cargo run --example hyper`; `PORT=3001` selects another port. It prints a token to export
//! in a second terminal, and `curl` commands to run there. The issuer of the token runs in the same
//! process.

use std::convert::Infallible;
use std::env;
use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use portcullis::rate_limit::Key;
use portcullis::testing::TestIssuer;
use portcullis::{
    Issuer, JwtAuth, Quota, RateLimit, RequireScope, SecurityHeaders, Stack, TrustedProxies,
    UserContext,
};
use tokio::net::TcpListener;
use tower::ServiceBuilder;

/// The service that the layers protect. It reads the user without an extractor.
async fn handle(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let user = UserContext::from_extensions(request.extensions());
    let (status, text) = match (request.method(), request.uri().path(), user) {
        (&Method::GET, "/me", Some(user)) => (StatusCode::OK, format!("{}\n", user.id())),
        _ => (StatusCode::NOT_FOUND, "not found\n".to_owned()),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    Ok(response)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))
        .await
        .map_err(|error| format!("PORT={port}: {error}"))?;
    let issuer = TestIssuer::start().await?;
    let auth = JwtAuth::builder().issuer(Issuer::discover(issuer.url())).audience("api").build()?;
    let limit = RateLimit::builder().quota(Quota::per_minute(60)?).key(Key::ip()).build()?;
    let stack = Stack::builder()
        .trusted_proxies(TrustedProxies::none())
        .security_headers(SecurityHeaders::api().build()?)
        .limit_by_address(limit)
        .authenticate(auth)
        .build()?;
    let scope = RequireScope::new("profile")?;

    let addr = listener.local_addr()?;
    let token = issuer.token("ann").audience("api");
    println!("export TOKEN={}", token.clone().scope("profile").sign());
    println!("export TOKEN_WITHOUT_SCOPE={}", token.sign());
    println!("curl -i http://{addr}/me");
    println!("curl -i http://{addr}/me -H \"Authorization: Bearer $TOKEN\"");
    println!("curl -i http://{addr}/me -H \"Authorization: Bearer $TOKEN_WITHOUT_SCOPE\"");
    loop {
        // An error concerns one connection, or too many are open: it must not end the server.
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let service = ServiceBuilder::new()
            // Where the layers look for the peer's address.
            .map_request(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(peer);
                request
            })
            .layer(stack.clone())
            .layer(scope.clone())
            .service_fn(handle);
        let connection = http1::Builder::new()
            // Closes connections that send their headers too slowly.
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}
