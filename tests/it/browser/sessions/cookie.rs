//! The attributes of the cookie, as the browser has stored them.

use super::*;

/// Returns these members of the only session cookie.
#[track_caller]
fn stored<const N: usize>(tab: &Tab<'_>, app: &App, members: [&str; N]) -> [Value; N] {
    let cookies = app.cookies(tab);
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    members.map(|member| cookies[0][member].clone())
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn the_cookie_is_for_one_host_over_https_until_the_browser_ends_and_hidden_from_scripts() {
    let (browser, app) = (Chromium::start(), App::new());
    let tab = app.log_in(&browser, "ann");
    assert_eq!(
        stored(&tab, &app, ["name", "path", "domain", "secure", "httpOnly", "sameSite", "session"]),
        // Without a leading dot, the cookie has no `Domain` attribute.
        [json!("__Host-session"), json!("/"), json!("localhost"), json!(true), json!(true), json!("Lax"), json!(true)]
    );
    assert_eq!(app.secret(&tab).len(), 43);
    assert_eq!(tab.run("document.cookie"), "");
    assert_eq!(tab.run("cookieStore.getAll().then((cookies) => cookies.length)"), 0);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn scripts_can_neither_overwrite_nor_delete_the_cookie() {
    let (browser, app) = (Chromium::start(), App::new());
    let tab = app.log_in(&browser, "ann");
    let secret = app.secret(&tab);
    for cookie in ["__Host-session=x; Path=/; Secure", "__Host-session=; Path=/; Secure; Max-Age=0"] {
        tab.run(&format!("document.cookie = {}", json!(cookie)));
        assert_eq!(app.secret(&tab), secret, "{cookie}");
    }
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn remember_for_sets_the_expiry_of_the_cookie() {
    let (browser, app) = (Chromium::start(), App::with(|builder| builder.remember_for(2 * HOUR)));
    let tab = browser.open(&app.url("/login"));
    // The clock of the browser is that of the machine.
    let now = || tab.run("Date.now() / 1000").as_f64().unwrap();
    let before = now();
    tab.type_and_enter("ann");
    let [is_of_this_run, expires] = stored(&tab, &app, ["session", "expires"]);
    let expires = expires.as_f64().unwrap();
    assert_eq!(is_of_this_run, false);
    assert!(before + 7_199.0 <= expires && expires <= now() + 7_201.0, "{before} {expires}");
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_strict_cookie_is_not_sent_with_a_link_of_another_site_and_the_user_stays_logged_in() {
    let (browser, app) = (Chromium::start(), App::with(SessionAuthBuilder::same_site_strict));
    let tab = app.log_in(&browser, "ann");
    assert_eq!(stored(&tab, &app, ["sameSite"]), [json!("Strict")]);
    let site = Site::blank();
    let foreign = browser.open(&site.origin_as("127.0.0.1"));
    follow_link(&foreign, &app.url("/reports"));
    assert_eq!(shown(&foreign), ON_LOGIN_PAGE);
    foreign.go(&app.url("/reports"));
    assert_eq!(shown(&foreign), "/reports ann", "typed into the address bar");
    assert_eq!(app.cookies(&tab).len(), 1, "the redirect to the login page has not cleared it");
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_cookie_of_a_domain_is_sent_to_its_subdomains_and_cleared_at_the_logout() {
    let browser = Chromium::start();
    let app = App::layered("app.localhost", |builder| builder.domain("app.localhost"), |app, _| app);
    let tab = app.log_in(&browser, "ann");
    assert_eq!(
        stored(&tab, &app, ["name", "domain", "secure", "httpOnly"]),
        [json!("__Secure-session"), json!(".app.localhost"), json!(true), json!(true)]
    );
    let subdomain = app.site.origin_as("www.app.localhost");
    let tab = browser.open(&subdomain);
    assert_eq!(shown(&tab), "/ ann");
    click(&tab, "/logout");
    assert_eq!(app.cookies(&tab), [] as [Value; 0]);
}
