//! Pages behind `SecurityHeaders`: what runs, is styled, is framed, fetched and forgotten.

use axum::Router;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::Html;
use axum::routing::get;
use portcullis::headers::{ClearSiteData, Csp, Directive};
use portcullis::{Cors, CspNonce, Extractor, SecurityHeaders};
use serde_json::json;

use super::{Chromium, Site, api, fetched, for_pages_of, is_hidden, reads};

/// A page of this body, where `NONCE` stands for the nonce, with a script and a style sheet, behind these headers.
fn page(headers: SecurityHeaders, body: &'static str) -> Site {
    let page = async move |Extractor(nonce): Extractor<CspNonce>| {
        Html(format!("<!doctype html><title>A page</title>{}", body.replace("NONCE", nonce.as_str())))
    };
    let script = get(async || ([(CONTENT_TYPE, "text/javascript")], "(window.ran ||= []).push('added')"));
    let style = get(async || ([(CONTENT_TYPE, "text/css")], "#own { color: rgb(1, 2, 3) }"));
    Site::of(Router::new().route("/", get(page)).route("/added.js", script).route("/own.css", style).layer(headers))
}

fn html() -> SecurityHeaders {
    SecurityHeaders::html().build().unwrap()
}

const SCRIPTS: &str = "
    <script nonce='NONCE'>(window.ran ||= []).push('nonced')</script>
    <script>(window.ran ||= []).push('bare')</script>
    <script nonce='AAAAAAAAAAAAAAAAAAAAAA=='>(window.ran ||= []).push('guessed')</script>
    <script src='/added.js'></script>
    <img src='data:,' onerror=\"(window.ran ||= []).push('handler')\">
