//! The cookie: its attributes, when it is set, and which cookies are rejected.

use axum::http::StatusCode;
use tower::{Layer, ServiceExt};

use super::*;

fn set_cookie(response: &TestResponse) -> &str {
    response.headers["set-cookie"].to_str().unwrap()
}

#[tokio::test]
async fn a_login_sets_a_cookie_for_this_host_over_https_that_scripts_cannot_read() {
    let fixture = Fixture::new();
    let response = Browser::default().post(&fixture.app, "/login?user=ann").await;
    let (value, attributes) = set_cookie(&response).split_once(';').unwrap();
    assert_eq!(attributes, " Path=/; Secure; HttpOnly; SameSite=Lax");
    let value = value.strip_prefix("__Host-session=").unwrap();
    assert!(value.len() == 43 && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    assert!(response.headers["set-cookie"].is_sensitive());
}

#[tokio::test]
async fn max_age_is_at_most_remember_for_and_the_rest_of_the_session() {
    for (remember_for, expected) in [(HOUR, "Max-Age=3600;"), (24 * HOUR, "Max-Age=43200;")] {
        let fixture = Fixture::with(|builder| builder.remember_for(remember_for));
        let mut browser = Browser::default();
        let response = browser.post(&fixture.app, "/login?user=ann").await;
        assert!(set_cookie(&response).contains(expected), "{}", set_cookie(&response));
        fixture.clock.advance(20 * MINUTE);
        let response = browser.post(&fixture.app, "/renew").await;
        let left = if remember_for == HOUR { "Max-Age=3600;" } else { "Max-Age=42000;" };
        assert!(set_cookie(&response).contains(left), "{}", set_cookie(&response));
    }
}

#[tokio::test]
async fn a_login_without_remember_ends_with_the_browser() {
    let sessions = SessionAuth::builder().store(MemorySessions::new()).remember_for(HOUR).build().unwrap();
    let log_in = async |session: Session| {
        let user = UserContext::new("ann");
        session.log_in_with(user, portcullis::session::Remember::No).await.map(drop).map_err(Denial::from)
    };
    let app = Router::new().route("/login", post(log_in)).layer(sessions.to_optional());
    let response = Browser::default().post(&app, "/login").await;
    assert!(!set_cookie(&response).contains("Max-Age"), "{}", set_cookie(&response));
}

#[tokio::test]
async fn the_store_sees_only_a_digest_of_the_cookie() {
    let fixture = Fixture::new();
    let mut browser = fixture.log_in().await;
    let value = browser.value().to_owned();
    browser.post(&fixture.app, "/renew").await;
    for record in fixture.records().await {
        let stored = format!("{} {record:?}", record.to_json());
        assert!(!stored.contains(&value) && !stored.contains(browser.value()), "{stored}");
    }
}

#[tokio::test]
async fn an_unchanged_session_gets_no_set_cookie_and_a_changed_one_gets_it_with_every_status() {
    let fixture = Fixture::new();
    let mut browser = fixture.log_in().await;
    for _ in 0..3 {
        let response = browser.get(&fixture.app, "/me").await;
        assert!(response.headers.get("set-cookie").is_none() && response.headers.get("cache-control").is_none());
    }
    for status in [StatusCode::OK, StatusCode::SEE_OTHER, StatusCode::NOT_FOUND, StatusCode::INTERNAL_SERVER_ERROR] {
        let renew = async move |session: Session| {
            session.renew().await.unwrap();
            (status, [("cache-control", "public, max-age=60")])
        };
        let app = Router::new().route("/", post(renew)).layer(fixture.sessions.clone());
        let before = browser.value().to_owned();
        let response = browser.post(&app, "/").await;
        assert_eq!((response.status, &response.headers["cache-control"]), (status, &"no-store".parse().unwrap()));
        assert_ne!(browser.value(), before, "{status}");
    }
}

#[tokio::test]
async fn an_error_of_the_handler_sets_the_cookie_too() {
    let fixture = Fixture::new();
    let mut browser = fixture.log_in().await;
    let renew = async |session: Session| {
        session.renew().await?;
        Err::<(), _>(Denial::from(portcullis::session::SessionError::NotFound))
    };
    let log_out = async |session: Session| {
        session.log_out().await?;
        Err::<(), _>(portcullis::session::SessionError::OverLimit)
    };
    let app = Router::new().route("/renew", post(renew)).route("/logout", post(log_out));
    let app = app.layer(fixture.sessions.clone());
    let before = browser.value().to_owned();
    let response = browser.post(&app, "/renew").await;
    assert!(response.status.is_client_error() && browser.value() != before, "{}", response.status);
    assert_eq!(browser.me(&fixture.app).await, 200);
    let response = browser.post(&app, "/logout").await;
    assert!(response.status.is_client_error() && browser.cookie.is_none(), "{}", response.status);
    assert!(fixture.records().await.is_empty());
}

#[tokio::test]
async fn an_error_of_the_inner_service_sets_the_cookie_if_a_layer_inside_makes_it_a_response() {
    let fixture = Fixture::new();
    let service = tower::service_fn(async |request: Request<Body>| {
        let session = Session::from_extensions(request.extensions()).unwrap();
        session.log_in(UserContext::new("ann")).await.unwrap();
        Err::<axum::response::Response, _>(tower::BoxError::from("the inner service failed"))
    });
    let handled = axum::error_handling::HandleError::new(service, async |_| StatusCode::BAD_GATEWAY);
    let app = Router::new().route_service("/", handled).layer(fixture.sessions.to_optional());
    let mut browser = Browser::default();
    assert_eq!(browser.post(&app, "/").await.status, StatusCode::BAD_GATEWAY);
    assert_eq!(browser.me(&fixture.app).await, 200);
    // Without a response there is no cookie.
    let request = Request::post("/").body(Body::empty()).unwrap();
    let error = fixture.sessions.to_optional().layer(service).oneshot(request).await.unwrap_err();
    assert_eq!(error.to_string(), "the inner service failed");
}

#[tokio::test]
async fn two_changes_in_one_request_set_one_cookie() {
    let fixture = Fixture::new();
    let twice = async |session: Session| {
        session.log_in(UserContext::new("ann")).await.unwrap();
        session.log_in(UserContext::new("bob")).await.unwrap();
        session.renew().await.unwrap();
    };
    let app = Router::new().route("/", post(twice)).layer(fixture.sessions.to_optional());
    let mut browser = Browser::default();
    browser.post(&app, "/").await;
    assert_eq!(browser.get(&fixture.app, "/me").await.body, "bob");
    assert!(fixture.records().await.is_empty(), "the first session has ended");
}

#[tokio::test]
async fn a_change_after_the_response_is_an_error_and_leaves_no_session() {
    let fixture = Fixture::new();
    let kept = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&kept);
    let handler = async move |session: Session| *keep.lock().unwrap() = Some(session);
    let app = Router::new().route("/", post(handler)).layer(fixture.sessions.to_optional());
    Browser::default().post(&app, "/").await;
    let session = kept.lock().unwrap().take().unwrap();
    let error = session.log_in(UserContext::new("ann")).await.unwrap_err();
    assert!(matches!(error, portcullis::session::SessionError::ResponseSent), "{error}");
    assert_eq!(error.status(), 500);
    assert!(fixture.records().await.is_empty());
}

