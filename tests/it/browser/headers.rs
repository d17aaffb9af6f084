//! Pages behind `SecurityHeaders`: which scripts run, which styles apply, what can be framed, fetched and cleared.

use axum::Router;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::Html;
use axum::routing::get;
use portcullis::headers::{ClearSiteData, Csp, Directive};
use portcullis::{Cors, CspNonce, Extractor, SecurityHeaders};
use serde_json::json;

use super::{Chromium, Site, api, assert_reads, assert_unreadable, fetch, for_pages_of};

/// A page with this body, in which `NONCE` is replaced, and a script and a style sheet, behind these headers.
fn page(headers: SecurityHeaders, body: &'static str) -> Site {
    let page = async move |Extractor(nonce): Extractor<CspNonce>| {
        Html(format!("<!doctype html><title>A page</title>{}", body.replace("NONCE", nonce.as_str())))
    };
    let script = get(async || ([(CONTENT_TYPE, "text/javascript")], "(window.ran ||= []).push('added')"));
    let style = get(async || ([(CONTENT_TYPE, "text/css")], "#same-origin { color: rgb(1, 2, 3) }"));
    Site::of(
        Router::new().route("/", get(page)).route("/added.js", script).route("/same-origin.css", style).layer(headers),
    )
}

fn html() -> SecurityHeaders {
    SecurityHeaders::html().build().unwrap()
}

const SCRIPTS: &str = "
    <script nonce='NONCE'>(window.ran ||= []).push('with-nonce')</script>
    <script>(window.ran ||= []).push('without-nonce')</script>
    <script nonce='AAAAAAAAAAAAAAAAAAAAAA=='>(window.ran ||= []).push('wrong-nonce')</script>
    <script src='/added.js'></script>
    <img src='data:,' onerror=\"(window.ran ||= []).push('handler')\">
";

