//! Gates on a real tonic server, and the status that a gRPC client receives.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use portcullis::context::Realm;
use portcullis::gate::{Denial, DenialKind, GrpcRejections, Violation};
use portcullis::testing::TestIssuer;
use portcullis::{Issuer, JwtAuth, RequireScope};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService};
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Status};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

pub(super) const PATH: &str = "/test.Echo/Unary";

/// A service with one method, which responds with the request's message and counts its calls.
#[derive(Clone, Default)]
pub(super) struct Echo(Arc<AtomicUsize>);

impl NamedService for Echo {
    const NAME: &'static str = "test.Echo";
}

impl Service<Request<Body>> for Echo {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let method = UnaryMethod(self.clone());
        Box::pin(async move { Ok(Grpc::new(Raw).unary(method, request).await) })
    }
}

struct UnaryMethod(Echo);

impl Service<tonic::Request<Bytes>> for UnaryMethod {
    type Response = tonic::Response<Bytes>;
    type Error = Status;
    type Future = Ready<Result<Self::Response, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        self.0.0.fetch_add(1, SeqCst);
        ready(Ok(tonic::Response::new(request.into_inner())))
    }
}

/// Encodes messages as plain bytes.
#[derive(Clone, Copy)]
pub(super) struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// A server that requires a token with the scope `echo`, and a client connected to it.
struct TestServer {
    issuer: TestIssuer,
    echo: Echo,
    channel: Channel,
}

impl TestServer {
    async fn start() -> Self {
        let issuer = TestIssuer::start().await.unwrap();
        let auth = JwtAuth::builder().issuer(Issuer::discover(issuer.url())).audience("api").build().unwrap();
        let scope = RequireScope::new("echo").unwrap();
        Self::serve(issuer, ServiceBuilder::new().layer(auth).layer(scope).into_inner()).await
    }

    async fn serve<L>(issuer: TestIssuer, layers: L) -> Self
    where
        L: Layer<Routes, Service: Service<Request<Body>, Response = Response<Body>, Error = Infallible>>,
        L: Clone + Send + Sync + 'static,
        L::Service: Service<Request<Body>, Future: Send> + Clone + Send + 'static,
    {
        let echo = Echo::default();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let endpoint = Endpoint::from_shared(format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let routes = Server::builder().layer(layers).add_service(echo.clone());
        tokio::spawn(routes.serve_with_incoming(TcpIncoming::from(listener)));
        Self { issuer, echo, channel: endpoint.connect_lazy() }
    }

    /// Calls the method with a tonic client.
    async fn call(&self, credential: Option<&str>) -> Result<Bytes, Status> {
        let mut client = tonic::client::Grpc::new(self.channel.clone());
        client.ready().await.unwrap();
        let mut request = tonic::Request::new(Bytes::from_static(b"hello"));
        if let Some(credential) = credential {
            request.metadata_mut().insert("authorization", credential.parse().unwrap());
        }
        client.unary(request, PATH.parse().unwrap(), Raw).await.map(tonic::Response::into_inner)
    }

    /// Calls the method with a plain HTTP request.
    async fn post(&self, media_type: &str, credential: Option<&str>) -> Response<Body> {
        self.channel.clone().oneshot(request(media_type, credential)).await.unwrap()
    }

    fn bearer(&self, scope: &str) -> String {
        format!("Bearer {}", self.issuer.token("ann").audience("api").scope(scope).sign())
    }
}

/// An empty message in its frame, whose prefix has five bytes.
fn request(media_type: &str, credential: Option<&str>) -> Request<Body> {
    let mut request = Request::post(PATH).header("content-type", media_type).header("te", "trailers");
    if let Some(credential) = credential {
        request = request.header("authorization", credential);
    }
    request.body(Body::new(Full::new(Bytes::from_static(&[0; 5])))).unwrap()
}

#[tokio::test]
async fn an_admitted_call_reaches_the_service_and_its_response_the_client() {
    let server = TestServer::start().await;
    assert_eq!(server.call(Some(&server.bearer("echo"))).await.unwrap(), "hello");
    assert_eq!(server.echo.0.load(SeqCst), 1);
}

#[tokio::test]
async fn a_client_receives_the_status_that_matches_the_rejection() {
    let server = TestServer::start().await;
    let expired = format!("Bearer {}", server.issuer.token("ann").audience("api").expired().sign());
    for (credential, code, message) in [
        (None, Code::Unauthenticated, "a bearer token is required"),
        (Some("Bearer a b"), Code::InvalidArgument, "the credential is malformed"),
        (Some("Bearer a.b.c"), Code::Unauthenticated, "the token is not valid base64url"),
        (Some(&*expired), Code::Unauthenticated, "the token has expired"),
        (Some(&*server.bearer("other")), Code::PermissionDenied, "required scope: echo"),
    ] {
        let status = server.call(credential).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (code, message));
        assert!(status.metadata().contains_key("www-authenticate"), "{message}");
        assert!(status.metadata().contains_key("error-code"), "{message}");
    }
    assert_eq!(server.echo.0.load(SeqCst), 0);
}

