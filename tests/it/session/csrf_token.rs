//! CSRF tokens, for browsers that send neither `Sec-Fetch-Site` nor `Origin`.

use axum::extract::DefaultBodyLimit;
use axum::response::Redirect;
use axum::routing::get;
use axum::{Form, Json};
use portcullis::AnyOf;
use portcullis::session::{CsrfForm, CsrfHeader};
use portcullis::testing::TestIssuer;

use super::*;
use crate::support::log_capture::LogCapture;

const FORM: &[(&str, &str)] = &[("content-type", "application/x-www-form-urlencoded")];
const SAME_ORIGIN: (&str, &str) = ("sec-fetch-site", "same-origin");

#[derive(Deserialize)]
struct Name {
    name: String,
}

/// The app of the fixture, and routes whose handlers check tokens.
fn app(fixture: &Fixture) -> Router {
    Router::new()
        .route("/token", get(async |session: Session| session.csrf_token()))
        .route("/form", post(async |CsrfForm(Form(form)): CsrfForm<Form<Name>>| form.name))
        .route("/json", post(async |_: CsrfHeader, Json(name): Json<String>| name))
        .route("/forgotten", post(async || Redirect::to("/")))
        .route("/failed", post(async || axum::http::StatusCode::CONFLICT))
        .layer(DefaultBodyLimit::max(1_024))
        .layer(fixture.sessions.to_csrf_tokens())
        .merge(fixture.app.clone())
}

async fn token(browser: &mut Browser, app: &Router) -> String {
    let response = browser.get(app, "/token").await;
    assert_eq!(response.status, 200, "{}", response.body);
    response.body
}

async fn send(app: &Router, browser: &Browser, path: &str, headers: &[(&str, &str)], body: &str) -> TestResponse {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(cookie) = &browser.cookie {
        request = request.header("cookie", cookie);
    }
    TestResponse::send(app, request.body(Body::from(body.to_owned())).unwrap()).await
}

/// The response to a form with this token, of a browser that sends neither of the two headers.
async fn submit(app: &Router, browser: &Browser, token: &str) -> TestResponse {
    send(app, browser, "/form", FORM, &format!("csrf_token={token}&name=Ann")).await
}

fn outcome(response: &TestResponse) -> (u16, &str) {
    (response.status.as_u16(), response.denial.as_ref().map_or("", |denial| denial.code()))
}

#[tokio::test]
async fn a_form_with_the_token_of_its_session_is_admitted_without_sec_fetch_site_and_origin() {
    let fixture = Fixture::new();
    let app = app(&fixture);
    let mut browser = fixture.log_in().await;
    let token = token(&mut browser, &app).await;
    let response = submit(&app, &browser, &token).await;
    assert_eq!((response.status.as_u16(), &*response.body), (200, "Ann"));
    // A token may be sent again: a user goes back and submits the form twice.
    assert_eq!(submit(&app, &browser, &token).await.status, 200);
    // Other routes still reject such a request.
    assert_eq!(outcome(&send(&app, &browser, "/me", FORM, "").await), (403, "cross_site"));
}

#[tokio::test]
async fn a_token_of_another_session_or_an_altered_one_is_403() {
    let fixture = Fixture::new();
    let app = app(&fixture);
    let (mut ann, mut other_device, mut bob) =
        (fixture.log_in().await, fixture.log_in().await, fixture.log_in_as("bob").await);
    let token_of_ann = token(&mut ann, &app).await;
    let altered = format!("{}{}", if token_of_ann.starts_with('A') { 'B' } else { 'A' }, &token_of_ann[1..]);
    for token in [
        token(&mut other_device, &app).await,
        token(&mut bob, &app).await,
        altered,
        token_of_ann[1..].to_owned(),
        format!("{token_of_ann}&csrf_token={token_of_ann}"),
        String::new(),
    ] {
        let response = submit(&app, &ann, &token).await;
        assert_eq!(outcome(&response), (403, "csrf_token_invalid"), "{token}");
        assert!(response.headers.get("www-authenticate").is_none());
        assert_eq!(response.headers["cache-control"], "no-store");
    }
    assert_eq!(outcome(&send(&app, &ann, "/form", FORM, "name=Ann").await), (403, "csrf_token_invalid"));
}