#[tokio::test]
async fn two_cookies_are_400_and_cleared() {
    let fixture = Fixture::new();
    let browser = fixture.log_in().await;
    let twice = format!("{}; a=b; {}", browser.cookie.as_ref().unwrap(), browser.cookie.as_ref().unwrap());
    for path in ["/me", "/open"] {
        let response = TestResponse::get(&fixture.app, path, &[("cookie", &twice)]).await;
        assert_eq!(response.status, StatusCode::BAD_REQUEST);
        assert!(set_cookie(&response).contains("Max-Age=0;"));
        assert_eq!(response.headers["cache-control"], "no-store");
    }
    assert_eq!((fixture.handled(), fixture.store.finds()), (0, 0));

    let with_domain = Fixture::with(|builder| builder.domain("example.com"));
    let twice = [("cookie", "__Secure-session=a"), ("cookie", "__Secure-session=b")];
    let response = TestResponse::get(&with_domain.app, "/me", &twice).await;
    let cleared: Vec<_> = response.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    let attributes = ["Path=/; Domain=example.com;", "Path=/;", "Path=/me;", "Path=/me; Domain=example.com;"];
    let expected =
        attributes.map(|text| format!("__Secure-session=; {text} Max-Age=0; Secure; HttpOnly; SameSite=Lax"));
    assert_eq!(cleared, expected);
}