";

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_script_with_the_nonce_runs_and_none_without() {
    let (browser, site) = (Chromium::start(), page(html(), SCRIPTS));
    assert_eq!(browser.open(&site.url("/")).run("ran"), json!(["nonced"]));
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn nothing_written_into_the_page_runs_or_applies_where_the_handler_asked_for_no_nonce() {
    let page = get(async || Html(format!("<!doctype html><style>body {{ color: rgb(1, 2, 3) }}</style>{SCRIPTS}")));
    let (browser, site) = (Chromium::start(), Site::of(Router::new().route("/", page).layer(html())));
    let tab = browser.open(&site.url("/"));
    assert_eq!(tab.run("[typeof ran, getComputedStyle(document.body).color]"), json!(["undefined", "rgb(0, 0, 0)"]));
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_script_that_one_with_the_nonce_adds_runs() {
    let body = "<script nonce='NONCE'>
        window.loaded = new Promise((keep) => {
            const script = document.createElement('script');
            script.src = '/added.js';
            script.onload = () => keep(window.ran);
            script.onerror = () => keep('blocked');
            document.head.append(script);
        });
    </script>";
    let (browser, site) = (Chromium::start(), page(html(), body));
    assert_eq!(browser.open(&site.url("/")).run("loaded"), json!(["added"]));
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn each_load_has_a_nonce_of_its_own() {
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
fn a_style_with_the_nonce_or_of_the_own_origin_applies_and_no_other() {
    let body = "
        <link rel='stylesheet' href='/own.css'>
        <style nonce='NONCE'>#nonced { color: rgb(1, 2, 3) }</style>
        <style>#bare { color: rgb(1, 2, 3) }</style>
        <p id='own'><p id='nonced'><p id='bare'><p id='attribute' style='color: rgb(1, 2, 3)'>
    ";
    let (browser, site) = (Chromium::start(), page(html(), body));
    let applied = "[...document.querySelectorAll('p')]
        .filter((element) => getComputedStyle(element).color === 'rgb(1, 2, 3)')
        .map((element) => element.id)";
    assert_eq!(browser.open(&site.url("/")).run(applied), json!(["own", "nonced"]));
}

/// The title of this URL's page in a frame of the page, or nothing where the browser shows none.
fn title_in_a_frame(url: &str) -> String {
    format!(
        "new Promise((keep) => {{
            const frame = document.createElement('iframe');
            frame.onload = () => keep(frame.contentDocument?.title ?? null);
            frame.src = {};
            document.body.append(frame);
        }})",
        json!(url)
    )
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_page_may_not_be_framed_even_by_its_own_origin() {
    let browser = Chromium::start();
    // A control: the same page without the layer is framed.
    for (layered, title) in [(false, json!("A page")), (true, json!(null))] {
        let bare = Router::new().route("/framed", get(async || Html("<!doctype html><title>A page</title>")));
        let framed = if layered { bare.layer(html()) } else { bare };
        let site = Site::of(framed.route("/", get(async || Html("<!doctype html><body>"))));
        let tab = browser.open(&site.url("/"));
        assert_eq!(tab.run(&title_in_a_frame(&site.url("/framed"))), title);
        assert!(site.log().contains(&"GET /framed".to_owned()));
    }
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_page_fetches_of_other_origins_only_what_its_policy_names() {
    let browser = Chromium::start();
    let [named, unnamed] = [(); 2].map(|()| api(Cors::builder().any_origin()));
    let csp = Csp::html().add(Directive::ConnectSrc, [named.origin().as_str()]);
    let site = page(SecurityHeaders::html().csp(csp).build().unwrap(), "");
    let tab = browser.open(&site.url("/"));
    reads(fetched(&tab, &named.url("/"), &json!({})), "GET");
    is_hidden(&fetched(&tab, &unnamed.url("/"), &json!({})));
    assert!(unnamed.log().is_empty(), "nothing is sent");
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_policy_that_only_reports_blocks_nothing_and_is_told_to_the_page() {
    let body = "<script nonce='NONCE'>
        window.told = new Promise((keep) => addEventListener('securitypolicyviolation', keep));
    </script>
    <script>(window.ran ||= []).push('bare')</script>";
    let headers = SecurityHeaders::html().without("content-security-policy").csp_report_only(Csp::html());
    let (browser, site) = (Chromium::start(), page(headers.build().unwrap(), body));
    let tab = browser.open(&site.url("/"));
    assert_eq!(tab.run("ran"), json!(["bare"]));
    let told = tab.run("told.then(({ disposition, effectiveDirective }) => [disposition, effectiveDirective])");
    assert_eq!(told, json!(["report", "script-src-elem"]));
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn the_headers_of_an_api_let_allowed_pages_read_it_and_nobody_embed_it() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let app = Router::new().route("/", get(async || "body"));
    let headers = SecurityHeaders::api().build().unwrap();
    let api = Site::of(app.layer(for_pages_of(&site).build().unwrap()).layer(headers));
    for (host, is_allowed) in [("localhost", true), ("127.0.0.1", false)] {
        let tab = browser.open(&site.origin_as(host));
        assert_eq!(fetched(&tab, &api.url("/"), &json!({})).is_ok(), is_allowed, "{host}");
    }
    let tab = browser.open(&site.origin_as("127.0.0.1"));
    is_hidden(&fetched(&tab, &api.url("/"), &json!({ "mode": "no-cors" })));
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_log_out_has_the_browser_forget_what_it_keeps_from_loopback_too() {
    let enter = get(async || ([("set-cookie", "a=1; HttpOnly")], Html("")));
    let sent = get(async |headers: HeaderMap| headers.contains_key("cookie").to_string());
    let leave = get(async || ()).layer(ClearSiteData::cache_cookies_storage());
    let app = Router::new().route("/enter", enter).route("/sent", sent).route("/leave", leave);
    let (browser, site) = (Chromium::start(), Site::of(app));
    let tab = browser.open(&site.url("/enter"));
    tab.run("localStorage.setItem('a', '1')");
    let kept = || {
        let sent = fetched(&tab, &site.url("/sent"), &json!({})).unwrap().body;
        (sent, tab.run("localStorage.length"))
    };
    assert_eq!(kept(), ("true".to_owned(), json!(1)));
    reads(fetched(&tab, &site.url("/leave"), &json!({})), "");
    assert_eq!(kept(), ("false".to_owned(), json!(0)));
}
