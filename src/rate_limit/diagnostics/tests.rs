//! Which warnings are logged, and how often.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http::Request;

use super::*;
use crate::context::TrustedProxies;
use crate::rate_limit::key::Key;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the lines that are logged during `act`.
fn logged(act: impl FnOnce()) -> Vec<String> {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, act);
    let bytes = log.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
}

fn head(header: Option<&str>) -> request::Parts {
    let request = Request::get("/");
    let request = match header {
        Some(name) => request.header(name, "for=192.0.2.1"),
        None => request,
    };
    request.body(()).unwrap().into_parts().0
}

fn without_proxies() -> TrustedProxies {
    TrustedProxies::none()
}

fn check(diagnostics: &Diagnostics, proxies: &TrustedProxies, ip: &str, header: Option<&str>) {
    let mut head = head(header);
    head.extensions.insert(SocketAddr::new(ip.parse().unwrap(), 443));
    let client = proxies.find(&head);
    head.extensions.insert(client);
    diagnostics.check_peer(&Key::ip().subject(&head).unwrap(), &head);
}

#[test]
fn a_forwarding_header_without_trusted_proxies_is_logged_once() {
    for header in ["forwarded", "x-forwarded-for"] {
        let diagnostics = Diagnostics::default();
        let lines = logged(|| (0..3).for_each(|_| check(&diagnostics, &without_proxies(), "192.0.2.1", Some(header))));
        assert_eq!(lines.len(), 1, "{header}");
        assert!(lines[0].contains("a request carries a forwarding header"), "{}", lines[0]);
    }
}

#[test]
fn trusted_proxies_and_keys_other_than_addresses_are_not_logged() {
    let trusting = TrustedProxies::new(["10.0.0.0/8"]).unwrap();
    let diagnostics = Diagnostics::default();
    let lines = logged(|| {
        (0..SAMPLE + 1).for_each(|_| check(&diagnostics, &trusting, "10.0.0.1", Some("forwarded")));
        (0..SAMPLE + 1).for_each(|_| assert!(!diagnostics.check_peer(&Subject::custom("a"), &head(Some("forwarded")))));
        check(&diagnostics, &without_proxies(), "192.0.2.1", Some("x-real-ip"));
    });
    assert!(lines.is_empty(), "{lines:?}");
}

#[test]
fn one_hundred_first_requests_from_one_private_address_are_logged_once() {
    for (requests, lines) in [(SAMPLE - 1, 0), (SAMPLE, 1), (3 * SAMPLE, 1)] {
        let diagnostics = Diagnostics::default();
        let found = logged(|| (0..requests).for_each(|_| check(&diagnostics, &without_proxies(), "10.0.0.1", None)));
        assert_eq!(found.len(), lines, "after {requests}");
        assert!(found.iter().all(|line| line.contains("10.0.0.1") && line.contains("the first 100 requests")));
    }
}

#[test]
fn one_request_from_another_address_prevents_the_warning() {
    let diagnostics = Diagnostics::default();
    let lines = logged(|| {
        check(&diagnostics, &without_proxies(), "10.0.0.1", None);
        check(&diagnostics, &without_proxies(), "10.0.0.2", None);
        (0..2 * SAMPLE).for_each(|_| check(&diagnostics, &without_proxies(), "10.0.0.1", None));
    });
    assert!(lines.is_empty(), "{lines:?}");
}

#[test]
fn a_single_public_address_is_not_logged() {
    let diagnostics = Diagnostics::default();
    let lines = logged(|| (0..2 * SAMPLE).for_each(|_| check(&diagnostics, &without_proxies(), "192.0.2.1", None)));
    assert!(lines.is_empty(), "{lines:?}");
}

#[test]
fn an_unknown_address_and_a_limit_charged_twice_are_logged_once() {
    let diagnostics = Diagnostics::default();
    assert!(diagnostics.is_first_unknown_address());
    assert!(!diagnostics.is_first_unknown_address());
    let lines = logged(|| (0..3).for_each(|_| diagnostics.charged_twice("login")));
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("login"));
}
