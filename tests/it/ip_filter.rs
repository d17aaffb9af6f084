//! `IpFilter`: requests are allowed or denied by the client's address.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use portcullis::gate::{DenialKind, Entry, Gate};
use portcullis::rate_limit::Key;
use portcullis::testing::as_anonymous;
use portcullis::{Cors, IpFilter, OriginSet, Quota, RateLimit, Stack, TrustedProxies};
use tower::{Layer, ServiceExt, service_fn};

use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;

/// An app, and how often its handler was called.
struct App {
    router: Router,
    calls: Arc<AtomicUsize>,
}

impl App {
    fn new(add_layers: impl FnOnce(Router) -> Router) -> Self {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let handler = async move || {
            counted.fetch_add(1, Ordering::Relaxed);
        };
        Self { router: add_layers(Router::new().route("/", get(handler))), calls }
    }

    /// An app whose clients connect directly.
    fn filtered_by(filter: &IpFilter) -> Self {
        Self::new(|router| router.layer(filter.clone()).layer(TrustedProxies::none()))
    }

    async fn send(&self, peer: &str, headers: &[(&str, &str)]) -> TestResponse {
        let request = headers.iter().fold(Request::get("/"), |request, (name, value)| request.header(*name, *value));
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(SocketAddr::new(peer.parse().unwrap(), 4711));
        TestResponse::send(&self.router, request).await
    }