#[tokio::test]
async fn a_value_of_another_form_is_no_session_without_a_lookup() {
    let fixture = Fixture::new();
    for value in ["a", &"a".repeat(42), &"a".repeat(44), &"a".repeat(10_000), &"+".repeat(43), &"\u{e4}".repeat(22)] {
        let mut browser = Browser::with(format!("__Host-session={value}"));
        let response = browser.get(&fixture.app, "/me").await;
        assert_eq!((response.status.as_u16(), browser.cookie), (401, None));
        assert_eq!(Browser::with(format!("__Host-session={value}")).get(&fixture.app, "/open").await.body, "anonymous");
    }
    assert_eq!(fixture.store.finds(), 0);
}

/// Another host of the domain can set these.
#[tokio::test]
async fn cookies_that_a_subdomain_can_set_are_not_accepted() {
    let fixture = Fixture::new();
    let value = fixture.log_in().await.value().to_owned();
    for cookie in [
        format!("session={value}"),
        format!("__host-session={value}"),
        format!("=__Host-session={value}"),
        format!("__Host-session ={value}"),
        format!("__Secure-session={value}"),
        format!("a=__Host-session={value}"),
    ] {
        assert_eq!(Browser::with(&cookie).me(&fixture.app).await, 401, "{cookie}");
    }
    assert_eq!((fixture.handled(), fixture.store.finds()), (0, 0));
}

#[tokio::test]
async fn a_cookie_of_a_domain_or_over_http_has_the_attributes_of_its_name() {
    let logs = crate::support::log_capture::LogCapture::start();
    let with_domain = Fixture::with(|builder| builder.domain("example.com"));
    let response = Browser::default().post(&with_domain.app, "/login?user=ann").await;
    assert!(set_cookie(&response).starts_with("__Secure-session="));
    assert!(set_cookie(&response).ends_with("; Path=/; Domain=example.com; Secure; HttpOnly; SameSite=Lax"));
    assert_eq!(logs.count("all hosts of its domain"), 1);

    let over_http = Fixture::with(SessionAuthBuilder::dangerously_over_http);
    let response = Browser::default().post(&over_http.app, "/login?user=ann").await;
    assert!(set_cookie(&response).starts_with("session="));
    assert!(set_cookie(&response).ends_with("; Path=/; HttpOnly; SameSite=Lax"));
}

#[tokio::test]
async fn a_logout_clears_the_cookie_with_the_same_attributes_beside_clear_site_data() {
    let fixture = Fixture::new();
    let mut browser = fixture.log_in().await;
    let log_out = async |session: Session| session.log_out().await.map_err(Denial::from);
    let app = Router::new()
        .route("/", post(log_out))
        .layer(portcullis::headers::ClearSiteData::cache_cookies_storage())
        .layer(fixture.sessions.clone());
    let response = browser.post(&app, "/").await;
    assert_eq!(set_cookie(&response), "__Host-session=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax");
    assert_eq!(response.headers.get_all("clear-site-data").iter().count(), 1);
}
