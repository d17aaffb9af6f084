//! `authenticate`: the decision of a gate without an inner service, beside that of the layer.

mod gates;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, Request, Response, request};
use portcullis::api_key::{MemoryKeys, NewApiKey};
use portcullis::client_cert::ClientCertHeader;
use portcullis::context::Visitor;
use portcullis::gate::{
    AccountRefusal, AuthGate, Authenticated, Bytes, Denial, Gate, Gated, GrpcRejections, LoadError, Reply,
};
use portcullis::rate_limit::{Key, Limit, OutagePolicy, RedisStore};
use portcullis::session::{MemorySessions, Session, UserFrom};
use portcullis::testing::{TestIssuer, TokenBuilder};
use portcullis::{
    AnyOf, ApiKeyAuth, BasicAuth, ClientCertAuth, Cors, IntrospectionAuth, Issuer, JwtAuth, OriginSet, Quota,
    RateLimit, SecurityHeaders, SessionAuth, Stack, TrustedProxies, UserContext,
};
use tower::{ServiceExt, service_fn};

use crate::support::scripted_gate::{DECISIONS, ScriptedGate, request_for};

const ISS: &str = "https://issuer.example";
const SECRET: [u8; 32] = [7; 32];
const PASSWORD: &str = "0123456789abcdef";
/// `prometheus:` and the password, in base64.
const BASIC: &str = "Basic cHJvbWV0aGV1czowMTIzNDU2Nzg5YWJjZGVm";
const XFCC: &str = "Hash=468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688;URI=spiffe://a/b";