#[tokio::test]
async fn a_missing_layer_is_internal_and_an_outage_unavailable() {
    let issuer = TestIssuer::start().await.unwrap();
    let server = TestServer::serve(issuer, RequireScope::new("echo").unwrap()).await;
    let status = server.call(Some(&server.bearer("echo"))).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);

    let server = TestServer::start().await;
    server.issuer.respond_with(StatusCode::BAD_GATEWAY);
    let status = server.call(Some(&server.bearer("echo"))).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "the issuer's keys are temporarily unavailable"));
    assert!(status.metadata().contains_key("retry-after"));
    assert_eq!(server.echo.0.load(SeqCst), 0);
}

#[tokio::test]
async fn a_rejection_is_http_200_and_trailers_only_with_the_content_type_of_the_request() {
    let server = TestServer::start().await;
    for media_type in ["application/grpc", "application/grpc+proto", "application/grpc-web"] {
        let response = server.post(media_type, None).await;
        assert_eq!(response.status(), 200, "{media_type}");
        assert_eq!(response.headers()["content-type"], media_type);
        assert_eq!(response.headers()["grpc-status"], "16");
        assert_eq!(response.headers()["grpc-message"], "a bearer token is required");
        assert_eq!(response.headers()["www-authenticate"], "Bearer realm=\"api\"");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["error-code"], "credentials_missing");
        let body = response.into_body().collect().await.unwrap();
        assert!(body.trailers().is_none(), "{media_type}");
        assert!(body.to_bytes().is_empty(), "{media_type}");
    }
}

#[tokio::test]
async fn each_rejection_has_its_grpc_status_number() {
    let server = TestServer::start().await;
    for (credential, number) in [(None, "16"), (Some("Bearer a b"), "3"), (Some(&*server.bearer("other")), "7")] {
        let response = server.post("application/grpc", credential).await;
        assert_eq!(response.headers()["grpc-status"], number);
    }
    server.issuer.withdraw_old_keys();
    server.issuer.respond_with(StatusCode::BAD_GATEWAY);
    let fresh = TestServer::serve(server.issuer.clone(), jwt_auth(&server.issuer)).await;
    let response = fresh.post("application/grpc", Some(&fresh.bearer("echo"))).await;
    assert_eq!(response.headers()["grpc-status"], "14");
}

#[tokio::test]
async fn a_request_that_is_not_grpc_gets_an_http_rejection() {
    let server = TestServer::start().await;
    for media_type in ["application/json", "application/grpcx", "text/plain"] {
        let response = server.post(media_type, None).await;
        assert_eq!(response.status(), 401, "{media_type}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert!(!response.headers().contains_key("grpc-status"));
    }
}

#[tokio::test]
async fn the_extensions_of_a_grpc_rejection_have_the_denial_too() {
    let issuer = TestIssuer::start().await.unwrap();
    let service = jwt_auth(&issuer).layer(Routes::new(Echo::default()));
    let response = service.oneshot(request("application/grpc", None)).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.extensions().get::<Denial>().unwrap().kind(), &DenialKind::CredentialsMissing);
}

