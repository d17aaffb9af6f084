//! The cost of a security event without a reader: allocations, and instructions as valgrind counts them.

use std::net::IpAddr;
use std::pin::pin;
use std::process::Command;
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use portcullis::context::Visitor;
use portcullis::security_event::{EventKind, Reason, SecurityEvent};
use portcullis::{KeyRing, RequireScope, UserContext};
use tower::{Layer, Service, service_fn};

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9));

/// Emits a failed login with all that a handler knows of it.
fn emit(keys: &KeyRing, name: &str) {
    let event = SecurityEvent::new(EventKind::LoginFailed).with_reason(Reason::PasswordWrong).with_user("user-7");
    event.with_account(keys, name).with_address(ADDRESS).with_amr(&["pwd", "otp"]).with_route("/login").emit();
}

fn keys() -> KeyRing {
    KeyRing::new((0..32).collect::<Vec<u8>>()).unwrap()
}

#[test]
fn an_event_without_a_subscriber_allocates_nothing_not_even_for_a_name_that_must_be_escaped() {
    let keys = keys();
    emit(&keys, "ann@example.com");
    for name in ["ann@example.com", "a\r\nERROR forged \"", &"\u{9580}\n".repeat(1_000)] {
        assert_eq!(measure(|| emit(&keys, name)).count_total, 0, "{name}");
    }
}

#[test]
fn an_event_that_a_subscriber_does_not_want_allocates_nothing() {
    let keys = keys();
    let errors = tracing_subscriber::fmt().with_max_level(tracing::Level::ERROR).finish();
    tracing::subscriber::with_default(errors, || {
        emit(&keys, "ann@example.com");
        assert_eq!(measure(|| emit(&keys, "ann@example.com")).count_total, 0);
    });
}

/// Sends a request of a user without the scope, which gets 403.
fn reject(service: &mut impl Service<Request<()>, Response = Response<Full<Bytes>>>, user: &UserContext) {
    let mut request = Request::new(());
    request.extensions_mut().insert(Visitor::authenticated(user.clone()));
    let mut future = pin!(service.call(request));
    let Poll::Ready(Ok(response)) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("the gate waits")
    };
    assert_eq!(response.status(), 403);
}

#[test]
fn a_slow_subscriber_does_not_change_the_response() {
    struct Slow;

    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Slow {
        fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
            assert!(SecurityEvent::from_tracing(event).is_some());
            std::thread::yield_now();
        }
    }

    use tracing_subscriber::layer::SubscriberExt;
    let inner =
        service_fn(|_: Request<()>| async { Ok::<_, std::convert::Infallible>(Response::new(Full::default())) });
    let mut service = RequireScope::new("write").unwrap().layer(inner);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(Slow), || {
        reject(&mut service, &UserContext::new("ann"));
    });
}

#[test]
fn an_event_without_a_subscriber_costs_few_instructions() {
    if let Ok(count) = std::env::var("PORTCULLIS_EVENT_COUNT") {
        let keys = keys();
        (0..count.parse().unwrap()).for_each(|_: u64| emit(&keys, "ann@example.com"));
        return;
    }
    let Some(instructions) = instructions() else {
        println!("valgrind is not installed");
        return;
    };
    println!("an event without a subscriber: {instructions} instructions of at most {MAX}");
    assert!(instructions <= MAX, "{instructions} instructions, at most {MAX}");
}

/// Returns the instructions of one event, as the difference of two runs. `None` without valgrind.
fn instructions() -> Option<u64> {
    let run = |count: u64| {
        let test = "an_event_without_a_subscriber_costs_few_instructions";
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
        command.arg(std::env::current_exe().unwrap()).args(["--exact", test, "--test-threads=1"]);
        let output = command.env("PORTCULLIS_EVENT_COUNT", count.to_string()).output().ok()?;
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        let line = text.lines().find(|line| line.contains("Collected :"))?;
        line.rsplit(' ').next()?.parse::<u64>().ok()
    };
    Some((run(4_000)? - run(1_000)?) / 3_000)
}

/// In a build without optimization, which moves the event for each value. With it, there are 81, in 16 ns.
const MAX: u64 = 6_500;
