//! Cookies of known devices: their own counter, what makes them invalid, and their attributes.

use portcullis::rate_limit::DeviceCookies;
use portcullis::{Extractor, UserContext};

use super::{LoginApp, device_of, keys, seconds};
use crate::support::test_store::TestStore;

const DAY: u64 = 86_400;

#[tokio::test]
async fn while_the_account_is_blocked_a_known_device_logs_in() {
    a_known_device_logs_in(&TestStore::memory()).await;
}

pub(crate) async fn a_known_device_logs_in(store: &TestStore<'_>) {
    let app = LoginApp::new(store);
    let cookie = app.cookie().await;
    app.fail("ann", "", 10).await;
    assert_eq!(app.try_as("ann", "right").await.0, 429);
    assert_eq!(app.try_with("ann", "wrong", &cookie).await.0, 401);
    assert_eq!(app.try_with("ANN", "right", &cookie).await.0, 204);
    assert_eq!(app.used("ann").await, 10, "{}", store.name);
}

#[tokio::test]
async fn after_10_failures_the_device_is_unknown_until_the_next_success() {
    a_device_is_unknown_after_10_failures(&TestStore::memory()).await;
}

pub(crate) async fn a_device_is_unknown_after_10_failures(store: &TestStore<'_>) {
    let app = LoginApp::new(store);
    let cookie = app.cookie().await;
    app.fail("ann", &cookie, 10).await;
    assert_eq!(app.used("ann").await, 0, "{}", store.name);
    app.fail("ann", &cookie, 10).await;
    assert_eq!(app.used("ann").await, 10, "{}", store.name);
    assert_eq!(app.try_with("ann", "right", &cookie).await, (429, Some(30)), "{}", store.name);
    // Time does not help the device, only the account.
    store.advance(seconds(30 * DAY));
    app.fail("ann", &cookie, 1).await;
    assert_eq!(app.used("ann").await, 1, "{}", store.name);
    // With the next success, it gets a new cookie.
    let response = app.send("/login", "ann", "right", &[("cookie", &cookie)]).await;
    let new = device_of(&response.headers);
    assert_ne!(new, cookie);
    app.fail("ann", &new, 10).await;
    assert_eq!(app.used("ann").await, 1, "{}", store.name);
}

/// Whether the cookie makes this attempt one of a known device: then the account is not charged.
async fn is_known(app: &LoginApp, account: &str, headers: &[(&str, &str)]) -> bool {
    let before = app.used(account).await;
    app.send("/login", account, "wrong", headers).await;
    app.used(account).await == before
}

#[tokio::test]
async fn a_cookie_of_another_account_epoch_time_or_secret_counts_as_none() {
    let app = LoginApp::new(&TestStore::memory());
    let cookie = app.cookie().await;
    assert!(is_known(&app, "ann", &[("cookie", &cookie)]).await);
    assert!(!is_known(&app, "bob", &[("cookie", &cookie)]).await);
    assert!(!is_known(&app, "ann", &[("cookie", &cookie), ("x-epoch", "1")]).await);
    assert!(!is_known(&app, "ann", &[("cookie", &cookie.to_lowercase())]).await);
    assert!(!is_known(&app, "ann", &[("cookie", &cookie.replace("__Host-", ""))]).await);
    assert!(!is_known(&app, "ann", &[("cookie", &format!("{cookie}; {cookie}"))]).await, "two cookies");
    let other = portcullis::KeyRing::new((1..33).collect::<Vec<u8>>()).unwrap();
    let foreign = DeviceCookies::new(&other).set_cookie("ann", 0);
    let foreign = foreign.header_value().unwrap().to_str().unwrap().split(';').next().unwrap().to_owned();
    assert!(!is_known(&app, "ann", &[("cookie", &foreign)]).await);
    app.clock.advance(seconds(90 * DAY - 1));
    assert!(is_known(&app, "ann", &[("cookie", &cookie)]).await);
    app.clock.advance(seconds(1));
    assert!(!is_known(&app, "ann", &[("cookie", &cookie)]).await);
}

#[tokio::test]
async fn a_cookie_of_an_older_epoch_is_rejected_over_the_limit_before_any_hash() {
    let app = LoginApp::new(&TestStore::memory());
    let cookie = app.cookie().await;
    app.fail("ann", "", 10).await;
    let hashes = app.hashes();
    let response = app.send("/login", "ann", "right", &[("cookie", &cookie), ("x-epoch", "1")]).await;
    assert_eq!((response.status.as_u16(), app.hashes()), (429, hashes));
    assert_eq!(response.headers["retry-after"], "30");
}

#[tokio::test]
async fn the_cookie_is_set_by_a_complete_login_for_this_host_over_https_and_hidden_from_scripts() {
    let app = LoginApp::new(&TestStore::memory());
    let response = app.send("/login", "ann", "wrong", &[]).await;
    assert!(!response.headers.contains_key("set-cookie"));
    let response = app.send("/login", "ann", "right", &[]).await;
    let value = &response.headers["set-cookie"];
    assert!(value.is_sensitive());
    let (cookie, attributes) = value.to_str().unwrap().split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; Max-Age=7776000; Secure; HttpOnly; SameSite=Lax");
    let value = cookie.strip_prefix("__Host-device=").unwrap();
    assert!(value.len() == 92 && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    assert!(!format!("{:?} {:?}", app.devices, app.devices.set_cookie("ann", 0)).contains("__Host"));
}

#[tokio::test]
async fn the_cookie_is_no_credential() {
    let app = LoginApp::new(&TestStore::memory());
    let cookie = app.cookie().await;
    // A client that has only the cookie is rejected as any other.
    assert_eq!(app.try_with("ann", "wrong", &cookie).await.0, 401);
    let issuer = portcullis::Issuer::hs256("https://auth.example.com", [7; 32]);
    let layer = portcullis::JwtAuth::builder().issuer(issuer).audience("api").build().unwrap();
    let me = axum::routing::get(|Extractor(user): Extractor<UserContext>| async move { user.id().to_owned() });
    let router = axum::Router::new().route("/", me).layer(layer);
    let value = cookie.split_once('=').unwrap().1;
    let headers = [("cookie", cookie.as_str()), ("authorization", &format!("Bearer {value}"))];
    for headers in [&headers[..1], &headers[1..]] {
        let response = crate::support::response::TestResponse::get(&router, "/", headers).await;
        assert_eq!(response.status, 401);
    }
}

#[test]
fn the_lifetime_is_from_a_second_to_400_days() {
    for (time, is_valid) in [(0, false), (1, true), (400 * DAY, true), (400 * DAY + 1, false)] {
        let cookies = DeviceCookies::new(&keys()).max_age(seconds(time));
        assert_eq!(cookies.is_ok(), is_valid, "{time}");
        match cookies {
            Ok(cookies) => {
                let cookie = cookies.set_cookie("ann", 0);
                let text = cookie.header_value().unwrap().to_str().unwrap();
                assert!(text.contains(&format!("Max-Age={time};")), "{text}");
            }
            Err(error) => assert_eq!(error.issues()[0].setting(), "DeviceCookies::max_age"),
        }
    }
}
