//! The example `sessions`: each page with each status, and requests that other sites cause.

// Formatted as an example, which has shorter lines.
#[rustfmt::skip]
#[expect(dead_code, reason = "its `main` is not called")]
#[path = "../../../examples/sessions.rs"]
pub(super) mod example;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use portcullis::testing::FakeClock;
use reqwest::Client;
use reqwest::redirect::Policy;
use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;

use self::example::{AppState, app, sessions};
use crate::support::response::TestResponse;
use crate::support::running_example::RunningExample;

struct Fixture {
    app: Router,
    clock: FakeClock,
    database: SqlitePool,
}

impl Fixture {
    /// The app with the accounts of Ann and Bob.
    async fn new() -> Self {
        let options = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        let (database, clock) = (options.connect("sqlite::memory:").await.unwrap(), FakeClock::new());
        let state = AppState::new(database.clone(), clock.clock()).await.unwrap();
        let bob = "INSERT INTO accounts SELECT 'bob', password_hash FROM accounts";
        sqlx::query(bob).execute(&database).await.unwrap();
        let sessions = sessions(database.clone(), clock.clock()).unwrap();
        let app = app(sessions, state).unwrap();
        Self { app, clock, database }
    }

    fn browser(&self, user_agent: &'static str) -> Browser<'_> {
        Browser { app: &self.app, user_agent, peer: ([203, 0, 113, 7], 4711).into(), cookie: None }
    }

    /// A browser in which a user has logged in.
    async fn log_in(&self, name: &str, user_agent: &'static str) -> Browser<'_> {
        let mut browser = self.browser(user_agent);
        let response = browser.submit("/login", &login(name, PASSWORD)).await;
        assert_eq!((response.status.as_u16(), location(&response)), (303, "/"), "{}", response.body);
        browser
    }

    async fn stored_sessions(&self) -> i64 {
        sqlx::query_scalar("SELECT COUNT(*) FROM sessions").fetch_one(&self.database).await.unwrap()
    }
}

/// A browser that shows the pages of the app, and has at most one cookie.
struct Browser<'a> {
    app: &'a Router,
    user_agent: &'static str,
    peer: SocketAddr,
    cookie: Option<String>,
}

impl Browser<'_> {
    /// Follows a link.
    async fn open(&mut self, path: &str) -> TestResponse {
        self.send(Method::GET, path, "same-origin", "").await
    }

    /// Submits a form of the app.
    async fn submit(&mut self, path: &str, form: &str) -> TestResponse {
        self.send(Method::POST, path, "same-origin", form).await
    }

    async fn send(&mut self, method: Method, path: &str, site: &str, form: &str) -> TestResponse {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .extension(self.peer)
            .header("accept", "text/html,*/*;q=0.8")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-site", site)
            .header("user-agent", self.user_agent);
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        let response = TestResponse::send(self.app, request.body(Body::from(form.to_owned())).unwrap()).await;
        check_page(&response);
        if let Some(set) = response.headers.get("set-cookie") {
            let (pair, attributes) = set.to_str().unwrap().split_once(';').unwrap();
            self.cookie = (!attributes.contains("Max-Age=0;")).then(|| pair.to_owned());
        }
        response
    }

    async fn is_logged_in(&mut self) -> bool {
        self.open("/").await.status == 200
    }
}