#[tokio::test]
async fn a_token_of_the_session_before_the_login_is_403() {
    let fixture = Fixture::new();
    let app = app(&fixture);
    let mut browser = fixture.log_in().await;
    let before = token(&mut browser, &app).await;
    browser.post(&app, "/login?user=ann").await;
    assert_eq!(outcome(&submit(&app, &browser, &before).await), (403, "csrf_token_invalid"));
}

#[tokio::test]
async fn a_token_is_valid_for_the_lifetime_of_the_session_also_after_a_renewal() {
    let fixture = Fixture::new();
    let app = app(&fixture);
    let mut browser = fixture.log_in().await;
    let token = token(&mut browser, &app).await;
    browser.post(&app, "/renew").await;
    assert_eq!(submit(&app, &browser, &token).await.status, 200);
    browser.post(&app, "/confirm").await;
    assert_eq!(submit(&app, &browser, &token).await.status, 200);
    for _ in 0..23 {
        fixture.clock.advance(29 * MINUTE);
        assert_eq!(submit(&app, &browser, &token).await.status, 200);
    }
    // Another process with the same store.
    let other = Fixture::of(fixture.store.clone(), fixture.clock.clone(), |builder| builder);
    assert_eq!(submit(&self::app(&other), &browser, &token).await.status, 200);
    browser.clone().post(&app, "/logout").await;
    assert_eq!(outcome(&submit(&app, &browser, &token).await), (401, "credentials_missing"));
}

#[tokio::test]
async fn a_token_differs_on_each_rendering() {
    let fixture = Fixture::new();
    let app = app(&fixture);
    let mut browser = fixture.log_in().await;
    let tokens = [token(&mut browser, &app).await, token(&mut browser, &app).await];
    assert_ne!(tokens[0], tokens[1]);
    for token in &tokens {
        assert_eq!(submit(&app, &browser, token).await.status, 200);
    }
    let open = Router::new().route("/token", get(async |session: Session| session.csrf_token()));
    let open = open.layer(fixture.sessions.to_optional());
    assert_eq!(Browser::default().get(&open, "/token").await.status, 401, "without a session");
}

#[tokio::test]
async fn a_token_is_read_from_the_header_or_the_form_and_never_from_a_cookie_or_the_query() {
    let fixture = Fixture::new();
    let app = app(&fixture);
    let mut browser = fixture.log_in().await;
    let token = token(&mut browser, &app).await;
    let header = ("x-csrf-token", &*token);
    let json = ("content-type", "application/json");
    let cookie = format!("csrf_token={token}");
    let (form, query) = (FORM[0], format!("/form?csrf_token={token}"));
    let body = format!("csrf_token={token}&name=Ann");
    for (path, headers, body, status) in [
        ("/json", &[json, header][..], "\"Ann\"", 200),
        ("/json", &[json], "\"Ann\"", 403),
        ("/json", &[json, header, header], "\"Ann\"", 403),
        ("/json", &[json, ("x-csrf-token", "a.b")], "\"Ann\"", 403),
        ("/form", &[form, header], "name=Ann", 200),
        // The header decides if there is one.
        ("/form", &[form, ("x-csrf-token", "a.b")], &body, 403),
        ("/form", &[form, ("cookie", &cookie)], "name=Ann", 403),
        (&query, &[form], "name=Ann", 403),
        ("/form", &[("content-type", "application/x-www-form-urlencoded; charset=utf-8")], &body, 200),
        // A form in a body of another type is none.
        ("/form", &[("content-type", "text/plain")], &body, 403),
        ("/form", &[], &body, 403),
    ] {
        let response = send(&app, &browser, path, headers, body).await;
        assert_eq!(response.status, status, "{path} {headers:?}");
    }
}

