//! `SessionAuth` beside other gates in an `AnyOf`.

use axum::routing::get;
use portcullis::api_key::{MemoryKeys, NewApiKey};
use portcullis::context::Credential;
use portcullis::{AnyOf, ApiKeyAuth, RequireCredential, UserContext};

use super::*;

fn keys() -> ApiKeyAuth {
    ApiKeyAuth::builder()
        .prefix("acme_live")
        .header("x-api-key".parse().unwrap())
        .store(MemoryKeys::new())
        .build()
        .unwrap()
}

#[tokio::test]
async fn an_explicit_credential_takes_precedence_and_the_cookie_is_not_looked_up_touched_or_cleared() {
    let fixture = Fixture::new();
    let keys = keys();
    let key = keys.create(NewApiKey::for_user(&UserContext::new("robot"))).await.unwrap();
    let browser = fixture.log_in().await;
    let both = AnyOf::new((keys, fixture.sessions.clone())).unwrap();
    let app = Router::new().route("/", any(async |user: UserContext| user.id().to_owned())).layer(both);
    fixture.clock.advance(MINUTE);
    for (key, status) in [(key.secret(), 200), ("acme_live_wrong", 401)] {
        // A cross-site write: the key is no ambient credential.
        let headers = [("x-api-key", key), ("sec-fetch-site", "cross-site"), ("origin", "https://other.example")];
        let response = browser.clone().send(&app, Method::POST, "/", &headers).await;
        assert_eq!((response.status.as_u16(), response.headers.get("set-cookie")), (status, None));
        assert!(status != 200 || response.body == "robot");
    }
    assert_eq!((fixture.store.finds(), fixture.store.touches()), (0, 0));
    assert_eq!(browser.clone().get(&app, "/").await.body, "ann");
}

#[tokio::test]
async fn without_a_credential_each_scheme_has_a_challenge() {
    let fixture = Fixture::new();
    let both = AnyOf::new((keys(), fixture.sessions.clone())).unwrap();
    let app = Router::new().route("/", get(|| async {})).layer(both);
    for mut browser in [Browser::default(), invented(1)] {
        let response = browser.get(&app, "/").await;
        let challenges: Vec<_> = response.headers.get_all("www-authenticate").iter().collect();
        assert_eq!((response.status.as_u16(), challenges.len()), (401, 2), "{challenges:?}");
    }
}

#[tokio::test]
async fn any_of_decides_whether_a_session_that_has_ended_is_anonymous() {
    let fixture = Fixture::new();
    let handler = async |user: Option<UserContext>| user.map_or("anonymous".to_owned(), |user| user.id().to_owned());
    for sessions in [fixture.sessions.clone(), fixture.sessions.to_optional()] {
        let both = AnyOf::new((keys(), sessions)).unwrap();
        let closed = Router::new().route("/", get(handler)).layer(both.clone());
        let open = Router::new().route("/", get(handler)).layer(both.to_optional());
        for fresh in [true, false] {
            // A second request with the same cookie is decided without waiting.
            let ended =
                || Browser::with(format!("__Host-session={}", if fresh { "a".repeat(43) } else { "a".to_owned() }));
            let mut browser = ended();
            assert_eq!((browser.get(&closed, "/").await.status.as_u16(), browser.cookie), (401, None));
            let mut browser = ended();
            assert_eq!((browser.get(&open, "/").await.body.as_str(), browser.cookie), ("anonymous", None));
        }
    }
}

#[tokio::test]
async fn the_session_of_an_any_of_can_be_extracted_and_its_credential_required() {
    let fixture = Fixture::new();
    let both = AnyOf::new((keys(), fixture.sessions.clone())).unwrap();
    let log_out = async |session: Session| session.log_out().await;
    let app = Router::new().route("/", post(log_out)).layer(RequireCredential::new(Credential::Session)).layer(both);
    let mut browser = fixture.log_in().await;
    assert_eq!(browser.post(&app, "/").await.status, 200);
    assert_eq!(browser.cookie, None);
}

#[tokio::test]
async fn a_handler_without_the_layer_gets_500_and_a_log_line() {
    let logs = crate::support::log_capture::LogCapture::start();
    let app = Router::new().route("/", get(async |_: Session| ()));
    let response = Browser::default().get(&app, "/").await;
    assert_eq!((response.status.as_u16(), response.denial.unwrap().code()), (500, "server_misconfigured"));
    assert_eq!(logs.count("Session requires a SessionAuth layer"), 1);
}
