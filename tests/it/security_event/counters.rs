//! The counters of the feature `metrics`, which a recorder of the app receives.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use portcullis::rate_limit::Key as LimitKey;
use portcullis::security_event::{EventKind, Reason, SecurityEvent};
use portcullis::testing::as_user;
use portcullis::{Quota, RateLimit, RequireScope, TrustedProxies, UserContext};
use tower::ServiceExt;

/// Counts by the text of the key and its labels.
#[derive(Default)]
struct Counts(Mutex<BTreeMap<String, Arc<Count>>>);

#[derive(Default)]
struct Count(std::sync::atomic::AtomicU64);

impl CounterFn for Count {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, std::sync::atomic::Ordering::Relaxed);
    }

    fn absolute(&self, _: u64) {}
}

impl Counts {
    fn of(&self, key: &str) -> u64 {
        self.0.lock().unwrap().get(key).map_or(0, |count| count.0.load(std::sync::atomic::Ordering::Relaxed))
    }

    fn series(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl Recorder for Counts {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let text = format!("{} {}", key.name(), labels.join(" "));
        Counter::from_arc(Arc::clone(self.0.lock().unwrap().entry(text).or_default()))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// Sends a request, with the recorder for this thread.
fn send(counts: &Counts, app: &Router, address: [u8; 4]) -> u16 {
    let request = Request::get("/").extension(SocketAddr::from((address, 4711))).body(Body::empty()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let response = metrics::with_local_recorder(counts, || runtime.block_on(app.clone().oneshot(request)));
    response.unwrap().status().as_u16()
}

#[test]
fn each_event_is_counted_by_kind_and_outcome_also_without_a_subscriber() {
    let counts = Counts::default();
    let limit = RateLimit::builder().quota(Quota::per_minute(2).unwrap()).key(LimitKey::ip()).build().unwrap();
    let app = Router::new().route("/", get(|| async {})).layer(RequireScope::new("write").unwrap());
    let app = app.layer(as_user(UserContext::new("ann"))).layer(limit).layer(TrustedProxies::none());
    let statuses: Vec<_> = (0..3).map(|_| send(&counts, &app, [203, 0, 113, 9])).collect();
    assert_eq!(statuses, [403, 403, 429]);
    assert_eq!(counts.of("portcullis_events_total event=access_denied outcome=failure"), 2);
    assert_eq!(counts.of("portcullis_events_total event=rate_limited outcome=failure"), 1);
    assert_eq!(counts.series(), 2);
}

#[test]
fn a_million_users_routes_and_reasons_have_few_series() {
    let kinds = [
        EventKind::LoginFailed,
        EventKind::LoginSucceeded,
        EventKind::AccessDenied,
        EventKind::StoreUnavailable,
        EventKind::SessionEnded,
    ];
    let reasons = [Reason::PasswordWrong, Reason::AccountUnknown, Reason::TokenExpired];
    let counts = Counts::default();
    metrics::with_local_recorder(&counts, || {
        for number in 0..1_000_000_usize {
            let user = number.to_string();
            let event = SecurityEvent::new(kinds[number % kinds.len()]).with_user(&user).with_route(&user);
            event.with_reason(reasons[number % reasons.len()]).emit();
        }
    });
    assert_eq!(counts.series(), kinds.len());
    assert_eq!(counts.of("portcullis_events_total event=session_ended outcome=success"), 200_000);
}
