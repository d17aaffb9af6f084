//! The list of sessions, and the logout on other devices.

use super::*;

/// Logs `ann` in on another device.
fn log_in_elsewhere<'a>(browser: &'a Chromium, app: &App) -> Tab<'a> {
    let tab = browser.open_on_another_device(&app.url("/login"));
    tab.type_and_enter("ann");
    assert_eq!(shown(&tab), "/ ann");
    tab
}

/// Returns the devices that the list shows in this tab.
fn listed(tab: &Tab<'_>, app: &App) -> Value {
    tab.go(&app.url("/devices"));
    tab.run("Array.from(document.querySelectorAll('li'), (item) => item.textContent)")
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn log_out_other_devices_ends_their_sessions_and_keeps_this_one() {
    let (browser, app) = (Chromium::start(), App::new());
    let tab = app.log_in(&browser, "ann");
    app.clock.advance(MINUTE);
    let other = log_in_elsewhere(&browser, &app);
    assert_ne!(app.secret(&tab), app.secret(&other));
    assert_eq!(listed(&tab, &app), json!(["this device", "another device"]));
    assert_eq!(listed(&other, &app), json!(["another device", "this device"]));

    tab.go(&app.url("/"));
    click(&tab, "/log-out-others");
    assert_eq!(listed(&tab, &app), json!(["this device"]));
    follow_link(&other, &app.url("/reports"));
    assert_eq!((shown(&other), app.cookies(&other)), (ON_LOGIN_PAGE.to_owned(), vec![]));
    // Also within the same second.
    other.type_and_enter("ann");
    assert_eq!(shown(&other), "/reports ann");
    assert_eq!(listed(&tab, &app), json!(["this device", "another device"]));
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_logout_on_one_device_keeps_the_session_on_another() {
    let (browser, app) = (Chromium::start(), App::new());
    let tab = app.log_in(&browser, "ann");
    let other = log_in_elsewhere(&browser, &app);
    click(&tab, "/logout");
    assert_eq!(listed(&other, &app), json!(["this device"]));
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_login_above_the_limit_ends_the_least_recently_used_session() {
    let (browser, app) = (Chromium::start(), App::with(|builder| builder.max_sessions(2)));
    let devices: Vec<_> = (0..3)
        .map(|_| {
            app.clock.advance(2 * MINUTE);
            log_in_elsewhere(&browser, &app)
        })
        .collect();
    for (device, expected) in devices.iter().zip([ON_LOGIN_PAGE, "/ ann", "/ ann"]) {
        device.go(&app.url("/"));
        assert_eq!(shown(device), expected);
    }
}
