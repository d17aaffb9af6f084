//! A `Stack` responds like the same layers in a `ServiceBuilder`, whatever headers the handler sends.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use portcullis::headers::{Csp, Directive, SecurityHeadersBuilder, Source};
use portcullis::{SecurityHeaders, Stack};
use proptest::prelude::*;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

use super::{PAGE, auth, bearer, cors, global_limit, per_user_limit};

/// Headers that the layers write, remove or leave to the handler.
const NAMES: [&str; 16] = [
    "access-control-allow-credentials",
    "access-control-allow-origin",
    "cache-control",
    "content-security-policy",
    "content-type",
    "ratelimit",
    "referrer-policy",
    "server",
    "set-cookie",
    "strict-transport-security",
    "vary",
    "x-content-type-options",
    "x-custom",
    "x-frame-options",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
];

fn configurations() -> [SecurityHeadersBuilder; 6] {
    let api = || SecurityHeaders::api().assume_https();
    [
        api(),
        api()
            .header("x-custom", "value")
            .override_handler(["x-custom", "x-frame-options"])
            .strip(["server", "referrer-policy"]),
        api().header("cache-control", "no-cache").override_handler(["cache-control"]),
        api().strip(["cache-control", "x-ratelimit-limit", "ratelimit"]),
        api().csp(Csp::new().set(Directive::ScriptSrc, [Source::Nonce])).override_handler(["content-security-policy"]),
        SecurityHeaders::html(),
    ]
}

fn sorted_lines(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut lines: Vec<_> = headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    lines.sort_by(|(a, _), (b, _)| a.cmp(b));
    lines
}

/// Sends a request with this credential, and returns the status and the headers of the response.
async fn respond<S>(mut service: S, credential: &str) -> (StatusCode, Vec<(String, String)>)
where
    S: Service<Request<Full<Bytes>>, Response = Response<Full<Bytes>>, Error = Infallible>,
{
    let mut request = Request::builder().uri("https://api.example.com/").header("origin", PAGE);
    if !credential.is_empty() {
        request = request.header("authorization", credential);
    }
    let response = service.ready().await.unwrap().call(request.body(Full::default()).unwrap()).await.unwrap();
    (response.status(), sorted_lines(response.headers()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_stack_responds_like_its_single_layers(
        headers in prop::collection::vec((prop::sample::select(&NAMES), 0..4_u8), 0..30),
        configuration in 0..6_usize,
        is_authenticated: bool,
        is_not_modified: bool,
    ) {
        let handler = service_fn(move |_: Request<Full<Bytes>>| {
            let mut response = Response::new(Full::default());
            if is_not_modified {
                *response.status_mut() = StatusCode::NOT_MODIFIED;
            }
            for (name, value) in &headers {
                response.headers_mut().append(HeaderName::from_static(name), HeaderValue::from(u16::from(*value)));
            }
            async move { Ok::<_, Infallible>(response) }
        });
        let security_headers = configurations().into_iter().nth(configuration).unwrap().build().unwrap();
        let stack = Stack::builder()
            .security_headers(security_headers.clone())
            .cors(cors())
            .limit_by_address(global_limit(9))
            .authenticate(auth())
            .limit_by_user(per_user_limit(5))
            .build()
            .unwrap();
        let layers = ServiceBuilder::new()
            .layer(security_headers)
            .layer(cors())
            .layer(global_limit(9))
            .layer(auth())
            .layer(per_user_limit(5));
        let credential = if is_authenticated { bearer("ann") } else { String::new() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let stacked = respond(ServiceBuilder::new().layer(stack).service(handler.clone()), &credential);
        let stacked = runtime.block_on(stacked);
        let layered = runtime.block_on(respond(layers.service(handler), &credential));
        prop_assert_eq!(stacked, layered);
    }
}

/// A response whose header map is full (24,576 names), or has more lines than that.
#[tokio::test]
async fn a_response_whose_header_map_is_full_is_sent_unchanged() {
    for (names, cookies) in [(24_576, 0), (24_575, 0), (24_560, 0), (1, 40_000)] {
        let handler = service_fn(move |_: Request<Full<Bytes>>| async move {
            let mut response = Response::new(Full::<Bytes>::default());
            for n in 0..names {
                response.headers_mut().append(HeaderName::try_from(format!("n{n}")).unwrap(), HeaderValue::from(1));
            }
            for n in 0..cookies {
                response.headers_mut().append("set-cookie", HeaderValue::from(n));
            }
            Ok::<_, Infallible>(response)
        });
        let limit = portcullis::RateLimit::builder()
            .quota(portcullis::Quota::per_hour(9).unwrap())
            .key(portcullis::rate_limit::Key::global())
            .ietf_draft_headers()
            .build()
            .unwrap();
        let stack = Stack::builder().security_headers(SecurityHeaders::api().build().unwrap()).cors(cors());
        let stack = stack.limit_by_address(limit).build().unwrap();
        let (status, lines) = respond(ServiceBuilder::new().layer(stack).service(handler), "").await;
        assert_eq!(status, 200);
        assert!(lines.len() >= names + cookies as usize, "{names} names");
    }
}