    async fn status(&self, peer: &str) -> u16 {
        self.send(peer, &[]).await.status.as_u16()
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn only_allowed_networks_are_admitted_and_a_denied_one_never() {
    let filter = IpFilter::builder().allow(["10.0.0.0/8", "2001:db8::/32"]).deny(["10.9.0.0/16"]).build().unwrap();
    let app = App::filtered_by(&filter);
    for peer in ["10.0.0.1", "10.255.255.255", "2001:db8::1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1"] {
        assert_eq!(app.status(peer).await, 200, "{peer}");
    }
    assert_eq!(app.calls(), 5);
    for peer in ["10.9.0.1", "11.0.0.1", "2001:db9::1", "::ffff:10.9.0.1", "64:ff9b::10.9.0.1"] {
        assert_eq!(app.status(peer).await, 403, "{peer}");
    }
    assert_eq!(app.calls(), 5, "a rejected request does not reach the handler");
}

#[tokio::test]
async fn without_a_list_of_allowed_networks_only_the_denied_ones_are_rejected() {
    let app = App::filtered_by(&IpFilter::builder().deny(["192.0.2.0/24", "::ffff:198.51.100.7"]).build().unwrap());
    for (peer, status) in [("192.0.2.1", 403), ("198.51.100.7", 403), ("198.51.100.8", 200), ("2001:db8::1", 200)] {
        assert_eq!(app.status(peer).await, status, "{peer}");
    }
}

#[tokio::test]
async fn the_rejection_has_the_address_as_data_and_no_challenge() {
    let log = LogCapture::start();
    let app = App::filtered_by(&IpFilter::builder().deny(["192.0.2.0/24"]).build().unwrap());
    let response = app.send("192.0.2.77", &[]).await;
    let address: IpAddr = "192.0.2.77".parse().unwrap();
    assert_eq!(response.denial.unwrap().kind(), &DenialKind::address_refused(Some(address)));
    assert!(response.body.contains(r#""code":"address_refused""#), "{}", response.body);
    assert_eq!(response.headers["cache-control"], "no-store");
    assert!(!response.headers.contains_key("www-authenticate"));
    assert!(!response.body.contains("192.0.2.77"));
    assert_eq!(log.count("reason=\"address_refused\""), 1, "{}", log.text());
}

#[tokio::test]
async fn a_forged_x_forwarded_for_changes_nothing_and_that_of_a_trusted_proxy_decides() {
    let filter = IpFilter::builder().allow(["203.0.113.0/24"]).build().unwrap();
    let proxies = TrustedProxies::new(["10.0.0.0/8"]).unwrap();
    let app = App::new(|router| router.layer(filter).layer(proxies));
    for (peer, forwarded, status) in [
        ("198.51.100.1", "203.0.113.9", 403),
        ("10.0.0.1", "203.0.113.9", 200),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1", 403),
        ("203.0.113.9", "198.51.100.1", 200),
    ] {
        let response = app.send(peer, &[("x-forwarded-for", forwarded)]).await;
        assert_eq!(response.status, status, "{peer} {forwarded}");
    }
}

#[tokio::test]
async fn an_unknown_address_is_500_and_logged_once() {
    let filter = || IpFilter::builder().deny(["192.0.2.0/24"]).build().unwrap();
    let app = App::new(|router| router.layer(filter()));
    let log = LogCapture::start();
    for _ in 0..2 {
        let response = app.send("203.0.113.9", &[]).await;
        let kind = DenialKind::trusted_proxies_missing("IpFilter");
        assert_eq!((response.status.as_u16(), response.denial.unwrap().kind()), (500, &kind));
    }
    assert_eq!(log.count("IpFilter requires a TrustedProxies layer"), 1, "{}", log.text());

    for (proxies, kind) in [
        (TrustedProxies::none(), DenialKind::AddressUnknown),
        (TrustedProxies::new(["unix:"]).unwrap(), DenialKind::AddressNotForwarded),
    ] {
        let app = App::new(|router| router.layer(filter()).layer(proxies));
        let response = TestResponse::get(&app.router, "/", &[]).await;
        assert_eq!((response.status.as_u16(), response.denial.unwrap().kind()), (500, &kind));
        assert_eq!(app.calls(), 0);
    }
}

#[tokio::test]
async fn a_reload_changes_all_clones_and_an_invalid_one_changes_nothing() {
    let filter = IpFilter::builder().deny(["192.0.2.0/24"]).build().unwrap();
    let app = App::filtered_by(&filter);
    assert_eq!(app.status("192.0.2.1").await, 403);

    filter.reload(IpFilter::builder().deny([""; 0])).unwrap();
    assert_eq!(app.status("192.0.2.1").await, 200);

    filter.reload(IpFilter::builder().allow(["192.0.2.1"])).unwrap();
    for lists in
        [IpFilter::builder(), IpFilter::builder().allow([""; 0]), IpFilter::builder().allow(["::/0"]).deny(["x"])]
    {
        assert!(filter.reload(lists).is_err());
    }
    assert_eq!((app.status("192.0.2.1").await, app.status("2001:db8::1").await), (200, 403));
}

#[tokio::test]
async fn an_address_in_the_configured_prefix_of_a_nat64_is_also_the_ipv4_address_in_it() {
    let lists = || IpFilter::builder().allow(["192.0.2.0/24", "64:ff9b:1:a::/64"]).deny(["192.0.2.66"]);
    let without = App::filtered_by(&lists().build().unwrap());
    let with = App::filtered_by(&lists().nat64_prefixes(["64:ff9b:1::/96", "2001:db8:64::/48"]).build().unwrap());
    for (peer, expected) in [
        ("64:ff9b::192.0.2.7", [200, 200]),
        ("64:ff9b::192.0.2.66", [403, 403]),
        ("64:ff9b:1::192.0.2.7", [403, 200]),
        ("64:ff9b:1::192.0.2.66", [403, 403]),
        ("64:ff9b:1::192.0.3.7", [403, 403]),
        ("2001:db8:64:c000:2:700::", [403, 200]),
        // An IPv6 client in an allowed network.
        ("64:ff9b:1:a::1", [200, 200]),
    ] {
        assert_eq!([without.status(peer).await, with.status(peer).await], expected, "{peer}");
    }
}

#[tokio::test]
async fn a_zone_id_is_part_of_no_address() {
    let error = IpFilter::builder().allow(["fe80::1%eth0"]).build().unwrap_err();
    assert!(error.to_string().contains("zone id"), "{error}");
    let filter = IpFilter::builder().allow(["fe80::/10"]).build().unwrap();
    let proxies = TrustedProxies::new(["10.0.0.0/8"]).unwrap();
    let app = App::new(|router| router.layer(filter).layer(proxies));
    assert_eq!(app.send("10.0.0.1", &[("x-forwarded-for", "fe80::1")]).await.status, 200);
    for forwarded in ["fe80::1%eth0", "fe80::1%25eth0", "[fe80::1%1]:80"] {
        assert_ne!(app.send("10.0.0.1", &[("x-forwarded-for", forwarded)]).await.status, 200, "{forwarded}");
    }
    // Of a connection, the operating system keeps the zone apart from the address.
    let mut request = Request::get("/").body(Body::empty()).unwrap();
    request.extensions_mut().insert(SocketAddr::from(SocketAddrV6::new("fe80::1".parse().unwrap(), 80, 0, 2)));
    assert_eq!(TestResponse::send(&app.router, request).await.status, 200);
}

#[test]
fn every_request_is_decided_by_all_old_lists_or_by_all_new_ones() {
    const RELOADS: usize = 2_000;
    // Both versions reject the client: the first because it is denied, the second because it is not allowed.
    let lists = |network: &'static str| IpFilter::builder().allow([network]).deny([network]);
    let [first, second] = ["192.0.2.0/24", "198.51.100.0/24"].map(lists);
    let filter = first.clone().build().unwrap();
    let is_done = AtomicBool::new(false);
    let send_until_done = || {
        let mut head = Request::new(()).into_parts().0;
        head.extensions.insert(SocketAddr::from(([192, 0, 2, 7], 4711)));
        let _ = TrustedProxies::none().enter(&mut head);
        let mut requests = 0_u64;
        while !is_done.load(Ordering::Relaxed) {
            assert!(matches!(filter.enter(&mut head), Entry::Refuse(_)), "an old list with a new one");
            requests += 1;
        }
        requests
    };
    let requests: u64 = thread::scope(|scope| {
        let senders: Vec<_> = (0..3).map(|_| scope.spawn(send_until_done)).collect();
        for reload in 0..RELOADS {
            let lists = if reload % 2 == 0 { &second } else { &first };
            filter.reload(lists.clone()).unwrap();
            assert!(filter.reload(IpFilter::builder().allow([""; 0])).is_err());
        }
        is_done.store(true, Ordering::Relaxed);
        senders.into_iter().map(|sender| sender.join().unwrap()).sum()
    });
    println!("{requests} requests during {RELOADS} reloads");
}

#[tokio::test]
async fn in_a_stack_it_runs_after_cors_and_before_limits_and_authentication() {
    let filter = IpFilter::builder().deny(["192.0.2.0/24"]).build().unwrap();
    let cors = Cors::builder().origins(OriginSet::new(["https://app.example.com"]).unwrap()).build().unwrap();
    let limit = RateLimit::builder().quota(Quota::per_hour(1).unwrap()).key(Key::global()).build().unwrap();
    let stack = Stack::builder()
        .trusted_proxies(TrustedProxies::none())
        .cors(cors)
        .ip_filter(filter.clone())
        .limit_by_address(limit)
        .authenticate(as_anonymous())
        .build()
        .unwrap();
    let app = App::new(|router| router.layer(stack));
    for _ in 0..2 {
        let response = app.send("192.0.2.1", &[("origin", "https://app.example.com")]).await;
        assert_eq!(response.status, 403);
        assert_eq!(response.headers["access-control-allow-origin"], "https://app.example.com");
        assert!(!response.headers.contains_key("x-ratelimit-limit"), "no quota is used up");
    }
    filter.reload(IpFilter::builder().deny(["198.51.100.0/24"])).unwrap();
    assert_eq!(app.status("192.0.2.1").await, 200);
    assert_eq!(app.status("192.0.2.1").await, 429);
}

#[tokio::test]
async fn a_service_with_another_body_is_filtered_too() {
    let filter = IpFilter::builder().deny(["192.0.2.0/24"]).build().unwrap();
    let inner = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) });
    let service = TrustedProxies::none().layer(filter.layer(inner));
    for (peer, status) in [([192, 0, 2, 1], 403), ([198, 51, 100, 1], 200)] {
        let request = Request::get("/").extension(SocketAddr::from((peer, 4711))).body(()).unwrap();
        assert_eq!(service.clone().oneshot(request).await.unwrap().status(), status);
    }
}
