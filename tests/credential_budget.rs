//! The cost of passwords, certificates, address filters and the check of origins: allocations, and instructions as valgrind counts them.

use std::net::SocketAddr;
use std::pin::pin;
use std::process::Command;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, UNIX_EPOCH};

use allocation_counter::measure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response, request};
use http_body_util::Full;
use portcullis::client_cert::{ClientCertAuthBuilder, ClientCertHeader};
use portcullis::context::PeerCertificate;
use portcullis::gate::{Entry, Gate};
use portcullis::testing::FakeClock;
use portcullis::{BasicAuth, ClientCertAuth, Csrf, IpFilter, OriginSet, TrustedProxies, UserContext};
use rcgen::{CertificateParams, KeyPair, SanType, date_time_ymd};
use tower::{Layer, Service, service_fn};

const PASSWORD: &str = "wOJ0dPFpeFQAYvHO";
const XFCC: &str = "Hash=468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688;\
    Subject=\"CN=backup\";URI=spiffe://acme.example/backup";

fn head(headers: &[(&'static str, &str)]) -> request::Parts {
    let mut request = Request::get("/").extension(SocketAddr::from(([10, 0, 0, 1], 4711)));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut head = request.body(()).unwrap().into_parts().0;
    let _ = TrustedProxies::none().enter(&mut head);
    head
}

/// Counts the allocations of the second of two equal decisions, which must admit the request.
fn allocations(gate: &impl Gate, headers: &[(&'static str, &str)]) -> u64 {
    let _ = gate.enter(&mut head(headers));
    allocations_of(gate, &mut head(headers))
}

fn allocations_of(gate: &impl Gate, head: &mut request::Parts) -> u64 {
    let mut entry = None;
    let counted = measure(|| entry = Some(gate.enter(head)));
    assert!(matches!(entry, Some(Entry::Admit(_))));
    counted.count_total
}

fn basic() -> BasicAuth {
    BasicAuth::builder().user("prometheus", PASSWORD).add_user("backup", "8Vk1mFh3ILpo0kqD").build().unwrap()
}

fn authorization(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

fn certificates() -> ClientCertAuthBuilder {
    let clock = FakeClock::new();
    clock.set_wall(UNIX_EPOCH + Duration::from_secs(1_770_000_000));
    let builder = ClientCertAuth::builder().clock(clock.clock());
    builder.user(|certificate| certificate.uri()?.strip_prefix("spiffe://acme.example/").map(UserContext::new))
}

fn forwarded(header: ClientCertHeader) -> ClientCertAuth {
    certificates().forwarded(header, TrustedProxies::new(["10.0.0.0/8"]).unwrap()).build().unwrap()
}

/// A certificate that is valid in 2026.
fn der() -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::URI("spiffe://acme.example/backup".try_into().unwrap())];
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

fn filter(networks: u32) -> IpFilter {
    let network = |n: u32| format!("{}/28", std::net::Ipv4Addr::from_bits(0xc000_0000 + (n << 6)));
    IpFilter::builder().deny((0..networks).map(network)).build().unwrap()
}

fn csrf(origins: usize) -> Csrf {
    let origins = (0..origins).map(|n| format!("https://app{n}.example.com"));
    Csrf::builder().origins(OriginSet::new(origins).unwrap()).build().unwrap()
}

/// A POST of a page of a trusted origin.
fn from_trusted_page() -> request::Parts {
    let mut head = head(&[("sec-fetch-site", "same-site"), ("origin", "https://app0.example.com")]);
    head.method = Method::POST;
    head
}

/// A POST of a page of the app, by a browser without `Sec-Fetch-Site`.
fn from_own_page() -> request::Parts {
    let mut head = head(&[("host", "api.example.com"), ("origin", "https://api.example.com")]);
    head.method = Method::POST;
    head
}

#[test]
fn each_decision_stays_within_its_budget() {
    let password = authorization("prometheus", PASSWORD);
    let der = der();
    let client_cert = format!(":{}:", STANDARD.encode(&der));
    let from_tls = certificates().from_tls(|extensions| extensions.get().cloned()).build().unwrap();
    let mut with_certificate = head(&[]);
    with_certificate.extensions.insert(PeerCertificate::from_der(&der).unwrap());
    for (name, max, counted) in [
        // The text of the name and the password, and the user in the extensions.
        ("BasicAuth", 2, allocations(&basic(), &[("authorization", &password)])),
        ("ClientCertAuth, of the TLS connection", 6, allocations_of(&from_tls, &mut with_certificate)),
        (
            "ClientCertAuth, Envoy's names",
            10,
            allocations(&forwarded(ClientCertHeader::Envoy), &[("x-forwarded-client-cert", XFCC)]),
        ),
        (
            "ClientCertAuth, Client-Cert",
            40,
            allocations(&forwarded(ClientCertHeader::Rfc9440), &[("client-cert", &client_cert)]),
        ),
        ("Csrf, a trusted origin of 1,000", 0, allocations_of(&csrf(1_000), &mut from_trusted_page())),
        ("Csrf, the app's own origin", 0, allocations_of(&csrf(1_000), &mut from_own_page())),
        ("IpFilter, 10,000 networks", 0, allocations(&filter(10_000), &[])),
    ] {
        println!("{name}: {counted} of at most {max}");
        assert!(counted <= max, "{name}: {counted} allocations, at most {max}");
    }
}

/// Runs this test again under valgrind, with the name of a case.
#[test]
fn passwords_cost_the_same_right_or_wrong_and_many_networks_or_origins_little_more_than_one() {
    if let Ok(case) = std::env::var("PORTCULLIS_BUDGET_CREDENTIAL") {
        let (case, requests) = case.rsplit_once(' ').unwrap();
        return run(case, requests.parse().unwrap());
    }
    let cases = ["unknown", "wrong", "right", "one", "many", "one origin", "origins"].map(instructions);
    let [Some(unknown), Some(wrong), Some(right), Some(one), Some(many), Some(origin), Some(origins)] = cases else {
        println!("skipped: valgrind is not installed");
        return;
    };
    println!("unknown user: {unknown} instructions, wrong password: {wrong}, right: {right}");
    // The name is found by nothing, so the only difference is that of the allocator.
    assert!(unknown.abs_diff(wrong) * 100 <= wrong, "{unknown} for an unknown user, {wrong} for a wrong password");
    // Without optimizations: 14 steps of a search. A comparison with each network would take hundreds of thousands.
    println!("one network: {one} instructions, 10,000: {many}");
    assert!(many <= one + 1_500, "{one} with one network, {many} with 10,000");
    // A table of hashes: what differs is the number of its groups that are searched.
    println!("one origin: {origin} instructions, 1,000: {origins}");
    assert!(origins <= origin + 1_500, "{origin} with one origin, {origins} with 1,000");
}

fn run(case: &str, requests: usize) {
    let rejected = |name: &str, password: &str| {
        let value = authorization(name, password);
        let inner = service_fn(|_: Request<()>| async {
            Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
        });
        let mut service = basic().layer(inner);
        for _ in 0..requests {
            let request = Request::get("/").header("authorization", &value).body(()).unwrap();
            let mut future = pin!(service.call(request));
            let Poll::Ready(Ok(response)) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
                panic!("the gate waits")
            };
            assert_eq!(response.status(), if case == "right" { 200 } else { 401 });
        }
    };
    let filtered = |networks: u32| {
        let filter = filter(networks);
        let mut head = head(&[]);
        for _ in 0..requests {
            assert!(matches!(filter.enter(&mut head), Entry::Admit(())));
        }
    };
    let checked = |origins: usize| {
        let (csrf, head) = (csrf(origins), from_trusted_page());
        for _ in 0..requests {
            assert!(csrf.check(&head).is_ok());
        }
    };
    match case {
        // Names and passwords of the same lengths.
        "unknown" => rejected("prometheuz", PASSWORD),
        "wrong" => rejected("prometheus", "wOJ0dPFpeFQAYvHP"),
        "right" => rejected("prometheus", PASSWORD),
        "one" => filtered(1),
        "one origin" => checked(1),
        "origins" => checked(1_000),
        _ => filtered(10_000),
    }
}

/// Returns the instructions of one request, as the difference of two runs. `None` without valgrind.
fn instructions(case: &str) -> Option<u64> {
    let run = |requests: u64| {
        let test = "passwords_cost_the_same_right_or_wrong_and_many_networks_or_origins_little_more_than_one";
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
        command.arg(std::env::current_exe().unwrap()).args(["--exact", test, "--test-threads=1"]);
        let output = command.env("PORTCULLIS_BUDGET_CREDENTIAL", format!("{case} {requests}")).output().ok()?;
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        let line = text.lines().find(|line| line.contains("Collected :"))?;
        line.rsplit(' ').next()?.parse::<u64>().ok()
    };
    Some((run(400)? - run(100)?) / 300)
}
