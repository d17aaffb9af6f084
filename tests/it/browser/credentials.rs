//! Cookies across origins: when they are sent, and when the answer is read.

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::any;
use portcullis::cors::CorsBuilder;
use portcullis::{Cors, OriginSet};
use serde_json::{Value, json};

use super::{Chromium, Site, Tab, fetched, for_pages_of, is_hidden, reads};

/// An app that answers with the cookies it was sent, behind this `Cors`.
fn echo(cors: CorsBuilder) -> Site {
    let handler = any(async |headers: HeaderMap| {
        let cookies = headers.get_all("cookie").iter().map(|value| value.to_str().unwrap());
        format!("cookies: {}", cookies.collect::<Vec<_>>().join("; "))
    });
    Site::of(Router::new().fallback(handler).layer(cors.build().unwrap()))
}

/// Has the browser keep this cookie of the host of this URL, and gives a tab there.
fn with_cookie<'a>(browser: &'a Chromium, url: &str, cookie: &str) -> Tab<'a> {
    let tab = browser.open(url);
    tab.run(&format!("document.cookie = {}", json!(cookie)));
    assert_ne!(tab.run("document.cookie"), "", "{cookie} is kept");
    tab
}

fn include() -> Value {
    json!({ "credentials": "include" })
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_cookie_is_sent_and_the_answer_read_where_the_policy_has_credentials() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = echo(for_pages_of(&site).allow_credentials().allow_methods(["PUT"]));
    // Cookies know no ports: the page's is the app's.
    let tab = with_cookie(&browser, &site.url("/"), "a=1");
    reads(fetched(&tab, &api.url("/"), &include()), "cookies: a=1");
    let put = json!({ "method": "PUT", "credentials": "include" });
    reads(fetched(&tab, &api.url("/"), &put), "cookies: a=1");
    assert_eq!(api.log(), ["GET", "preflight PUT", "PUT"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn an_answer_to_a_cookie_is_hidden_where_the_policy_has_no_credentials() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = echo(for_pages_of(&site).allow_methods(["PUT"]));
    let tab = with_cookie(&browser, &site.url("/"), "a=1");
    is_hidden(&fetched(&tab, &api.url("/"), &include()));
    is_hidden(&fetched(&tab, &api.url("/"), &json!({ "method": "PUT", "credentials": "include" })));
    assert_eq!(api.log(), ["GET", "preflight PUT"], "what needs leave is not sent");
    reads(fetched(&tab, &api.url("/"), &json!({})), "cookies: ");
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn an_answer_to_a_cookie_is_hidden_where_any_origin_may_read() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = echo(Cors::builder().any_origin());
    let tab = with_cookie(&browser, &site.url("/"), "a=1");
    is_hidden(&fetched(&tab, &api.url("/"), &include()));
    reads(fetched(&tab, &api.url("/"), &json!({})), "cookies: ");
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn an_answer_to_a_cookie_is_hidden_from_a_refused_origin_that_sent_it() {
    let (browser, allowed, refused) = (Chromium::start(), Site::blank(), Site::blank());
    let api = echo(for_pages_of(&allowed).allow_credentials());
    let tab = with_cookie(&browser, &refused.url("/"), "a=1");
    is_hidden(&fetched(&tab, &api.url("/"), &include()));
    assert_eq!(api.log(), ["GET"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn another_port_of_localhost_is_the_same_site_and_127_0_0_1_is_another() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let origins = ["localhost", "127.0.0.1"].map(|host| site.origin_as(host));
    let api = echo(Cors::builder().origins(OriginSet::new(&origins).unwrap()).allow_credentials());
    for cookie in ["strict=1; SameSite=Strict", "lax=1; SameSite=Lax", "none=1; SameSite=None; Secure"] {
        with_cookie(&browser, &api.url("/"), cookie);
    }
    let [same, cross] = origins.map(|origin| fetched(&browser.open(&origin), &api.url("/"), &include()));
    reads(same, "cookies: strict=1; lax=1; none=1");
    reads(cross, "cookies: none=1");
}
