//! Cookies whose names begin with `__Host-`: which of them the browser keeps, and a token in one (RFC 6265bis 4.1.3.2).

use axum::Router;
use axum::extract::RawQuery;
use axum::http::HeaderMap;
use axum::response::Html;
use axum::routing::get;
use portcullis::{Cors, Extractor, OriginSet, UserContext};
use serde_json::json;

use super::{Chromium, Site, fetched, reads};
use crate::support::tokens;

/// Sets the cookie that its query is, and tells which cookies it was sent.
fn jar() -> Site {
    let keep = get(async |RawQuery(cookie): RawQuery| {
        let cookie = cookie.unwrap().replace("%20", " ");
        [("set-cookie", cookie)]
    });
    let sent = get(async |headers: HeaderMap| {
        headers.get("cookie").map_or(String::new(), |value| value.to_str().unwrap().to_owned())
    });
    Site::of(Router::new().route("/keep/here", keep).route("/sent/here", sent).fallback(get(async || Html(""))))
}

/// Which cookies are sent back after a page of this host let this one be set.
fn sent_back(browser: &Chromium, host: &str, cookie: &str) -> String {
    let jar = jar();
    let tab = browser.open(&jar.origin_as(host));
    let ask = |path: &str| fetched(&tab, &(jar.origin_as(host) + path), &json!({})).unwrap().body;
    ask(&format!("/keep/here?{cookie}"));
    ask("/sent/here")
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_host_cookie_set_properly_is_kept_and_sent_back() {
    let browser = Chromium::start();
    for (name, attributes) in
        [("__Host-a", "Secure; Path=/"), ("__Host-b", "Secure; Path=/; HttpOnly; SameSite=Strict; Max-Age=60")]
    {
        let sent = sent_back(&browser, "localhost", &format!("{name}=1; {attributes}"));
        assert!(sent.split("; ").any(|cookie| cookie == format!("{name}=1")), "{attributes}: {sent}");
    }
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_host_cookie_with_a_domain_or_another_path_or_without_secure_is_dropped_where_a_plain_one_is_kept() {
    const FAULTS: [&str; 4] = [
        "Path=/",
        "Secure; Path=/; Domain=app.localhost",
        "Secure; Path=/; Domain=.app.localhost",
        "Secure; Path=/sent",
    ];
    for attributes in FAULTS {
        let browser = Chromium::start();
        let kept =
            ["a", "__Host-a"].map(|name| sent_back(&browser, "app.localhost", &format!("{name}=1; {attributes}")));
        assert_eq!(kept, ["a=1", "a=1"], "{attributes}");
    }
}

/// An app that pages of these origins may use: `/enter` gives a token out in a cookie, `/me` tells whose was sent.
fn signing_in(origins: [String; 2]) -> Site {
    let token = tokens::token(tokens::valid_claims().to_string());
    let cookie = format!("__Host-token={token}; Secure; Path=/; HttpOnly; SameSite=Strict");
    let enter = get(move || async move { [("set-cookie", cookie)] });
    let me = get(async |Extractor(user): Extractor<UserContext>| user.id().to_owned());
    let auth = tokens::strict_auth().cookie("__Host-token").build().unwrap();
    let app = Router::new().route("/me", me).layer(auth).route("/enter", enter);
    let cors = Cors::builder().origins(OriginSet::new(origins).unwrap()).allow_credentials();
    Site::of(app.layer(cors.build().unwrap()))
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_token_in_a_host_cookie_signs_pages_of_its_site_in_and_no_other() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let (same, cross) = (site.origin_as("localhost"), site.origin_as("127.0.0.1"));
    let api = signing_in([same.clone(), cross.clone()]);
    let include = json!({ "credentials": "include" });
    let tab = browser.open(&same);
    assert_eq!(fetched(&tab, &api.url("/me"), &include).unwrap().status, 401);
    reads(fetched(&tab, &api.url("/enter"), &include), "");
    reads(fetched(&tab, &api.url("/me"), &include), "user-1");
    assert_eq!(fetched(&tab, &api.url("/me"), &json!({})).unwrap().status, 401, "without credentials");
    let answer = fetched(&browser.open(&cross), &api.url("/me"), &include).unwrap();
    assert_eq!(answer.status, 401, "of another site, though of an allowed origin");
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn no_script_of_the_app_itself_sees_a_token_in_a_cookie_that_is_http_only() {
    let browser = Chromium::start();
    let app = signing_in(["http://a.localhost", "http://b.localhost"].map(str::to_owned));
    let tab = browser.open(&app.url("/enter"));
    reads(fetched(&tab, &app.url("/me"), &json!({})), "user-1");
    assert_eq!(tab.run("document.cookie"), "");
}
