//! A gRPC server that requires a token with a scope. The crate needs the feature `tonic`.
//!
//! Run `cargo run --example tonic`; `PORT=3001` selects another port. It prints tokens to export in
//! a second terminal, and `curl` commands to run there. They send an empty protobuf message, which
//! is five zero bytes on the wire.
//!
//! A rejection is a gRPC status: 16 (`UNAUTHENTICATED`) without a token, 7 (`PERMISSION_DENIED`)
//! without the scope.

use std::convert::Infallible;
use std::env;
use std::error::Error;
use std::task::{Context, Poll};

use portcullis::testing::TestIssuer;
use portcullis::{Issuer, JwtAuth, RequireScope, UserContext};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service};
use tonic::server::{Grpc, NamedService};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::{ServiceBuilder, service_fn};

#[derive(Clone, PartialEq, prost::Message)]
struct HelloRequest {}

#[derive(Clone, PartialEq, prost::Message)]
struct HelloReply {
    #[prost(string, tag = "1")]
    text: String,
}

/// The layers have checked the token and its scope. A method that requires more calls, for example,
/// `user.require_scope("admin")?`: a `Denial` converts into a `Status`.
async fn say_hello(request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
    let user = UserContext::from_extensions(request.extensions())
        .ok_or_else(|| Status::internal("no layer authenticates"))?;
    Ok(Response::new(HelloReply { text: format!("hello, {}", user.id()) }))
}

/// The service. tonic-prost-build generates such types from a `.proto` file, with the messages.
#[derive(Clone)]
struct GreeterServer;

impl NamedService for GreeterServer {
    const NAME: &'static str = "greeter.Greeter";
}

impl Service<http::Request<Body>> for GreeterServer {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            if request.uri().path() != "/greeter.Greeter/SayHello" {
                return Ok(Status::unimplemented("unknown method").into_http());
            }
            Ok(Grpc::new(ProstCodec::default()).unary(service_fn(say_hello), request).await)
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))
        .await
        .map_err(|error| format!("PORT={port}: {error}"))?;
    let issuer = TestIssuer::start().await?;
    let auth = JwtAuth::builder().issuer(Issuer::discover(issuer.url())).audience("api").build()?;
    let layers = ServiceBuilder::new().layer(auth).layer(RequireScope::new("greet")?);
    let url = format!("http://{}/greeter.Greeter/SayHello", listener.local_addr()?);
    let token = issuer.token("ann").audience("api");
    println!("export TOKEN={}", token.clone().scope("greet").sign());
    println!("export TOKEN_WITHOUT_SCOPE={}", token.sign());
    let options = "-sSi --http2-prior-knowledge --data-binary @-";
    let headers = "-H 'Content-Type: application/grpc' -H 'TE: trailers'";
    let call = format!(r"printf '\0\0\0\0\0' | curl {options} {url} {headers}");
    println!("{call} | cat -v");
    for token in ["TOKEN", "TOKEN_WITHOUT_SCOPE"] {
        println!("{call} -H \"Authorization: Bearer ${token}\" | cat -v");
    }
    let server = Server::builder().layer(layers.into_inner()).add_service(GreeterServer);
    Ok(server.serve_with_incoming(TcpIncoming::from(listener)).await?)
}
