//! A flood of logins: the pool bounds hashes, memory and waiting callers, and other requests are served.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use http::{Request, StatusCode};
use portcullis::gate::Denial;
use portcullis::password::{Password, Passwords};
use portcullis::rate_limit::{Key, Limit};
use portcullis::{Quota, RateLimit};
use tower::ServiceExt;

/// The memory of one hash of the default cost.
const HASH_KIB: usize = 19_456;

fn app(passwords: &Passwords) -> Router {
    let passwords = passwords.clone();
    let login = move || async move {
        let user = passwords.verify(Password::new("wrong"), None::<String>, |hash| Some(hash)).await?;
        Ok::<_, Denial>(user.into_inner())
    };
    let quota = Quota::per(1, Duration::from_secs(60)).unwrap();
    let limit = Limit::new("login", quota).only_failures();
    let key = Key::custom(|head| head.headers.get("x-test")?.to_str().ok().map(str::to_owned));
    let limit = RateLimit::builder().limit(limit).key(key).build().unwrap();
    Router::new().route("/login", post(login).layer(limit)).route("/other", get(async || "served"))
}

fn login(client: usize) -> Request<Body> {
    Request::post("/login").header("x-test", client.to_string()).body(Body::empty()).unwrap()
}

/// The highest resident memory of this process, in KiB.
fn peak_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn a_flood_is_served_up_to_the_capacity_and_the_rest_is_503() {
    const LOGINS: usize = 120;
    const QUEUE: usize = 32;
    let cores = std::thread::available_parallelism().unwrap().get();
    let permits = cores.min(2);
    let passwords = Passwords::builder().concurrency(permits).queue(QUEUE, Duration::from_secs(10)).build().unwrap();
    let app = app(&passwords);
    let before = peak_kib();
    let logins: Vec<_> = (0..LOGINS).map(|client| tokio::spawn(app.clone().oneshot(login(client)))).collect();
    tokio::task::yield_now().await;
    // The only thread of the runtime serves other requests while hashes are computed and logins wait.
    assert!(passwords.pool_stats().waiting > 0);
    let other = app.clone().oneshot(Request::get("/other").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(other.status(), StatusCode::OK);
    assert!(passwords.pool_stats().waiting > 0, "the other request waited for the logins");
    let mut served = Vec::new();
    let mut rejected = Vec::new();
    for (client, login) in logins.into_iter().enumerate() {
        let response = login.await.unwrap().unwrap();
        match response.status() {
            StatusCode::UNAUTHORIZED => served.push(client),
            StatusCode::SERVICE_UNAVAILABLE => {
                let retry_after: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
                assert!((1..=5).contains(&retry_after));
                rejected.push(client);
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!((served.len(), rejected.len()), (QUEUE + permits, LOGINS - QUEUE - permits));
    let stats = passwords.pool_stats();
    assert_eq!((stats.started, stats.rejected), (served.len() as u64, rejected.len() as u64));
    assert!(stats.max_running <= permits && stats.max_memory_kib <= permits * HASH_KIB, "{stats:?}");
    assert!(peak_kib() <= before + permits * HASH_KIB + 16 * 1_024, "{} KiB", peak_kib());
    // An overload is refunded, and a wrong password is not.
    let again = app.clone().oneshot(login(rejected[0])).await.unwrap();
    assert_eq!(again.status(), StatusCode::UNAUTHORIZED);
    let again = app.clone().oneshot(login(served[0])).await.unwrap();
    assert_eq!(again.status(), StatusCode::TOO_MANY_REQUESTS);
}