/// Every response with a body is a page whose style has the nonce of the policy, and that has no inline handler.
#[track_caller]
fn check_page(response: &TestResponse) {
    let policy = response.headers["content-security-policy"].to_str().unwrap();
    assert!(!policy.contains("unsafe"), "{policy}");
    if response.body.is_empty() {
        return;
    }
    let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    let page = &response.body;
    assert_eq!(response.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!((page.matches("<style").count(), page.matches(&format!("<style nonce=\"{nonce}\">")).count()), (1, 1));
    for inline in ["<script", " style=", " onclick", " onsubmit", " onload", "javascript:"] {
        assert!(!page.contains(inline), "{inline}: {page}");
    }
}

fn location(response: &TestResponse) -> &str {
    response.headers.get("location").map_or("", |location| location.to_str().unwrap())
}

fn set_cookie(response: &TestResponse) -> &str {
    response.headers["set-cookie"].to_str().unwrap()
}

fn login(name: &str, password: &str) -> String {
    format!("name={name}&password={}", password.replace(' ', "+"))
}

/// The paths of the buttons of a page of devices, in its order.
fn log_out_paths(page: &str) -> Vec<String> {
    let actions = page.split("action=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    actions.filter(|action| action.starts_with("/devices/") && action.ends_with("/log-out")).collect()
}

const PASSWORD: &str = "correct horse battery";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                      Version/18.0 Mobile/15E148 Safari/604.1";

#[tokio::test]
async fn a_user_logs_in_and_returns_to_the_page_that_was_asked_for() {
    let fixture = Fixture::new().await;
    let mut browser = fixture.browser(FIREFOX);
    let response = browser.open("/devices?a=b").await;
    assert_eq!(response.status, 303);
    let login_page = location(&response).to_owned();
    assert!(login_page.starts_with("/login?return_to="), "{login_page}");
    let page = browser.open(&login_page).await;
    assert_eq!(page.status, 200);
    // Without an action, the form is sent to the same address.
    assert!(page.body.contains("<form method=\"post\">"), "{}", page.body);
    let response = browser.submit(&login_page, &login("+Ann+", PASSWORD)).await;
    assert_eq!((response.status.as_u16(), location(&response)), (303, "/devices?a=b"));
    assert!(set_cookie(&response).starts_with("__Host-session="));
    assert!(set_cookie(&response).ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"), "without Max-Age");
    assert!(browser.open("/").await.body.contains("Hello, ann"));
    // A user who is logged in is redirected from the login page.
    let response = browser.open(&login_page).await;
    assert_eq!((response.status.as_u16(), location(&response)), (303, "/devices?a=b"));
}

#[tokio::test]
async fn the_cookie_outlives_the_browser_if_the_user_wants_it() {
    let fixture = Fixture::new().await;
    let form = login("ann", PASSWORD) + "&remember=yes";
    let response = fixture.browser(FIREFOX).submit("/login", &form).await;
    assert!(set_cookie(&response).contains("; Max-Age=1209600; "), "14 days");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_get_the_same_message() {
    let fixture = Fixture::new().await;
    let mut bodies = Vec::new();
    for form in [login("ann", "wrong"), login("eve", PASSWORD), login("eve", "")] {
        let response = fixture.browser(FIREFOX).submit("/login", &form).await;
        assert_eq!((response.status.as_u16(), response.headers.get("set-cookie")), (403, None));
        assert!(response.body.contains("The user name or the password is wrong."));
        let style = response.body.split("</style>").nth(1).unwrap();
        bodies.push(style.replace("value=\"ann\"", "value=\"eve\""));
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    assert_eq!(fixture.stored_sessions().await, 0);
}

#[tokio::test]
async fn the_name_in_the_form_is_escaped() {
    let fixture = Fixture::new().await;
    let form = "name=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&password=wrong";
    let response = fixture.browser(FIREFOX).submit("/login", form).await;
    assert!(response.body.contains("value=\"&quot;&gt;&lt;script&gt;alert(1)"), "{}", response.body);
}

#[tokio::test]
async fn guesses_are_limited_by_account_and_by_address() {
    let fixture = Fixture::new().await;
    let mut browser = fixture.browser(FIREFOX);
    for address in 1..=5 {
        browser.peer = ([203, 0, 113, address], 4711).into();
        assert_eq!(browser.submit("/login", &login("ann", "wrong")).await.status, 403);
    }
    let response = browser.submit("/login", &login("ann", PASSWORD)).await;
    assert_eq!(response.status, 429);
    assert!(response.headers.contains_key("retry-after"));
    assert!(response.body.contains("Try again in "), "{}", response.body);
    assert_eq!(browser.submit("/login", &login("bob", PASSWORD)).await.status, 303);

    browser.peer = ([203, 0, 113, 99], 4711).into();
    for name in 0..20 {
        assert_eq!(browser.submit("/login", &login(&format!("name{name}"), "wrong")).await.status, 403);
    }
    assert_eq!(browser.submit("/login", &login("bob", PASSWORD)).await.status, 429);
}

#[tokio::test]
async fn the_list_describes_each_session_and_begins_with_the_current_one() {
    let fixture = Fixture::new().await;
    let mut phone = fixture.log_in("ann", IPHONE).await;
    fixture.clock.advance(3 * HOUR);
    fixture.log_in("bob", FIREFOX).await;
    let mut current = fixture.log_in("ann", FIREFOX).await;
    fixture.clock.advance(5 * MINUTE);
    let page = current.open("/devices").await.body;
    let [first, second] = page.split("<li>").skip(1).collect::<Vec<_>>()[..] else { panic!("{page}") };
    for text in ["Firefox on Linux", "this device", "203.0.113.7", "5 minutes ago"] {
        assert!(first.contains(text), "{text}: {first}");
    }
    for text in ["Safari on iPhone", "203.0.113.7", "3 hours ago"] {
        assert!(second.contains(text), "{text}: {second}");
    }
    assert!(!second.contains("this device"));
    assert!(phone.is_logged_in().await);
}

#[tokio::test]
async fn a_user_logs_out_another_device() {
    let fixture = Fixture::new().await;
    let mut phone = fixture.log_in("ann", IPHONE).await;
    let mut current = fixture.log_in("ann", FIREFOX).await;
    let paths = log_out_paths(&current.open("/devices").await.body);
    let response = current.submit(&paths[1], "").await;
    assert_eq!((response.status.as_u16(), location(&response)), (303, "/devices?done=logged-out"));
    assert!(!phone.is_logged_in().await);
    let page = current.open("/devices?done=logged-out").await.body;
    assert!(page.contains("The device is logged out.") && !page.contains("iPhone"));
    assert!(!page.contains("Log out all other devices"), "there are none");
    // The button of a page that was already open.
    assert_eq!(current.submit(&paths[1], "").await.status, 303);
    // The current session.
    let response = current.submit(&paths[0], "").await;
    assert!(set_cookie(&response).contains("Max-Age=0"));
    assert!(!current.is_logged_in().await);
}

#[tokio::test]
async fn a_user_logs_out_all_other_devices() {
    let fixture = Fixture::new().await;
    let mut phone = fixture.log_in("ann", IPHONE).await;
    let mut bob = fixture.log_in("bob", IPHONE).await;
    let mut current = fixture.log_in("ann", FIREFOX).await;
    let response = current.submit("/devices/log-out-others", "").await;
    assert_eq!((response.status.as_u16(), location(&response)), (303, "/devices?done=others"));
    assert!(!phone.is_logged_in().await);
    assert!(current.is_logged_in().await && bob.is_logged_in().await);
    assert_eq!(fixture.stored_sessions().await, 2);
}

#[tokio::test]
async fn the_session_of_another_user_is_not_ended() {
    let fixture = Fixture::new().await;
    let mut bob = fixture.log_in("bob", FIREFOX).await;
    let path = log_out_paths(&bob.open("/devices").await.body).remove(0);
    let mut ann = fixture.log_in("ann", FIREFOX).await;
    for path in [&*path, "/devices/AAAAAAAAAAAAAAAAAAAAAA/log-out"] {
        assert_eq!(location(&ann.submit(path, "").await), "/devices?done=logged-out", "as for an unknown id");
    }
    assert!(bob.is_logged_in().await);
    assert_eq!(ann.submit("/devices/unknown/log-out", "").await.status, 404);
}

#[tokio::test]
async fn a_logout_ends_the_session_and_clears_the_cookie() {
    let fixture = Fixture::new().await;
    let mut browser = fixture.log_in("ann", FIREFOX).await;
    let copy = browser.cookie.clone();
    let response = browser.submit("/log-out", "").await;
    assert_eq!((response.status.as_u16(), location(&response)), (303, "/login"));
    assert_eq!((browser.cookie.as_deref(), fixture.stored_sessions().await), (None, 0));
    browser.cookie = copy;
    assert!(!browser.is_logged_in().await);
    let response = browser.submit("/log-out", "").await;
    assert_eq!(response.status, 401);
    assert!(response.body.contains("You are logged out"), "{}", response.body);
}

#[tokio::test]
async fn a_form_of_another_site_is_rejected() {
    let fixture = Fixture::new().await;
    let mut browser = fixture.log_in("ann", FIREFOX).await;
    let path = log_out_paths(&browser.open("/devices").await.body).remove(0);
    for site in ["cross-site", "same-site"] {
        for path in ["/log-out", "/devices/log-out-others", "/confirm", "/password", &path] {
            assert_eq!(browser.send(Method::POST, path, site, "password=a").await.status, 403, "{path}");
        }
        // Logs the victim in as the attacker.
        let response = fixture.browser(FIREFOX).send(Method::POST, "/login", site, &login("bob", PASSWORD)).await;
        assert_eq!((response.status.as_u16(), response.headers.get("set-cookie")), (403, None));
        assert!(response.body.contains("did not come from a page of this site"), "{}", response.body);
    }
    assert!(browser.is_logged_in().await);
    // A link on another site opens the page.
    assert_eq!(browser.send(Method::GET, "/devices", "cross-site", "").await.status, 200);
}

#[tokio::test]
async fn the_password_is_changed_after_it_was_entered_again() {
    let fixture = Fixture::new().await;
    let mut phone = fixture.log_in("ann", IPHONE).await;
    let mut browser = fixture.log_in("ann", FIREFOX).await;
    assert_eq!(browser.open("/password").await.status, 200, "the login is recent");
    fixture.clock.advance(5 * MINUTE);
    let change = format!("password={}", NEW_PASSWORD.replace(' ', "+"));
    for response in [browser.open("/password").await, browser.submit("/password", &change).await] {
        assert_eq!((response.status.as_u16(), location(&response)), (303, "/confirm"));
    }
    assert_eq!(browser.open("/confirm").await.status, 200);
    let response = browser.submit("/confirm", "password=wrong").await;
    assert_eq!(response.status, 403);
    assert!(response.body.contains("The password is wrong."));
    assert_eq!(location(&browser.open("/password").await), "/confirm");

    let before = browser.cookie.clone();
    let response = browser.submit("/confirm", &login("", PASSWORD)).await;
    assert_eq!((response.status.as_u16(), location(&response)), (303, "/password"));
    assert_ne!(browser.cookie, before);
    assert_eq!(browser.open("/password").await.status, 200);
    assert_eq!(browser.submit("/password", "password=too+short").await.status, 422);
    let response = browser.submit("/password", &change).await;
    assert_eq!((response.status.as_u16(), location(&response)), (303, "/devices?done=password"));
    assert!(browser.is_logged_in().await && !phone.is_logged_in().await);
    assert_eq!(phone.submit("/login", &login("ann", PASSWORD)).await.status, 403);
    assert_eq!(phone.submit("/login", &login("ann", NEW_PASSWORD)).await.status, 303);
}

#[tokio::test]
async fn a_session_ends_after_a_day_without_use_and_after_two_weeks() {
    let fixture = Fixture::new().await;
    let mut idle = fixture.log_in("ann", IPHONE).await;
    let mut used = fixture.log_in("ann", FIREFOX).await;
    for _ in 0..14 {
        assert!(used.is_logged_in().await);
        fixture.clock.advance(24 * HOUR - MINUTE);
    }
    assert!(used.is_logged_in().await && !idle.is_logged_in().await);
    fixture.clock.advance(14 * MINUTE);
    assert!(!used.is_logged_in().await);
}

#[tokio::test]
async fn clients_that_show_no_pages_get_problem_details() {
    let fixture = Fixture::new().await;
    let response = TestResponse::get(&fixture.app, "/devices", &[("accept", "application/json")]).await;
    assert_eq!((response.status.as_u16(), response.challenge()), (401, "Session realm=\"api\""));
    assert_eq!(response.headers["content-type"], "application/problem+json");
}

#[tokio::test]
async fn the_printed_user_can_log_in_at_the_printed_address() {
    let mut example = RunningExample::start("sessions");
    let (url, name, password) = (example.next_line(), example.next_line(), example.next_line());
    let name = name.strip_prefix("User name: ").unwrap();
    let form = login(name, password.strip_prefix("Password: ").unwrap());
    let client = Client::builder().redirect(Policy::none()).build().unwrap();
    let request = client.post(format!("{url}login")).header("sec-fetch-site", "same-origin");
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
    let response = request.send().await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["location"]), (303, &"/".parse().unwrap()));
    assert!(response.headers()["set-cookie"].to_str().unwrap().starts_with("__Host-session="));
}

const NEW_PASSWORD: &str = "four random words here";
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
