//! Logins by a form, what keeps a user logged in, and the timeouts after which the login page returns.

use super::*;

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_user_logs_in_by_a_form_and_stays_logged_in_over_navigations_and_in_a_second_tab() {
    let (browser, app) = (Chromium::start(), App::new());
    let tab = browser.open(&app.url("/login"));
    tab.type_and_enter("ann");
    assert_eq!(shown(&tab), "/ ann");
    assert_eq!(app.log(), ["GET /login 200", "POST /login 303", "GET / 200"]);
    let secret = app.secret(&tab);
    follow_link(&tab, &app.url("/reports"));
    assert_eq!(shown(&tab), "/reports ann");
    tab.go(&app.url("/"));
    assert_eq!(shown(&tab), "/ ann");
    assert_eq!(shown(&browser.open(&app.url("/reports"))), "/reports ann");
    assert_reads(fetch(&tab, &app.url("/transfer"), &json!({ "method": "POST" })), "transferred");
    assert!(opens_socket(&tab, &app));
    assert_eq!(app.secret(&tab), secret, "requests do not change the cookie");
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn without_a_session_a_navigation_goes_to_the_login_page_and_a_fetch_gets_401() {
    let (browser, app) = (Chromium::start(), App::new());
    let tab = browser.open(&app.url("/reports?year=2026&of=ann"));
    assert_eq!(shown(&tab), ON_LOGIN_PAGE);
    assert_eq!(fetch(&tab, &app.url("/reports"), &json!({})).unwrap().status, 401);
    tab.type_and_enter("ann");
    assert_eq!(shown(&tab), "/reports ann");
    assert_eq!(tab.run("location.search"), "?year=2026&of=ann");
}

/// The next navigation goes to the login page, and after the login to the requested page.
#[track_caller]
fn assert_returns_after_login(tab: &Tab<'_>, app: &App) {
    follow_link(tab, &app.url("/reports?year=2026"));
    assert_eq!(shown(tab), ON_LOGIN_PAGE);
    assert_eq!(app.cookies(tab), [] as [Value; 0], "the cookie is cleared");
    tab.type_and_enter("ann");
    assert_eq!((shown(tab), tab.run("location.search")), ("/reports ann".to_owned(), json!("?year=2026")));
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn after_the_idle_timeout_a_user_logs_in_again_and_returns_to_the_page_asked_for() {
    let (browser, app) = (Chromium::start(), App::new());
    let tab = app.log_in(&browser, "ann");
    app.clock.advance(29 * MINUTE);
    follow_link(&tab, &app.url("/reports"));
    assert_eq!(shown(&tab), "/reports ann");
    app.clock.advance(30 * MINUTE);
    assert_returns_after_login(&tab, &app);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn after_the_absolute_timeout_a_user_logs_in_again_however_often_the_session_was_used() {
    let (browser, app) = (Chromium::start(), App::new());
    let tab = app.log_in(&browser, "ann");
    for _ in 0..28 {
        app.clock.advance(25 * MINUTE);
        assert_eq!(fetch(&tab, &app.url("/reports"), &json!({})).unwrap().status, 200);
    }
    app.clock.advance(20 * MINUTE);
    assert_returns_after_login(&tab, &app);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_cookie_that_the_browser_keeps_for_longer_than_the_session_is_worthless() {
    let (browser, app) = (Chromium::start(), App::with(|builder| builder.remember_for(12 * HOUR)));
    let tab = app.log_in(&browser, "ann");
    app.clock.advance(HOUR);
    assert_eq!(app.cookies(&tab).len(), 1);
    assert_returns_after_login(&tab, &app);
}