#[test]
#[ignore = "needs a browser: run tests/run"]
fn only_scripts_with_the_nonce_run() {
    let (browser, site) = (Chromium::start(), page(html(), SCRIPTS));
    assert_eq!(browser.open(&site.url("/")).run("ran"), json!(["with-nonce"]));
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn without_an_extracted_nonce_no_inline_script_runs_and_no_inline_style_applies() {
    let page = get(async || Html(format!("<!doctype html><style>body {{ color: rgb(1, 2, 3) }}</style>{SCRIPTS}")));
    let (browser, site) = (Chromium::start(), Site::of(Router::new().route("/", page).layer(html())));
    let tab = browser.open(&site.url("/"));
    assert_eq!(tab.run("[typeof ran, getComputedStyle(document.body).color]"), json!(["undefined", "rgb(0, 0, 0)"]));
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_script_added_by_a_script_with_the_nonce_runs() {
    let body = "<script nonce='NONCE'>
        window.loaded = new Promise((resolve) => {
            const script = document.createElement('script');
            script.src = '/added.js';
            script.onload = () => resolve(window.ran);
            script.onerror = () => resolve('blocked');
            document.head.append(script);
        });
    </script>";
    let (browser, site) = (Chromium::start(), page(html(), body));
    assert_eq!(browser.open(&site.url("/")).run("loaded"), json!(["added"]));
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn each_load_has_a_new_nonce() {
    let (browser, site) = (Chromium::start(), page(html(), "<script nonce='NONCE'></script>"));
    let tab = browser.open(&site.url("/"));
    let nonce = || tab.run("document.querySelector('script').nonce");
    let first = nonce();
    assert!(first.as_str().is_some_and(|nonce| nonce.len() >= 22), "{first}");
    tab.go(&site.url("/"));
    assert_ne!(nonce(), first);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn only_styles_with_the_nonce_or_of_the_same_origin_apply() {
    let body = "
        <link rel='stylesheet' href='/same-origin.css'>
        <style nonce='NONCE'>#with-nonce { color: rgb(1, 2, 3) }</style>
        <style>#without-nonce { color: rgb(1, 2, 3) }</style>
        <p id='same-origin'><p id='with-nonce'><p id='without-nonce'><p id='attribute' style='color: rgb(1, 2, 3)'>
    ";
    let (browser, site) = (Chromium::start(), page(html(), body));
    let applied = "[...document.querySelectorAll('p')]
        .filter((element) => getComputedStyle(element).color === 'rgb(1, 2, 3)')
        .map((element) => element.id)";
    assert_eq!(browser.open(&site.url("/")).run(applied), json!(["same-origin", "with-nonce"]));
}

/// A script that loads this URL in a frame. Returns the title of the framed page, or null if the browser blocks it.
fn title_in_a_frame(url: &str) -> String {
    format!(
        "new Promise((resolve) => {{
            const frame = document.createElement('iframe');
            frame.onload = () => resolve(frame.contentDocument?.title ?? null);
            frame.src = {};
            document.body.append(frame);
        }})",
        json!(url)
    )
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_page_cannot_be_framed_even_by_its_own_origin() {
    let browser = Chromium::start();
    // The control: without the layer, the page can be framed.
    for (has_layer, title) in [(false, json!("A page")), (true, json!(null))] {
        let without_layer = Router::new().route("/framed", get(async || Html("<!doctype html><title>A page</title>")));
        let framed = if has_layer { without_layer.layer(html()) } else { without_layer };
        let site = Site::of(framed.route("/", get(async || Html("<!doctype html><body>"))));
        let tab = browser.open(&site.url("/"));
        assert_eq!(tab.run(&title_in_a_frame(&site.url("/framed"))), title);
        assert!(site.log().contains(&"GET /framed".to_owned()));
    }
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_page_can_fetch_only_from_origins_in_its_policy() {
    let browser = Chromium::start();
    let [listed, unlisted] = [(); 2].map(|()| api(Cors::builder().any_origin()));
    let csp = Csp::html().add(Directive::ConnectSrc, [listed.origin().as_str()]);
    let site = page(SecurityHeaders::html().csp(csp).build().unwrap(), "");
    let tab = browser.open(&site.url("/"));
    assert_reads(fetch(&tab, &listed.url("/"), &json!({})), "GET");
    assert_unreadable(&fetch(&tab, &unlisted.url("/"), &json!({})));
    assert!(unlisted.log().is_empty(), "nothing is sent");
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_report_only_policy_blocks_nothing_and_fires_an_event() {
    let body = "<script nonce='NONCE'>
        window.violation = new Promise((resolve) => addEventListener('securitypolicyviolation', resolve));
    </script>
    <script>(window.ran ||= []).push('without-nonce')</script>";
    let headers = SecurityHeaders::html().without("content-security-policy").csp_report_only(Csp::html());
    let (browser, site) = (Chromium::start(), page(headers.build().unwrap(), body));
    let tab = browser.open(&site.url("/"));
    assert_eq!(tab.run("ran"), json!(["without-nonce"]));
    let violation =
        tab.run("violation.then(({ disposition, effectiveDirective }) => [disposition, effectiveDirective])");
    assert_eq!(violation, json!(["report", "script-src-elem"]));
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn with_the_api_preset_allowed_pages_can_fetch_and_none_can_embed() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let app = Router::new().route("/", get(async || "body"));
    let headers = SecurityHeaders::api().build().unwrap();
    let api = Site::of(app.layer(for_pages_of(&site).build().unwrap()).layer(headers));
    for (host, is_allowed) in [("localhost", true), ("127.0.0.1", false)] {
        let tab = browser.open(&site.origin_as(host));
        assert_eq!(fetch(&tab, &api.url("/"), &json!({})).is_ok(), is_allowed, "{host}");
    }
    let tab = browser.open(&site.origin_as("127.0.0.1"));
    assert_unreadable(&fetch(&tab, &api.url("/"), &json!({ "mode": "no-cors" })));
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn clear_site_data_deletes_cookies_and_storage_on_loopback() {
    let login = get(async || ([("set-cookie", "a=1; HttpOnly")], Html("")));
    let sent = get(async |headers: HeaderMap| headers.contains_key("cookie").to_string());
    let logout = get(async || ()).layer(ClearSiteData::cache_cookies_storage());
    let app = Router::new().route("/login", login).route("/sent", sent).route("/logout", logout);
    let (browser, site) = (Chromium::start(), Site::of(app));
    let tab = browser.open(&site.url("/login"));
    tab.run("localStorage.setItem('a', '1')");
    let stored = || {
        let sent = fetch(&tab, &site.url("/sent"), &json!({})).unwrap().body;
        (sent, tab.run("localStorage.length"))
    };
    assert_eq!(stored(), ("true".to_owned(), json!(1)));
    assert_reads(fetch(&tab, &site.url("/logout"), &json!({})), "");
    assert_eq!(stored(), ("false".to_owned(), json!(0)));
}
