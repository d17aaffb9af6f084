//! The example `oidc_login`: login and logout with a real OpenID provider in a real browser.

use serde_json::Value;

use crate::support::chromium::{Chromium, Tab};
use crate::support::oidc_provider::OidcProvider;
use crate::support::running_example::RunningExample;

const CLICK: &str = "document.querySelector('button').click()";

/// The provider, and the example as its client.
struct Fixture {
    provider: OidcProvider,
    /// Ends when it is dropped.
    _example: RunningExample,
    app: String,
}

impl Fixture {
    async fn start() -> Self {
        let mut provider = OidcProvider::start().await;
        let secret = provider.setting("web_client_secret").to_owned();
        let settings = [("ISSUER", &*provider.url), ("CLIENT_ID", "web"), ("CLIENT_SECRET", &*secret)];
        let mut example = RunningExample::start_with("oidc_login", &settings);
        let app = example.next_line().trim_end_matches('/').to_owned();
        provider.command(&format!("app {app}")).await;
        Self { provider, _example: example, app }
    }

    /// Asserts that the tab shows the login page of the provider, and logs in there.
    fn log_in(&self, tab: &Tab<'_>) {
        assert_eq!(heading(tab), "Provider");
        assert!(location(tab).starts_with(&self.provider.url));
        tab.run("document.querySelector('[name=login]').value = 'ann'");
        tab.run("document.querySelector('[name=password]').value = 'secret'");
        tab.leave(CLICK);
        assert_eq!(location(tab), format!("{}/", self.app));
        assert_eq!(heading(tab), "Hello, ann!");
    }
}

fn heading(tab: &Tab<'_>) -> Value {
    tab.run("document.querySelector('h1').textContent")
}

fn location(tab: &Tab<'_>) -> String {
    tab.run("location.href").as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs node and chromium: run tests/run"]
async fn a_user_logs_in_at_the_provider_and_out_at_both_ends() {
    let test = Fixture::start().await;
    let chromium = Chromium::start();
    let tab = chromium.open(&test.app);
    test.log_in(&tab);
    let page = tab.run("document.body.innerText").as_str().unwrap().to_owned();
    assert!(page.contains(&test.provider.url) && page.contains("Logged in"), "{page}");

    // Both ends have a session: a login needs no password.
    tab.go(&format!("{}/login", test.app));
    assert_eq!(location(&tab), format!("{}/", test.app));

    tab.leave(CLICK);
    assert_eq!(heading(&tab), "Log out?");
    assert!(location(&tab).starts_with(&test.provider.url));
    tab.leave(CLICK);
    assert_eq!(location(&tab), format!("{}/signed-out", test.app));
    assert_eq!(heading(&tab), "You are logged out");

    // Neither end has one.
    tab.go(&test.app);
    test.log_in(&tab);
    test.provider.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs node and chromium: run tests/run"]
async fn a_logout_at_the_provider_ends_the_session_of_the_app() {
    let test = Fixture::start().await;
    let chromium = Chromium::start();
    let tab = chromium.open(&test.app);
    test.log_in(&tab);

    let other = chromium.open(&format!("{}/session/end", test.provider.url));
    assert_eq!(heading(&other), "Log out?");
    other.leave(CLICK);
    // The provider has called the app before it responds.
    let response = tab.run("fetch('/', { redirect: 'manual' }).then(response => response.status)");
    assert_eq!(response, 401, "a request of a script gets no redirect");
    tab.go(&test.app);
    test.log_in(&tab);
    test.provider.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs node and chromium: run tests/run"]
async fn a_login_that_another_browser_has_started_is_rejected() {
    let test = Fixture::start().await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let login = client.get(format!("{}/login", test.app)).send().await.unwrap();
    assert_eq!(login.status(), 303);
    let url = login.headers()["location"].to_str().unwrap();
    let state = url.split('&').find_map(|pair| pair.strip_prefix("state=")).unwrap();
    let cookie = login.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with(&format!("__Host-login-{state}=")), "{cookie}");
    for attribute in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }

    let callback = format!("{}/callback?code=abc&state={state}", test.app);
    let cookie = cookie.split(';').next().unwrap();
    let foreign_issuer = format!("{callback}&iss=https%3A%2F%2Fevil.example");
    for (url, cookie) in [
        (&callback, ""),
        (&format!("{}/callback", test.app), cookie),
        (&format!("{}/callback?code=abc&state=other", test.app), cookie),
        (&format!("{}/callback?code=abc&state=", test.app), cookie),
        (&foreign_issuer, cookie),
        (&callback, cookie),
        (&format!("{}/callback?error=access_denied&state={state}", test.app), cookie),
    ] {
        let response = client.get(url).header("cookie", cookie).send().await.unwrap();
        assert_eq!(response.status(), 400, "{url}");
        let mut cookies = response.headers().get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
        assert!(cookies.all(|cookie| !cookie.starts_with("__Host-session=")), "{url}");
        assert!(response.text().await.unwrap().contains("The login failed"));
    }
    test.provider.quit().await;
}
