//! Logouts: in other tabs, in the history of the browser, and beside `ClearSiteData`.

use portcullis::headers::ClearSiteData;

use super::*;

#[test]
#[ignore = "needs a browser: run tests/run"]
fn after_a_logout_in_one_tab_the_other_is_logged_out_at_its_next_request() {
    let (browser, app) = (Chromium::start(), App::new());
    let tab = app.log_in(&browser, "ann");
    let other = browser.open(&app.url("/reports"));
    let third = browser.open(&app.url("/reports"));
    click(&tab, "/logout");
    assert_eq!((shown(&tab), app.cookies(&tab)), (ON_LOGIN_PAGE.to_owned(), vec![]));
    follow_link(&other, &app.url("/reports"));
    assert_eq!(shown(&other), ON_LOGIN_PAGE);
    assert_eq!(fetch(&third, &app.url("/transfer"), &json!({ "method": "POST" })).unwrap().status, 401);
    assert!(!opens_socket(&third, &app));
    assert_eq!(app.handled(), 0);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_copied_cookie_is_worthless_after_the_logout() {
    let (browser, app) = (Chromium::start(), App::with(SessionAuthBuilder::dangerously_over_http));
    let tab = app.log_in(&browser, "ann");
    let secret = app.secret(&tab);
    click(&tab, "/logout");
    // Without the prefix `__Host-`, a script can set the cookie.
    tab.run(&format!("document.cookie = 'session={secret}; Path=/'"));
    tab.go(&app.url("/reports"));
    assert_eq!(shown(&tab), ON_LOGIN_PAGE);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn after_a_logout_the_back_button_shows_no_page_of_the_session() {
    let (browser, app) = (Chromium::start(), App::new());
    let tab = app.log_in(&browser, "ann");
    follow_link(&tab, &app.url("/reports"));
    tab.leave("history.back()");
    assert_eq!(shown(&tab), "/ ann", "while the user is logged in");
    follow_link(&tab, &app.url("/reports"));
    click(&tab, "/logout");
    app.log();
    tab.leave("history.back()");
    assert_eq!(shown(&tab), ON_LOGIN_PAGE);
    assert_eq!(app.log(), ["GET /reports 303", "GET /login 200"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn beside_clear_site_data_a_logout_deletes_all_data_and_a_login_works_again() {
    let with_clear = |app: Router, sessions: &SessionAuth| {
        let clear = ClearSiteData::cache_cookies_storage();
        app.merge(Router::new().route("/goodbye", post(log_out)).layer(clear).layer(sessions.clone()))
    };
    let (browser, app) = (Chromium::start(), App::layered("localhost", |builder| builder, with_clear));
    let tab = app.log_in(&browser, "ann");
    tab.run("document.cookie = 'theme=dark'; localStorage.setItem('draft', '1')");
    post_form(&tab, &app.url("/goodbye"));
    assert_eq!(shown(&tab), ON_LOGIN_PAGE);
    assert_eq!(tab.cookies(&app.url("/")), [] as [Value; 0]);
    assert_eq!(tab.run("localStorage.length"), 0);
    tab.type_and_enter("bob");
    assert_eq!(shown(&tab), "/ bob");
}
