//! Cookies that a subdomain sets for the host of the app (cookie tossing).

use super::*;
use crate::browser::cookies::cookie_app;

fn app_with(change: impl FnOnce(SessionAuthBuilder) -> SessionAuthBuilder) -> App {
    App::layered("app.localhost", change, |app, _| app)
}

/// Sets a cookie at a subdomain of the app, by a header and by a script.
fn set_at_subdomain(browser: &Chromium, cookie: &str) {
    let site = cookie_app();
    let origin = site.origin_as("evil.app.localhost");
    let tab = browser.open(&origin);
    assert_reads(fetch(&tab, &format!("{origin}/set/here?{cookie}"), &json!({})), "");
    tab.run(&format!("document.cookie = {}", json!(cookie)));
}

/// Returns the secret of a session of `mallory`.
fn secret_of_attacker(browser: &Chromium, app: &App) -> String {
    let tab = browser.open_on_another_device(&app.url("/login"));
    tab.type_and_enter("mallory");
    app.secret(&tab)
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn no_cookie_that_a_subdomain_sets_is_accepted() {
    for (cookie, is_sent) in [
        ("session=SECRET; Domain=app.localhost; Path=/", true),
        ("__host-session=SECRET; Domain=app.localhost; Path=/; Secure", false),
        ("__Host-session=SECRET; Domain=app.localhost; Path=/; Secure", false),
        ("__Host-session=SECRET; Path=/; Secure", false),
        ("=__Host-session=SECRET; Domain=app.localhost; Path=/", false),
        ("__Host-session; Domain=app.localhost; Path=/", false),
        ("__Secure-session=SECRET; Domain=app.localhost; Path=/; Secure", true),
    ] {
        let (browser, app) = (Chromium::start(), app_with(|builder| builder));
        let cookie = cookie.replace("SECRET", &secret_of_attacker(&browser, &app));
        set_at_subdomain(&browser, &cookie);
        app.log();
        let tab = browser.open(&app.url("/"));
        assert_eq!(shown(&tab), ON_LOGIN_PAGE, "{cookie}");
        let sent = &app.received()[0].cookies;
        assert_eq!(!sent.is_empty(), is_sent, "{cookie}: {sent}");
        tab.type_and_enter("ann");
        assert_eq!(shown(&tab), "/ ann", "{cookie}");
    }
}

/// A cookie of a domain has no protection: a subdomain can replace it. The layer logs a warning about it.
#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_subdomain_can_replace_a_cookie_of_the_domain_but_not_one_of_the_host() {
    for (has_domain, expected) in [(true, "/ mallory"), (false, "/ ann")] {
        let browser = Chromium::start();
        let app = app_with(|builder| if has_domain { builder.domain("app.localhost") } else { builder });
        let tab = app.log_in(&browser, "ann");
        let name = if has_domain { "__Secure-session" } else { "__Host-session" };
        let secret = secret_of_attacker(&browser, &app);
        set_at_subdomain(&browser, &format!("{name}={secret}; Domain=app.localhost; Path=/; Secure"));
        tab.go(&app.url("/"));
        assert_eq!(shown(&tab), expected);
    }
}

/// Opens the page with two cookies, and logs in afterwards.
#[track_caller]
fn assert_recovers(browser: &Chromium, app: &App, cookie: &str) {
    let tab = app.log_in(browser, "ann");
    let cookie = cookie.replace("SECRET", &secret_of_attacker(browser, app));
    set_at_subdomain(browser, &cookie);
    app.log();
    tab.go(&app.url("/reports"));
    assert_eq!(app.log(), ["GET /reports 400"], "{cookie}");
    assert_eq!(tab.cookies(&app.url("/reports")), [] as [Value; 0], "{cookie}");
    tab.go(&app.url("/reports"));
    assert_eq!(shown(&tab), ON_LOGIN_PAGE, "{cookie}");
    tab.type_and_enter("ann");
    assert_eq!(shown(&tab), "/reports ann", "{cookie}");
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn two_cookies_of_a_domain_are_400_and_cleared_and_a_login_works_again() {
    let browser = Chromium::start();
    let app = app_with(|builder| builder.domain("app.localhost"));
    assert_recovers(&browser, &app, "__Secure-session=SECRET; Domain=app.localhost; Path=/reports; Secure");
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_cookie_of_a_domain_beside_one_of_the_host_is_400_and_cleared_and_a_login_works_again() {
    let browser = Chromium::start();
    let app = app_with(|builder| builder.cookie_name("session"));
    assert_recovers(&browser, &app, "session=SECRET; Domain=app.localhost; Path=/");
}
