//! Requests that pages of other origins cause: another site, and another port of the same site.

use portcullis::OriginSet;

use super::*;

/// Sends every request that a page at this URL can cause, and returns what the app has received.
fn send_from(browser: &Chromium, page: &str, app: &App) -> Vec<Received> {
    let tab = browser.open(page);
    for mode in ["cors", "no-cors"] {
        let options = json!({ "method": "POST", "mode": mode, "credentials": "include" });
        let response = fetch(&tab, &app.url("/transfer"), &options);
        match mode {
            "cors" => assert_unreadable(&response),
            _ => assert_eq!(response.unwrap().status, 0, "the page cannot see the status"),
        }
    }
    assert!(!opens_socket(&tab, app));
    post_form(&tab, &app.url("/transfer"));
    app.received()
}

fn lines_with(status: u16) -> [String; 4] {
    ["POST /transfer", "POST /transfer", "GET /socket", "POST /transfer"].map(|line| format!("{line} {status}"))
}

fn with_csrf() -> App {
    App::layered("localhost", |builder| builder, |app, _| app.layer(Csrf::default()))
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn with_csrf_a_form_a_fetch_and_a_websocket_of_another_site_are_403() {
    let (browser, app, site) = (Chromium::start(), with_csrf(), Site::blank());
    let tab = app.log_in(&browser, "ann");
    let received = send_from(&browser, &site.origin_as("127.0.0.1"), &app);
    assert_eq!(received.iter().map(|request| request.line.clone()).collect::<Vec<_>>(), lines_with(403));
    assert_eq!(app.handled(), 0);
    // Requests of its own pages are admitted.
    assert_reads(fetch(&tab, "/transfer", &json!({ "method": "POST" })), "transferred");
    assert!(opens_socket(&tab, &app));
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn without_csrf_they_are_401_because_a_lax_cookie_is_not_sent() {
    let (browser, app, site) = (Chromium::start(), App::new(), Site::blank());
    let tab = app.log_in(&browser, "ann");
    let received = send_from(&browser, &site.origin_as("127.0.0.1"), &app);
    assert_eq!(received.iter().map(|request| request.line.clone()).collect::<Vec<_>>(), lines_with(401));
    assert!(received.iter().all(|request| request.cookies.is_empty()));
    assert_eq!((app.handled(), app.cookies(&tab).len()), (0, 1));
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_link_of_another_site_opens_the_page_with_its_session() {
    let (browser, app, site) = (Chromium::start(), with_csrf(), Site::blank());
    app.log_in(&browser, "ann");
    let tab = browser.open(&site.origin_as("127.0.0.1"));
    follow_link(&tab, &app.url("/reports"));
    assert_eq!(shown(&tab), "/reports ann");
    assert_eq!(app.log(), ["GET /reports 200"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_link_of_another_site_to_a_page_leads_to_the_login_page_and_back_to_it() {
    let (browser, app, site) = (Chromium::start(), with_csrf(), Site::blank());
    let tab = browser.open(&site.origin_as("127.0.0.1"));
    follow_link(&tab, &app.url("/reports"));
    assert_eq!(shown(&tab), ON_LOGIN_PAGE);
    tab.type_and_enter("ann");
    assert_eq!(shown(&tab), "/reports ann");
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_form_of_another_site_cannot_log_a_user_in() {
    let (browser, app) = (Chromium::start(), App::new());
    for host in ["127.0.0.1", "localhost"] {
        let site = Site::blank();
        let tab = browser.open(&site.origin_as(host));
        post_form(&tab, &app.url("/login?user=mallory"));
        assert_eq!((app.log(), app.cookies(&tab)), (vec!["POST /login 403".to_owned()], vec![]), "{host}");
    }
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_page_of_another_port_sends_the_cookie_and_gets_403() {
    let (browser, app, site) = (Chromium::start(), App::new(), Site::blank());
    let tab = app.log_in(&browser, "ann");
    let cookie = format!("__Host-session={}", app.secret(&tab));
    let received = send_from(&browser, &site.origin(), &app);
    assert_eq!(received.iter().map(|request| request.line.clone()).collect::<Vec<_>>(), lines_with(403));
    // Ports of a host are one site, so `SameSite` does not help.
    assert!(received.iter().all(|request| request.cookies == cookie));
    assert_eq!((app.handled(), app.secret(&tab)), (0, cookie.replacen("__Host-session=", "", 1)));
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_page_of_a_trusted_origin_can_act_for_the_user() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let csrf = Csrf::builder().origins(OriginSet::new([site.origin()]).unwrap()).build().unwrap();
    let app = App::with(|builder| builder.csrf(csrf));
    app.log_in(&browser, "ann");
    let tab = browser.open(&site.url("/"));
    assert!(opens_socket(&tab, &app));
    post_form(&tab, &app.url("/transfer"));
    assert_eq!(app.log(), ["GET /socket 101", "POST /transfer 200"]);
    assert_eq!(app.handled(), 2);
}