/// A request, as its headers, and the status of the response.
type Case = (Vec<(&'static str, String)>, u16);

/// What the client receives: status, headers and body, with the reason of a rejection.
#[derive(Debug, PartialEq)]
struct Received(u16, HeaderMap, Bytes, Option<Denial>);

impl Received {
    fn of(response: Response<Bytes>) -> Self {
        let (head, body) = response.into_parts();
        Self(head.status.as_u16(), head.headers, body, head.extensions.get().cloned())
    }
}

fn request(method: &Method, headers: &[(&'static str, String)]) -> Request<()> {
    let request = Request::builder().method(method).uri("/orders").extension(SocketAddr::from(([10, 0, 0, 1], 4711)));
    headers.iter().fold(request, |request, (name, value)| request.header(*name, value)).body(()).unwrap()
}

/// The response of the handler: the user, `anonymous`, or `unknown` if no gate ran.
fn handler(head: &request::Parts) -> Response<Bytes> {
    let name = match head.extensions.get::<Visitor>() {
        Some(visitor) => visitor.user().map_or("anonymous", UserContext::id),
        None => "unknown",
    };
    Response::new(Bytes::from(name.to_owned()))
}

async fn by_layer<G: Gate>(gate: &G, request: Request<()>) -> Received {
    let inner = service_fn(async |request: Request<()>| Ok::<_, Infallible>(handler(&request.into_parts().0)));
    Received::of(Gated::new(gate.clone(), inner).oneshot(request).await.unwrap())
}

async fn by_authenticate<G: Gate>(
    decision: impl AsyncFnOnce(&mut request::Parts) -> Result<Authenticated<G>, Reply>,
    request: Request<()>,
) -> Received {
    let mut head = request.into_parts().0;
    let response = match decision(&mut head).await {
        Ok(authenticated) => {
            let mut response = handler(&head);
            authenticated.write(&mut response);
            response
        }
        Err(reply) => {
            assert_eq!(handler(&head).body(), "unknown");
            reply.into_response::<Bytes>()
        }
    };
    Received::of(response)
}

/// Compares both for new gates, so that neither finds what the other has cached, and for one gate.
async fn compare<G: AuthGate>(name: &str, gate: impl Fn() -> G, cases: &[Case]) {
    let shared = gate();
    for (headers, status) in cases {
        for method in [Method::GET, Method::POST] {
            let request = || request(&method, headers);
            let layer = by_layer(&gate(), request()).await;
            let other = gate();
            let authenticate = by_authenticate(async |head| other.authenticate(head).await, request()).await;
            assert_eq!(authenticate, layer, "{name}: {method} {headers:?}");
            if method == Method::GET {
                assert_eq!(layer.0, *status, "{name}: {headers:?} {layer:?}");
            }
            let layer = by_layer(&shared, request()).await;
            let authenticate = by_authenticate(async |head| shared.authenticate(head).await, request()).await;
            assert_eq!(authenticate, layer, "{name}: {method} {headers:?}");
        }
    }
}

fn header(name: &'static str, value: impl Into<String>) -> Vec<(&'static str, String)> {
    vec![(name, value.into())]
}

fn bearer(token: impl AsRef<str>) -> Vec<(&'static str, String)> {
    header("authorization", format!("Bearer {}", token.as_ref()))
}

fn token(subject: &str) -> TokenBuilder {
    TokenBuilder::first_party(ISS, SECRET, subject).audience("api")
}

fn jwt() -> portcullis::jwt::JwtAuthBuilder {
    JwtAuth::builder().issuer(Issuer::hs256(ISS, SECRET).first_party()).audience("api").cookie("token")
}

/// Requests to a gate for bearer tokens, and the status with the token of `ann`.
fn bearer_cases(token: &str) -> Vec<Case> {
    vec![
        (vec![], 401),
        (bearer(token), 200),
        (bearer("a b"), 400),
        (bearer("a.b.c"), 401),
        (header("authorization", BASIC), 401),
        ([bearer(token), bearer(token)].concat(), 400),
    ]
}

fn sessions() -> SessionAuth {
    SessionAuth::builder().store(MemorySessions::new()).build().unwrap()
}

/// The cookie of a session of `ann`, who logs in without a layer.
async fn log_in(sessions: &SessionAuth) -> String {
    let mut head = request(&Method::POST, &header("sec-fetch-site", "same-origin")).into_parts().0;
    let authenticated = sessions.to_optional().authenticate(&mut head).await.unwrap();
    Session::from_extensions(&head.extensions).unwrap().log_in(UserContext::new("ann")).await.unwrap();
    let mut response = Response::new(());
    authenticated.write(&mut response);
    cookie(response.headers())
}

fn cookie(headers: &HeaderMap) -> String {
    headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_renewed_session_gets_its_cookie_and_an_ended_one_loses_it() {
    let sessions = sessions();
    let old = log_in(&sessions).await;
    let headers = |cookie: &str| vec![("cookie", cookie.to_owned()), ("sec-fetch-site", "same-origin".to_owned())];
    let mut head = request(&Method::POST, &headers(&old)).into_parts().0;
    let authenticated = sessions.authenticate(&mut head).await.unwrap();
    let session = Session::from_extensions(&head.extensions).unwrap();
    session.renew().await.unwrap();
    let mut response = Response::new(());
    authenticated.write(&mut response);
    let new = cookie(response.headers());
    assert_ne!(new, old);
    assert_eq!(response.headers()["cache-control"], "no-store");

    let mut head = request(&Method::POST, &headers(&new)).into_parts().0;
    let authenticated = sessions.authenticate(&mut head).await.unwrap();
    Session::from_extensions(&head.extensions).unwrap().log_out().await.unwrap();
    let mut response = Response::new(());
    authenticated.write(&mut response);
    assert!(cookie(response.headers()).ends_with('='), "{response:?}");
    let reply = sessions.authenticate(&mut request(&Method::POST, &headers(&new)).into_parts().0).await.unwrap_err();
    assert_eq!(reply.status(), 401);
    assert!(cookie(reply.headers()).ends_with('='), "{reply:?}");
}

#[tokio::test]
async fn a_stack_decides_as_its_layer_does() {
    let stack = || {
        let limit = RateLimit::builder().quota(Quota::per_hour(2).unwrap()).key(Key::user()).build().unwrap();
        let cors = Cors::builder().origins(OriginSet::new(["https://app.example.com"]).unwrap());
        Stack::builder()
            .trusted_proxies(TrustedProxies::none())
            .security_headers(SecurityHeaders::api().build().unwrap())
            .cors(cors.build().unwrap())
            .authenticate(jwt().build().unwrap())
            .limit_by_user(limit)
            .build()
            .unwrap()
    };
    let (layer, other) = (stack(), stack());
    let ann = token("ann").sign();
    let preflight = [("origin", "https://app.example.com"), ("access-control-request-method", "GET")];
    let preflight = preflight.map(|(name, value)| (name, value.to_owned())).to_vec();
    for (method, headers, status) in [
        (Method::GET, vec![], 401),
        (Method::OPTIONS, preflight, 204),
        (Method::GET, bearer(&ann), 200),
        (Method::GET, bearer(&ann), 200),
        (Method::GET, bearer(&ann), 429),
    ] {
        let expected = by_layer(&layer, request(&method, &headers)).await;
        let received = by_authenticate(async |head| other.authenticate(head).await, request(&method, &headers)).await;
        // The time until the counter is full again may differ by a second.
        let without_times = |Received(status, mut headers, body, denial): Received| {
            for name in ["retry-after", "x-ratelimit-reset"] {
                headers.remove(name);
            }
            (status, headers, body, denial.map(|denial| denial.code()))
        };
        let (expected, received) = (without_times(expected), without_times(received));
        assert_eq!(received, expected);
        assert_eq!(received.0, status);
        assert_eq!(received.1["x-content-type-options"], "nosniff");
    }
}

#[tokio::test]
async fn the_head_has_what_the_gates_around_and_inside_a_limit_that_waits_have_written() {
    // Its store is unreachable.
    let waiting = |key| {
        let limit = Limit::new("remote", Quota::per_hour(9).unwrap()).on_outage(OutagePolicy::FailOpen);
        let store = RedisStore::connect("redis://127.0.0.1:1").unwrap();
        RateLimit::builder().limit(limit).key(key).store(store).build().unwrap()
    };
    let builder = || Stack::builder().trusted_proxies(TrustedProxies::none());
    let around = builder().limit_by_address(waiting(Key::ip())).authenticate(jwt().build().unwrap());
    let inside = builder().authenticate(jwt().build().unwrap()).limit_by_user(waiting(Key::user()));
    for stack in [around, inside].map(|builder| builder.build().unwrap()) {
        let mut head = request(&Method::GET, &bearer(token("ann").sign())).into_parts().0;
        let authenticated = stack.authenticate(&mut head).await.unwrap();
        assert_eq!(handler(&head).body(), "ann");
        assert!(head.headers["authorization"].is_sensitive());
        authenticated.write(&mut Response::new(()));
    }
}

#[tokio::test]
async fn an_anonymous_request_of_an_optional_gate_has_no_user_and_is_not_unknown() {
    let auth = jwt().optional().build().unwrap();
    let mut head = request(&Method::GET, &[]).into_parts().0;
    let authenticated = auth.authenticate(&mut head).await.unwrap();
    assert!(UserContext::from_extensions(&head.extensions).is_none());
    assert!(head.extensions.get::<Visitor>().is_some());
    authenticated.write(&mut Response::new(()));
}

#[tokio::test]
async fn every_decision_of_a_custom_gate_keeps_the_head() {
    for (decision, status) in DECISIONS {
        let gate = ScriptedGate::default();
        gate.record.proceed.notify_one();
        let stack = Stack::builder().authenticate(gate.clone()).build().unwrap();
        let mut head = request_for(decision).into_parts().0;
        let received = match stack.authenticate(&mut head).await {
            Ok(authenticated) => {
                let mut response = Response::new(());
                authenticated.write(&mut response);
                assert_eq!(response.headers()["x-leave-called"], "yes");
                response.status()
            }
            Err(reply) => reply.into_response::<Bytes>().status(),
        };
        assert_eq!(received, status, "{decision}");
        assert_eq!(head.headers["x-decision"], decision);
        assert_eq!(head.headers["x-entered"], "yes");
        let calls = usize::from(status == 200);
        assert_eq!(gate.leave_calls_and_dropped_passes(), (calls, calls), "{decision}");
    }
}

#[tokio::test]
async fn a_dropped_future_leaves_the_head_without_a_user() {
    let load = async |_: UserContext| std::future::pending::<Result<UserContext, LoadError>>().await;
    let auth = jwt().load_user(load).load_user_timeout(Duration::from_secs(9)).build().unwrap();
    let mut head = request(&Method::GET, &bearer(token("ann").sign())).into_parts().0;
    head.extensions.insert(Visitor::authenticated(UserContext::new("of an outer gate")));
    {
        let decision = auth.authenticate(&mut head);
        tokio::pin!(decision);
        assert!(futures_util::poll!(&mut decision).is_pending());
    }
    assert_eq!(handler(&head).body(), "unknown");
    assert_eq!((head.method, head.uri.path()), (Method::GET, "/orders"));
    assert!(head.headers["authorization"].is_sensitive());
}

#[tokio::test]
async fn a_marked_grpc_call_gets_its_status() {
    let auth = jwt().build().unwrap();
    let mut head = request(&Method::POST, &header("content-type", "application/grpc")).into_parts().0;
    head.extensions.insert(GrpcRejections);
    let reply = auth.authenticate(&mut head).await.unwrap_err();
    assert_eq!(reply.extensions().get::<Denial>().unwrap().code(), "credentials_missing");
    let (parts, body) = reply.into_response::<Bytes>().into_parts();
    assert_eq!((parts.status.as_u16(), &parts.headers["grpc-status"]), (200, &HeaderValue::from_static("16")));
    assert!(body.is_empty());
}

#[test]
fn the_future_is_send_for_every_gate() {
    fn is_send<T: Send>(_: T) {}
    fn check<G: AuthGate>(gate: &G, stack: &Stack<G>) {
        let head = &mut Request::new(()).into_parts().0;
        is_send(gate.authenticate(head));
        is_send(stack.authenticate(head));
    }
    let auth = jwt().build().unwrap();
    check(&auth, &Stack::builder().authenticate(auth.clone()).build().unwrap());
    let sessions = sessions();
    check(&sessions, &Stack::builder().authenticate(sessions.clone()).build().unwrap());
}
