//! Cookies with the prefix `__Host-` (RFC 6265bis, section 4.1.3.2): which ones browsers accept, and a token in one.

use axum::Router;
use axum::extract::RawQuery;
use axum::http::HeaderMap;
use axum::response::Html;
use axum::routing::get;
use portcullis::{Cors, Extractor, OriginSet, UserContext};
use serde_json::json;

use super::{Chromium, Site, assert_reads, fetch};
use crate::support::tokens;

/// An app that sets the cookie in its query (`/set`), and responds with the cookies that it received (`/received`).
pub(super) fn cookie_app() -> Site {
    let set = get(async |RawQuery(cookie): RawQuery| {
        let cookie = cookie.unwrap().replace("%20", " ");
        [("set-cookie", cookie)]
    });
    let received = get(async |headers: HeaderMap| {
        headers.get("cookie").map_or(String::new(), |value| value.to_str().unwrap().to_owned())
    });
    Site::of(Router::new().route("/set/here", set).route("/received/here", received).fallback(get(async || Html(""))))
}

/// Sets a cookie on a page of this host, and returns the cookies that the browser then sends.
fn cookies_sent_back(browser: &Chromium, host: &str, cookie: &str) -> String {
    let app = cookie_app();
    let tab = browser.open(&app.origin_as(host));
    let get = |path: &str| fetch(&tab, &(app.origin_as(host) + path), &json!({})).unwrap().body;
    get(&format!("/set/here?{cookie}"));
    get("/received/here")
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_valid_host_cookie_is_stored_and_sent_back() {
    let browser = Chromium::start();
    for (name, attributes) in
        [("__Host-a", "Secure; Path=/"), ("__Host-b", "Secure; Path=/; HttpOnly; SameSite=Strict; Max-Age=60")]
    {
        let sent = cookies_sent_back(&browser, "localhost", &format!("{name}=1; {attributes}"));
        assert!(sent.split("; ").any(|cookie| cookie == format!("{name}=1")), "{attributes}: {sent}");
    }
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn an_invalid_host_cookie_is_dropped_and_one_without_the_prefix_is_stored() {
    const INVALID: [&str; 4] = [
        "Path=/",
        "Secure; Path=/; Domain=app.localhost",
        "Secure; Path=/; Domain=.app.localhost",
        "Secure; Path=/received",
    ];
    for attributes in INVALID {
        let browser = Chromium::start();
        let sent = ["a", "__Host-a"]
            .map(|name| cookies_sent_back(&browser, "app.localhost", &format!("{name}=1; {attributes}")));
        assert_eq!(sent, ["a=1", "a=1"], "{attributes}");
    }
}

/// An app for pages of these origins: `/login` sets a cookie with a token, `/me` responds with the user's id.
fn app_with_login(origins: [String; 2]) -> Site {
    let token = tokens::token(tokens::valid_claims().to_string());
    let cookie = format!("__Host-token={token}; Secure; Path=/; HttpOnly; SameSite=Strict");
    let login = get(move || async move { [("set-cookie", cookie)] });
    let me = get(async |Extractor(user): Extractor<UserContext>| user.id().to_owned());
    let auth = tokens::strict_auth().cookie("__Host-token").build().unwrap();
    let app = Router::new().route("/me", me).layer(auth).route("/login", login);
    let cors = Cors::builder().origins(OriginSet::new(origins).unwrap()).allow_credentials();
    Site::of(app.layer(cors.build().unwrap()))
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_token_in_a_host_cookie_authenticates_only_pages_of_its_site() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let (same, cross) = (site.origin_as("localhost"), site.origin_as("127.0.0.1"));
    let api = app_with_login([same.clone(), cross.clone()]);
    let with_credentials = json!({ "credentials": "include" });
    let tab = browser.open(&same);
    assert_eq!(fetch(&tab, &api.url("/me"), &with_credentials).unwrap().status, 401);
    assert_reads(fetch(&tab, &api.url("/login"), &with_credentials), "");
    assert_reads(fetch(&tab, &api.url("/me"), &with_credentials), "user-1");
    assert_eq!(fetch(&tab, &api.url("/me"), &json!({})).unwrap().status, 401, "without credentials");
    let response = fetch(&browser.open(&cross), &api.url("/me"), &with_credentials).unwrap();
    assert_eq!(response.status, 401, "another site, although its origin is allowed");
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn scripts_of_the_app_cannot_read_an_http_only_cookie() {
    let browser = Chromium::start();
    let app = app_with_login(["http://a.localhost", "http://b.localhost"].map(str::to_owned));
    let tab = browser.open(&app.url("/login"));
    assert_reads(fetch(&tab, &app.url("/me"), &json!({})), "user-1");
    assert_eq!(tab.run("document.cookie"), "");
}
