//! The redirect to the login page, and back.

use axum::routing::get;
use portcullis::api_key::MemoryKeys;
use portcullis::{AnyOf, ApiKeyAuth, BasicAuth};

use super::*;

const NAVIGATION: &[(&str, &str)] = &[("sec-fetch-mode", "navigate"), ("sec-fetch-site", "cross-site")];

fn fixture() -> Fixture {
    Fixture::with(|builder| builder.login_page("/login"))
}

/// The path that a login page at this location returns to.
async fn return_path(fixture: &Fixture, location: &str) -> String {
    let app = Router::new()
        .route("/login", get(async |session: Session| session.return_path()))
        .layer(fixture.sessions.to_optional());
    Browser::default().get(&app, location).await.body
}

#[tokio::test]
async fn a_navigation_without_a_session_is_redirected_and_comes_back() {
    let fixture = fixture();
    for mut browser in [Browser::default(), invented(1)] {
        let response = browser.send(&fixture.app, Method::GET, "/me?year=2026&a=b", NAVIGATION).await;
        assert_eq!((response.status.as_u16(), &response.headers["cache-control"]), (303, &"no-store".parse().unwrap()));
        assert_eq!(browser.cookie, None);
        let location = response.headers["location"].to_str().unwrap();
        assert!(location.starts_with("/login?return_to=") && !location.contains("year"), "{location}");
        assert_eq!(return_path(&fixture, location).await, "/me?year=2026&a=b");
    }
    assert_eq!(fixture.handled(), 0);
}

#[tokio::test]
async fn any_of_redirects_a_navigation_without_a_credential_to_the_login_page_of_its_sessions() {
    let fixture = fixture();
    let keys = ApiKeyAuth::builder().prefix("acme_live").store(MemoryKeys::new()).build().unwrap();
    let tools = BasicAuth::builder().user("prometheus", "wOJ0dPFpeFQAYvHO").build().unwrap();
    let router = || Router::new().route("/me", any(|| async {}));
    let inner = AnyOf::new((keys, fixture.sessions.clone())).unwrap();
    let nested = AnyOf::new((tools, inner.clone())).unwrap();
    for app in [router().layer(inner), router().layer(nested)] {
        for mut browser in [Browser::default(), invented(1)] {
            let response = browser.send(&app, Method::GET, "/me?year=2026", NAVIGATION).await;
            assert_eq!(response.status, 303);
            assert_eq!(response.headers["cache-control"], "no-store");
            assert!(!response.headers.contains_key("www-authenticate"));
            let location = response.headers["location"].to_str().unwrap();
            assert_eq!(return_path(&fixture, location).await, "/me?year=2026");
        }
        for (method, headers) in [
            (Method::GET, &[("sec-fetch-mode", "cors")][..]),
            (Method::POST, NAVIGATION),
            (Method::GET, &[("sec-fetch-mode", "navigate"), ("authorization", "ApiKey acme_live_unknown")]),
        ] {
            assert_eq!(Browser::default().send(&app, method, "/me", headers).await.status, 401);
        }
    }
}

#[tokio::test]
async fn the_path_is_the_whole_one_in_a_nested_router() {
    let fixture = fixture();
    let reports = Router::new().route("/reports", get(|| async {})).layer(fixture.sessions.clone());
    let app = Router::new().nest("/shop", reports);
    let response = Browser::default().send(&app, Method::GET, "/shop/reports?a=b", NAVIGATION).await;
    let location = response.headers["location"].to_str().unwrap();
    assert_eq!(return_path(&fixture, location).await, "/shop/reports?a=b");
}

#[tokio::test]
async fn requests_of_scripts_and_writes_get_401() {
    let fixture = fixture();
    for (method, headers) in [
        (Method::GET, &[][..]),
        (Method::GET, &[("sec-fetch-mode", "cors")]),
        (Method::GET, &[("sec-fetch-mode", "no-cors")]),
        (Method::POST, &[("sec-fetch-mode", "navigate"), ("sec-fetch-site", "same-origin")]),
    ] {
        let response = Browser::default().send(&fixture.app, method, "/me", headers).await;
        assert_eq!((response.status.as_u16(), response.challenge()), (401, "Session realm=\"api\""));
    }
    // The login page itself does not redirect.
    let app = Router::new().route("/login", get(|| async {})).layer(fixture.sessions.clone());
    assert_eq!(Browser::default().send(&app, Method::GET, "/login?failed", NAVIGATION).await.status, 401);
}

#[tokio::test]
async fn no_link_to_the_login_page_leads_to_another_site() {
    let fixture = fixture();
    let other = Fixture::with(|builder| builder.login_page("/login"));
    let foreign = Browser::default().send(&other.app, Method::GET, "/me", NAVIGATION).await;
    let foreign = foreign.headers["location"].to_str().unwrap().to_owned();
    let own = Browser::default().send(&fixture.app, Method::GET, "/me", NAVIGATION).await;
    let own = own.headers["location"].to_str().unwrap().to_owned();
    for location in [
        "/login",
        "/login?return_to=https://other.example",
        "/login?return_to=//other.example",
        "/login?return_to=/me",
        "/login?return_to=.",
        &foreign,
        &format!("{own}&return_to=a"),
        &own[..own.len() - 1],
    ] {
        assert_eq!(return_path(&fixture, location).await, "/", "{location}");
    }
    // A path whose resolution is another host is not sealed at all.
    let app = Router::new().fallback(|| async {}).layer(fixture.sessions.clone());
    let response = Browser::default().send(&app, Method::GET, "//other.example/a", NAVIGATION).await;
    assert_eq!(return_path(&fixture, response.headers["location"].to_str().unwrap()).await, "/");
}

#[tokio::test]
async fn processes_with_one_secret_open_the_paths_of_each_other() {
    let secret = *b"a secret of at least 32 random bytes";
    let [one, other] = [(); 2].map(|()| Fixture::with(|builder| builder.login_page("/login?lang=en").secret(secret)));
    let response = Browser::default().send(&one.app, Method::GET, "/me", NAVIGATION).await;
    let location = response.headers["location"].to_str().unwrap();
    assert!(location.starts_with("/login?lang=en&return_to="), "{location}");
    assert_eq!(return_path(&other, location).await, "/me");
}
