//! Login protection: limits by account, waits that grow, and cookies of known devices.

pub(crate) mod accounts;
pub(crate) mod attacks;
pub(crate) mod device_cookies;
pub(crate) mod refunds;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use portcullis::rate_limit::{Attempt, DeviceCookies, Key, Limit, SetDeviceCookie, Subject};
use portcullis::testing::FakeClock;
use portcullis::{KeyRing, Quota, RateLimit};

use crate::support::response::TestResponse;
use crate::support::test_store::TestStore;

pub(crate) fn keys() -> KeyRing {
    KeyRing::new((0..32).collect::<Vec<u8>>()).unwrap()
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Ten failures an hour, then waits of 30 seconds, 60 seconds and so on.
pub(crate) fn account_limit() -> Limit {
    let limit = Limit::new("account", Quota::per_hour(10).unwrap()).only_failures();
    limit.block_for(seconds(30)).escalate_to(seconds(3600))
}

/// An app with one account, `ann`, whose handler takes the account, the password and the epoch from headers.
pub(crate) struct LoginApp {
    pub(crate) router: Router,
    pub(crate) by_account: RateLimit,
    pub(crate) devices: DeviceCookies,
    /// The clock of the cookies.
    clock: FakeClock,
    /// The passwords that were compared.
    hashes: Arc<AtomicUsize>,
}

#[derive(Clone)]
struct AppState {
    by_account: RateLimit,
    devices: DeviceCookies,
    hashes: Arc<AtomicUsize>,
}

impl LoginApp {
    pub(crate) fn new(store: &TestStore<'_>) -> Self {
        Self::with_limit(store, account_limit())
    }

    pub(crate) fn with_limit(store: &TestStore<'_>, account: Limit) -> Self {
        let by_account = store.build(RateLimit::builder().limit(account).key(Key::account(&keys())));
        // Far more than any test sends: it provides the `Attempt`.
        let all = Limit::new("all", Quota::per_hour(100_000).unwrap()).only_failures();
        let all = store.build(RateLimit::builder().limit(all).key(Key::custom(|head| {
            Some(head.headers.get("x-client").map_or("", |client| client.to_str().unwrap()).to_owned())
        })));
        let clock = FakeClock::new();
        let devices = DeviceCookies::new(&keys()).clock(clock.clock());
        let hashes = Arc::new(AtomicUsize::new(0));
        let state = AppState { by_account: by_account.clone(), devices: devices.clone(), hashes: Arc::clone(&hashes) };
        let router = Router::new()
            .route("/login", post(log_in))
            .route("/second-factor", post(log_in))
            .route("/reset", post(log_in))
            .layer(all)
            .with_state(state);
        Self { router, by_account, devices, clock, hashes }
    }

    /// Tries to log in without a cookie. Returns the status and `Retry-After`.
    pub(crate) async fn try_as(&self, account: &str, password: &str) -> (u16, Option<u64>) {
        self.try_with(account, password, "").await
    }

    /// Tries to log in with this `Cookie`.
    pub(crate) async fn try_with(&self, account: &str, password: &str, cookie: &str) -> (u16, Option<u64>) {
        let response = self.send("/login", account, password, &[("cookie", cookie)]).await;
        let retry_after = response.headers.get("retry-after").map(|value| value.to_str().unwrap().parse().unwrap());
        (response.status.as_u16(), retry_after)
    }

    /// Fails this many times, and expects that each attempt is admitted.
    pub(crate) async fn fail(&self, account: &str, cookie: &str, count: usize) {
        for number in 1..=count {
            assert_eq!(self.try_with(account, "wrong", cookie).await.0, 401, "attempt {number} of {count}");
        }
    }

    pub(crate) async fn send(
        &self,
        path: &str,
        account: &str,
        password: &str,
        headers: &[(&str, &str)],
    ) -> TestResponse {
        TestResponse::send(&self.router, request(path, account, password, headers)).await
    }

    /// Logs in, and returns the `Cookie` of the device.
    pub(crate) async fn cookie(&self) -> String {
        let response = self.send("/login", "ann", "right", &[]).await;
        assert_eq!(response.status, 204);
        device_of(&response.headers)
    }

    pub(crate) fn hashes(&self) -> usize {
        self.hashes.load(Ordering::SeqCst)
    }

    /// Returns what the account has used, and for how long it is blocked.
    pub(crate) async fn usage(&self, subject: &Subject<'_>) -> (u32, Option<Duration>) {
        let usages = self.by_account.peek(subject).await.unwrap();
        let usage = usages.iter().find(|usage| !usage.name().contains("in a row")).unwrap();
        (usage.used(), usage.blocked_for())
    }

    pub(crate) async fn used(&self, account: &str) -> u32 {
        self.usage(&Subject::account(account)).await.0
    }

    pub(crate) async fn failures_in_a_row(&self, account: &str) -> u32 {
        let usages = self.by_account.peek(&Subject::account(account)).await.unwrap();
        usages.iter().find(|usage| usage.name().contains("in a row")).unwrap().used()
    }
}

pub(crate) fn request(path: &str, account: &str, password: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let hex: String = account.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut request = Request::post(path).header("x-account", hex).header("x-password", password);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

/// Returns the `Cookie` that a browser sends after this response.
pub(crate) fn device_of(headers: &HeaderMap) -> String {
    headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

/// Logs in. The statuses 200 and up to 599 as a password are the response; `panic` panics.
async fn log_in(State(app): State<AppState>, attempt: Attempt, headers: HeaderMap) -> Response {
    match check(&app, &attempt, &headers).await {
        Ok(response) => response,
        Err(denial) => denial.into_response(),
    }
}

async fn check(app: &AppState, attempt: &Attempt, headers: &HeaderMap) -> Result<Response, portcullis::gate::Denial> {
    let text = |name| headers.get(name).map_or("", |value| value.to_str().unwrap());
    let account = bytes_of_hex(text("x-account"));
    let charged = attempt.charge(&app.by_account, app.devices.subject(&account, headers)).await?;
    let is_known = account.trim().to_lowercase() == "ann";
    let epoch = text("x-epoch").parse().unwrap_or(0);
    charged.check_epoch(is_known.then_some(epoch)).await?;
    app.hashes.fetch_add(1, Ordering::SeqCst);
    let password = text("x-password");
    if let Ok(status) = password.parse::<u16>() {
        return Ok(StatusCode::from_u16(status).unwrap().into_response());
    }
    assert!(password != "panic", "as the test asks for");
    match password {
        "right" if is_known => {
            let cookie: SetDeviceCookie = app.devices.set_cookie(&account, epoch);
            Ok((cookie, StatusCode::NO_CONTENT).into_response())
        }
        "form" => {
            attempt.failed();
            Ok("the form again".into_response())
        }
        _ => Ok((StatusCode::UNAUTHORIZED, "the account or the password is wrong").into_response()),
    }
}

fn bytes_of_hex(hex: &str) -> String {
    let bytes = (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap());
    String::from_utf8(bytes.collect()).unwrap()
}
