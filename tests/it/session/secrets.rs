//! No secret is in `Debug`, `Display`, a log line or a response.

use axum::routing::get;
use portcullis::session::SessionError;

use super::*;
use crate::support::log_capture::LogCapture;

const SECRET: &str = "marker-4711: a secret of the login page";

#[tokio::test]
async fn no_secret_is_in_debug_output_the_log_or_a_rejection() {
    let logs = LogCapture::start();
    let fixture = Fixture::with(|builder| builder.login_page("/login").secret(SECRET));
    let mut browser = fixture.log_in().await;
    let show = async |session: Session| format!("{session:?} {:?}", session.list().await);
    let token = async |session: Session| session.csrf_token();
    let check = async |session: Session| session.check_csrf_token("marker-4712.of-another-session");
    let app = Router::new()
        .route("/show", get(show))
        .route("/token", get(token))
        .route("/check", post(check))
        .route("/login", get(async |session: Session| session.return_path()))
        .layer(fixture.sessions.to_optional())
        .merge(fixture.app.clone());
    let token = browser.get(&app, "/token").await.body;
    let mut texts = vec![browser.get(&app, "/show").await.body];
    let mut values = vec![browser.value().to_owned(), token];
    browser.post(&app, "/renew").await;
    values.push(browser.value().to_owned());
    let records = fixture.records().await;
    for record in &records {
        let json: serde_json::Value = serde_json::from_str(&record.to_json()).unwrap();
        let of_store = [&json["digest"], &json["csrf_key"]].map(|value| value.as_str().unwrap().to_owned());
        values.extend(of_store);
    }
    texts.push(format!("{:?} {:?} {records:?}", fixture.sessions, fixture.store.0.sessions));

    let foreign = [("sec-fetch-site", "cross-site"), ("origin", "https://other.example")];
    let navigation = [("sec-fetch-mode", "navigate")];
    let twice = Browser::with(format!("{0}; {0}", browser.cookie.as_ref().unwrap()));
    for (browser, method, path, headers, status) in [
        (&browser, Method::POST, "/me", &foreign[..], 403),
        (&twice, Method::GET, "/me", &[], 400),
        (&browser, Method::POST, "/check", &[("sec-fetch-site", "same-origin")], 403),
        (&Browser::default(), Method::GET, "/me", &navigation, 303),
        (&Browser::default(), Method::GET, "/login?return_to=marker-4713.x", &[], 200),
        (&Browser::with(format!("{}x", browser.cookie.as_ref().unwrap())), Method::GET, "/me", &[], 401),
    ] {
        let response = browser.clone().send(&app, method, path, headers).await;
        assert_eq!(response.status, status, "{path} {headers:?}");
        texts.push(format!("{} {:?}", response.body, response.headers));
    }
    fixture.clock.advance(MINUTE);
    fixture.store.0.is_unreadable.store(true, SeqCst);
    texts.push(browser.clone().get(&app, "/me").await.body);
    fixture.store.set_down(true);
    let response = browser.clone().get(&app, "/me").await;
    assert_eq!(response.status, 503);
    texts.extend([response.body, logs.text()]);
    for error in [SessionError::NotLoggedIn, SessionError::Store(StoreError::Unreadable), SessionError::UserInvalid] {
        texts.push(format!("{error} {error:?}"));
    }
    for text in texts {
        for value in values.iter().map(String::as_str).chain(["marker-47"]) {
            assert!(!text.contains(value), "{value} is in {text}");
        }
    }
}
