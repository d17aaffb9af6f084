//! Requests that pages of other sites cause.

use portcullis::{Csrf, OriginSet};

use super::*;

const FOREIGN: &[(&str, &str)] = &[("sec-fetch-site", "cross-site"), ("origin", "https://other.example")];

#[tokio::test]
async fn a_write_of_another_site_is_403_before_the_session_is_looked_up() {
    let fixture = Fixture::new();
    let browser = fixture.log_in().await;
    fixture.clock.advance(20 * MINUTE);
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let response = browser.clone().send(&fixture.app, method, "/me", FOREIGN).await;
        assert_eq!((response.status.as_u16(), response.denial.unwrap().code()), (403, "cross_site"));
        assert_eq!(response.headers["vary"], "sec-fetch-site, origin");
        assert!(response.headers.get("set-cookie").is_none());
    }
    assert_eq!((fixture.handled(), fixture.store.finds(), fixture.store.touches()), (0, 0, 0));
    // The session was not extended.
    fixture.clock.advance(10 * MINUTE);
    assert_eq!(browser.clone().me(&fixture.app).await, 401);
}

#[tokio::test]
async fn a_link_of_another_site_opens_a_page_and_a_websocket_of_one_is_403() {
    let fixture = Fixture::new();
    let mut browser = fixture.log_in().await;
    assert_eq!(browser.send(&fixture.app, Method::GET, "/me", FOREIGN).await.status, 200);
    let websocket = [FOREIGN, &[("upgrade", "websocket"), ("connection", "upgrade")]].concat();
    assert_eq!(browser.send(&fixture.app, Method::GET, "/me", &websocket).await.status, 403);
}

#[tokio::test]
async fn without_a_cookie_the_check_does_not_apply() {
    let fixture = Fixture::new();
    let response = Browser::default().send(&fixture.app, Method::POST, "/open", FOREIGN).await;
    assert_eq!(response.body, "anonymous");
}

#[tokio::test]
async fn a_page_of_a_trusted_origin_may_write() {
    let origins = OriginSet::new(["https://other.example"]).unwrap();
    let csrf = Csrf::builder().origins(origins).build().unwrap();
    let fixture = Fixture::with(|builder| builder.csrf(csrf));
    let mut browser = fixture.log_in().await;
    assert_eq!(browser.send(&fixture.app, Method::POST, "/me", FOREIGN).await.status, 200);
}
