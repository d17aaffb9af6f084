//! Renewals of the cookie while a page sends other requests.

use super::*;

#[test]
#[ignore = "needs a browser: run tests/run"]
fn parallel_renewals_and_requests_keep_the_user_logged_in() {
    let (browser, app) = (Chromium::start(), App::new());
    let tab = app.log_in(&browser, "ann");
    let before = app.secret(&tab);
    // More than the connections that a browser opens to a host, so some are sent after the first responses.
    let statuses = tab.run(
        "Promise.all(Array.from({ length: 40 }, (_, index) =>
            fetch(index % 2 ? '/renew' : '/transfer', { method: 'POST' }).then((response) => response.status)
        )).then((statuses) => [...new Set(statuses)])",
    );
    assert_eq!(statuses, json!([200]));
    assert_ne!(app.secret(&tab), before);
    // After the ten seconds in which replaced cookies are accepted.
    app.clock.advance(Duration::from_secs(11));
    tab.go(&app.url("/reports"));
    assert_eq!(shown(&tab), "/reports ann");
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_request_that_was_sent_before_the_renewal_is_accepted_and_keeps_the_new_cookie() {
    let (browser, app) = (Chromium::start(), App::new());
    let tab = app.log_in(&browser, "ann");
    let before = app.secret(&tab);
    assert_eq!(fetch(&tab, "/renew", &json!({ "method": "POST" })).unwrap().status, 200);
    let renewed = app.secret(&tab);
    assert_ne!(renewed, before);
    for path in ["/transfer", "/renew"] {
        let other = browser.open_on_another_device(&app.url("/login"));
        other.set_cookie(&app.url("/"), "__Host-session", &before);
        assert_eq!(fetch(&other, path, &json!({ "method": "POST" })).unwrap().status, 200, "{path}");
        assert_eq!(app.secret(&other), before, "it is not renewed itself");
    }
    app.clock.advance(Duration::from_secs(11));
    assert_eq!(fetch(&tab, "/transfer", &json!({ "method": "POST" })).unwrap().status, 200);
    let thief = browser.open_on_another_device(&app.url("/login"));
    thief.set_cookie(&app.url("/"), "__Host-session", &before);
    assert_eq!(fetch(&thief, "/transfer", &json!({ "method": "POST" })).unwrap().status, 401);
}