#[tokio::test]
async fn the_body_of_a_form_is_read_up_to_the_limit_of_the_app() {
    let fixture = Fixture::new();
    let app = app(&fixture);
    let mut browser = fixture.log_in().await;
    let token = token(&mut browser, &app).await;
    let body = format!("csrf_token={token}&name={}", "a".repeat(1_024));
    assert_eq!(send(&app, &browser, "/form", FORM, &body).await.status, 413);
    // The inner extractor rejects as without the check.
    assert_eq!(send(&app, &browser, "/form", FORM, &format!("csrf_token={token}")).await.status, 422);
}

#[tokio::test]
async fn with_csrf_tokens_a_cross_site_request_is_403_without_a_lookup() {
    let fixture = Fixture::new();
    let app = app(&fixture);
    let mut browser = fixture.log_in().await;
    let token = token(&mut browser, &app).await;
    let finds = fixture.store.finds();
    for foreign in [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://a.example")]
    {
        let response =
            send(&app, &browser, "/form", &[FORM[0], foreign], &format!("csrf_token={token}&name=Ann")).await;
        assert_eq!(outcome(&response), (403, "cross_site"), "{foreign:?}");
    }
    assert_eq!(fixture.store.finds(), finds);
}

#[tokio::test]
async fn a_handler_that_does_not_check_the_token_is_500_and_logged() {
    let fixture = Fixture::new();
    let app = app(&fixture);
    let browser = fixture.log_in().await;
    let logs = LogCapture::start();
    for headers in [&[][..], &[SAME_ORIGIN]] {
        assert_eq!(send(&app, &browser, "/forgotten", headers, "").await.status, 500);
    }
    assert_eq!(logs.count("has not checked the token"), 2);
    assert!(logs.text().contains("/forgotten"));
    // A handler that has rejected the request need not check it, and a read has no token.
    assert_eq!(send(&app, &browser, "/failed", &[SAME_ORIGIN], "").await.status, 409);
    assert_eq!(browser.clone().get(&app, "/token").await.status, 200);
    assert_eq!(logs.count("has not checked the token"), 2);
}

#[tokio::test]
async fn a_websocket_needs_no_token_and_its_origin_is_checked() {
    let fixture = Fixture::new();
    let app = app(&fixture);
    let browser = fixture.log_in().await;
    let upgrade = ("upgrade", "websocket");
    for (headers, status) in [(&[upgrade, SAME_ORIGIN][..], 200), (&[upgrade], 403)] {
        assert_eq!(browser.clone().send(&app, Method::GET, "/token", headers).await.status, status, "{headers:?}");
    }
}

#[tokio::test]
async fn with_another_credential_no_token_is_needed_and_without_the_layer_it_is_500() {
    let fixture = Fixture::new();
    let issuer = TestIssuer::start().await.unwrap();
    let tokens = portcullis::JwtAuth::builder().issuer(issuer.url()).audience("api").build().unwrap();
    let auth = AnyOf::new((tokens, fixture.sessions.to_csrf_tokens())).unwrap();
    let handler = post(async |_: CsrfHeader, user: UserContext| user.id().to_owned());
    let app = Router::new().route("/", handler.clone()).layer(auth);
    let bearer = format!("Bearer {}", issuer.token("robot").audience("api").sign());
    assert_eq!(send(&app, &Browser::default(), "/", &[("authorization", &bearer)], "").await.body, "robot");
    let browser = fixture.log_in().await;
    assert_eq!(outcome(&send(&app, &browser, "/", &[SAME_ORIGIN], "").await), (403, "csrf_token_invalid"));
    let response = send(&Router::new().route("/", handler), &Browser::default(), "/", &[], "").await;
    assert_eq!(outcome(&response), (500, "server_misconfigured"));
}

#[tokio::test]
async fn a_handler_can_check_the_token_of_another_body_itself() {
    let fixture = Fixture::new();
    let check = async |session: Session, token: String| session.check_csrf_token(&token);
    let app = app(&fixture).merge(Router::new().route("/own", post(check)).layer(fixture.sessions.to_csrf_tokens()));
    let mut browser = fixture.log_in().await;
    let token = token(&mut browser, &app).await;
    assert_eq!(send(&app, &browser, "/own", &[], &token).await.status, 200);
    assert_eq!(outcome(&send(&app, &browser, "/own", &[], &token[1..]).await), (403, "csrf_token_invalid"));
}