#[tokio::test]
async fn a_denial_converts_to_a_tonic_status() {
    let denial = portcullis::UserContext::new("ann").require_scope("echo").unwrap_err();
    let status = Status::from(denial);
    assert_eq!((status.code(), status.message()), (Code::PermissionDenied, "required scope: echo"));
    assert_eq!(status.metadata().get("error-code").unwrap(), "insufficient_scope");
    assert!(status.metadata().get("www-authenticate").unwrap().to_str().unwrap().ends_with("scope=\"echo\""));
    let violation = Violation::new(["default"], Some(Duration::from_secs(7)));
    let status = Status::from(Denial::new(DenialKind::QuotaExceeded(violation), Realm::default()));
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(status.metadata().get("retry-after").unwrap(), "7");
}

/// A proxy that asks this app whether to allow a request must not treat the HTTP 200 of a gRPC status as permission.
#[tokio::test]
async fn an_app_that_is_no_grpc_server_rejects_a_grpc_call_with_the_true_status() {
    let service = RequireScope::new("echo").unwrap().layer(tower::service_fn(async |_: Request<Body>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    }));
    let service = portcullis::testing::as_anonymous().layer(service);
    let response = service.clone().oneshot(request("application/grpc", None)).await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert!(!response.headers().contains_key("grpc-status"));
    assert!(!response.into_body().collect().await.unwrap().to_bytes().is_empty());

    let mut marked = request("application/grpc", None);
    marked.extensions_mut().insert(GrpcRejections);
    let response = service.clone().oneshot(marked).await.unwrap();
    assert_eq!((response.status(), &response.headers()["grpc-status"]), (StatusCode::OK, &"16".parse().unwrap()));
    assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());

    // Not even a marked app sends the status to a request that is not a call.
    let mut get = request("application/grpc", None);
    *get.method_mut() = http::Method::GET;
    get.extensions_mut().insert(GrpcRejections);
    assert_eq!(service.oneshot(get).await.unwrap().status(), 401);
}

#[tokio::test]
async fn an_axum_extractor_rejects_a_grpc_call_as_the_layers_do() {
    let app = axum::Router::new().route(PATH, axum::routing::post(async |_: portcullis::UserContext| {}));
    let app = app.layer(portcullis::testing::as_anonymous());
    let call = || request("application/grpc", None).map(|_| axum::body::Body::empty());
    assert_eq!(app.clone().oneshot(call()).await.unwrap().status(), 401);
    let response = app.layer(axum::Extension(GrpcRejections)).oneshot(call()).await.unwrap();
    assert_eq!((response.status(), &response.headers()["grpc-status"]), (StatusCode::OK, &"16".parse().unwrap()));
}

#[tokio::test]
async fn the_headers_of_outer_layers_are_on_a_grpc_rejection_too() {
    let issuer = TestIssuer::start().await.unwrap();
    let limit = portcullis::RateLimit::builder().quota(portcullis::Quota::per_minute(5).unwrap());
    let limit = limit.key(portcullis::rate_limit::Key::global()).build().unwrap();
    let stack = portcullis::Stack::builder()
        .security_headers(portcullis::SecurityHeaders::api().build().unwrap())
        .authenticate(jwt_auth(&issuer))
        .limit_by_address(limit)
        .build()
        .unwrap();
    let response = stack.layer(Routes::new(Echo::default())).oneshot(request("application/grpc", None)).await.unwrap();
    assert_eq!((response.status(), &response.headers()["grpc-status"]), (StatusCode::OK, &"16".parse().unwrap()));
    assert_eq!(response.headers()["x-ratelimit-remaining"], "4");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
}

fn jwt_auth(issuer: &TestIssuer) -> JwtAuth {
    JwtAuth::builder().issuer(Issuer::discover(issuer.url())).audience("api").build().unwrap()
}
