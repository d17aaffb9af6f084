//! What is said of a set-up, when and how often.

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

/// The lines that are logged meanwhile.
fn said(act: impl FnOnce()) -> Vec<String> {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, act);
    let bytes = log.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
}

fn head(field: Option<&str>) -> request::Parts {
    let request = Request::get("/");
    let request = match field {
        Some(name) => request.header(name, "for=192.0.2.1"),
        None => request,
    };
    request.body(()).unwrap().into_parts().0
}

fn untrusting() -> Key {
    Key::ip(TrustedProxies::none())
}

fn look(diagnostics: &Diagnostics, key: &Key, ip: &str, field: Option<&str>) {
    let mut head = head(field);
    head.extensions.insert(SocketAddr::new(ip.parse().unwrap(), 443));
    diagnostics.look(&key.subject(&head).unwrap(), &head);
}

#[test]
fn a_forwarding_field_is_told_of_once_where_no_proxy_is_trusted() {
    for field in ["forwarded", "x-forwarded-for"] {
        let diagnostics = Diagnostics::default();
        let lines = said(|| (0..3).for_each(|_| look(&diagnostics, &untrusting(), "192.0.2.1", Some(field))));
        assert_eq!(lines.len(), 1, "{field}");
        assert!(lines[0].contains("a request carries a forwarding field"), "{}", lines[0]);
    }
}

#[test]
fn nothing_is_said_of_proxies_that_are_trusted_or_of_keys_that_are_no_address() {
    let trusting = Key::ip(TrustedProxies::new(["10.0.0.0/8"]).unwrap());
    let diagnostics = Diagnostics::default();
    let lines = said(|| {
        (0..ENOUGH + 1).for_each(|_| look(&diagnostics, &trusting, "10.0.0.1", Some("forwarded")));
        (0..ENOUGH + 1).for_each(|_| assert!(!diagnostics.look(&Subject::custom("a"), &head(Some("forwarded")))));
        look(&diagnostics, &untrusting(), "192.0.2.1", Some("x-real-ip"));
    });
    assert!(lines.is_empty(), "{lines:?}");
}

#[test]
fn a_hundred_first_requests_of_one_private_address_are_told_of_once() {
    for (requests, lines) in [(ENOUGH - 1, 0), (ENOUGH, 1), (3 * ENOUGH, 1)] {
        let diagnostics = Diagnostics::default();
        let said = said(|| (0..requests).for_each(|_| look(&diagnostics, &untrusting(), "10.0.0.1", None)));
        assert_eq!(said.len(), lines, "after {requests}");
        assert!(said.iter().all(|line| line.contains("10.0.0.1") && line.contains("the first 100 requests")));
    }
}

#[test]
fn one_request_of_another_address_is_enough_to_say_nothing() {
    let diagnostics = Diagnostics::default();
    let lines = said(|| {
        look(&diagnostics, &untrusting(), "10.0.0.1", None);
        look(&diagnostics, &untrusting(), "10.0.0.2", None);
        (0..2 * ENOUGH).for_each(|_| look(&diagnostics, &untrusting(), "10.0.0.1", None));
    });
    assert!(lines.is_empty(), "{lines:?}");
}

#[test]
fn a_public_address_may_send_all_the_requests() {
    let diagnostics = Diagnostics::default();
    let lines = said(|| (0..2 * ENOUGH).for_each(|_| look(&diagnostics, &untrusting(), "192.0.2.1", None)));
    assert!(lines.is_empty(), "{lines:?}");
}

#[test]
fn private_are_the_addresses_that_the_world_does_not_route() {
    let is_private = |ip: &str| is_private(ip.parse().unwrap());
    let private = ["10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "169.254.1.1", "::1", "fd00::1", "fe80::1"];
    assert!(private.into_iter().all(is_private));
    let public = ["192.0.2.1", "172.32.0.1", "8.8.8.8", "100.64.0.1", "2001:db8::1", "fec0::1"];
    assert!(!public.into_iter().any(is_private));
}

#[test]
fn an_unknown_address_and_a_limit_charged_twice_are_told_of_once() {
    let diagnostics = Diagnostics::default();
    assert!(diagnostics.is_first_unknown_address());
    assert!(!diagnostics.is_first_unknown_address());
    let lines = said(|| (0..3).for_each(|_| diagnostics.charged_twice("login")));
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("login"));
}
