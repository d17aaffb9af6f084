//! A `Stack` answers as the same layers in a `ServiceBuilder`, whatever the handler's answer has.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use portcullis::headers::{Csp, Directive, SecurityHeadersBuilder, Source};
use portcullis::{SecurityHeaders, Stack};
use proptest::prelude::*;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

use super::{PAGE, auth, bearer, cors, each_user, everybody};

/// The names that gates write, remove or leave to the handler.
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
    "x-frame-options",
    "x-own",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
];

fn kinds() -> [SecurityHeadersBuilder; 6] {
    let api = || SecurityHeaders::api().assume_https();
    [
        api(),
        api()
            .header("x-own", "own")
            .override_handler(["x-own", "x-frame-options"])
            .strip(["server", "referrer-policy"]),
        api().header("cache-control", "no-cache").override_handler(["cache-control"]),
        api().strip(["cache-control", "x-ratelimit-limit", "ratelimit"]),
        api().csp(Csp::new().set(Directive::ScriptSrc, [Source::Nonce])).override_handler(["content-security-policy"]),
        SecurityHeaders::html(),
    ]
}

fn lines(headers: &HeaderMap) -> Vec<(String, String)> {
    let shown = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut lines: Vec<_> = headers.iter().map(|(name, value)| (name.to_string(), shown(value))).collect();
    lines.sort_by(|(a, _), (b, _)| a.cmp(b));
    lines
}

/// What a caller sees of an answer that has these fields.
async fn seen<S>(mut service: S, credential: &str) -> (StatusCode, Vec<(String, String)>)
where
    S: Service<Request<Full<Bytes>>, Response = Response<Full<Bytes>>, Error = Infallible>,
{
    let mut request = Request::builder().uri("https://api.example.com/").header("origin", PAGE);
    if !credential.is_empty() {
        request = request.header("authorization", credential);
    }
    let answer = service.ready().await.unwrap().call(request.body(Full::default()).unwrap()).await.unwrap();
    (answer.status(), lines(answer.headers()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_stack_answers_as_its_layers_do_one_by_one(
        fields in prop::collection::vec((prop::sample::select(&NAMES), 0..4_u8), 0..30),
        kind in 0..6_usize,
        is_known: bool,
        validates: bool,
    ) {
        let handler = service_fn(move |_: Request<Full<Bytes>>| {
            let mut response = Response::new(Full::default());
            if validates {
                *response.status_mut() = StatusCode::NOT_MODIFIED;
            }
            for (name, value) in &fields {
                response.headers_mut().append(HeaderName::from_static(name), HeaderValue::from(u16::from(*value)));
            }
            async move { Ok::<_, Infallible>(response) }
        });
        let headers = kinds().into_iter().nth(kind).unwrap().build().unwrap();
        let limits = [everybody(9), each_user(5)];
        let others = [everybody(9), each_user(5)];
        let [by_address, by_user] = limits;
        let stack = Stack::builder().security_headers(headers.clone()).cors(cors()).limit_by_address(by_address);
        let stack = stack.authenticate(auth()).limit_by_user(by_user).build().unwrap();
        let [by_address, by_user] = others;
        let apart = ServiceBuilder::new().layer(headers).layer(cors()).layer(by_address).layer(auth()).layer(by_user);
        let credential = if is_known { bearer("ann") } else { String::new() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let [one, other] = [
            runtime.block_on(seen(ServiceBuilder::new().layer(stack).service(handler.clone()), &credential)),
            runtime.block_on(seen(apart.service(handler), &credential)),
        ];
        prop_assert_eq!(one, other);
    }
}

/// An answer that is full to the map's bound, of 24,576 names, or has more lines than that.
#[tokio::test]
async fn an_answer_that_is_full_goes_out_as_it_is() {
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
        let (status, lines) = seen(ServiceBuilder::new().layer(stack).service(handler), "").await;
        assert_eq!(status, 200);
        assert!(lines.len() >= names + cookies as usize, "{names} names");
    }
}
