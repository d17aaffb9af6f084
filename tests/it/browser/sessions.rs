//! `SessionAuth` in a browser: logins by a form, timeouts, several tabs and devices, and pages of other sites.

mod cookie;
mod devices;
mod login;
mod logout;
mod other_origins;
mod renewal;
mod subdomains;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{OriginalUri, Request, WebSocketUpgrade};
use axum::middleware::{Next, from_fn};
use axum::response::{Html, Redirect};
use axum::routing::{any, get, post};
use axum::{Form, Router};
use portcullis::gate::Denial;
use portcullis::session::{MemorySessions, Session, SessionAuthBuilder};
use portcullis::testing::FakeClock;
use portcullis::{Csrf, SecurityHeaders, SessionAuth, UserContext};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Chromium, Site, Tab, assert_reads, assert_unreadable, fetch};

/// An app with a login form, its clock, and the requests that it received.
struct App {
    site: Site,
    host: &'static str,
    clock: FakeClock,
    requests: Arc<Mutex<Vec<Received>>>,
    /// The number of calls of the handlers of `/transfer` and `/socket`.
    handled: Arc<AtomicUsize>,
}

/// A request, and the status of its response.
struct Received {
    /// For example `POST /logout 303`.
    line: String,
    cookies: String,
}

impl App {
    fn new() -> Self {
        Self::with(|builder| builder)
    }

    fn with(change: impl FnOnce(SessionAuthBuilder) -> SessionAuthBuilder) -> Self {
        Self::layered("localhost", change, |app, _| app)
    }

    /// An app under this name, with these settings, and with outer layers.
    fn layered(
        host: &'static str,
        change: impl FnOnce(SessionAuthBuilder) -> SessionAuthBuilder,
        layers: impl FnOnce(Router, &SessionAuth) -> Router,
    ) -> Self {
        let clock = FakeClock::new();
        let store = MemorySessions::new().with_clock(clock.clock());
        let builder = SessionAuth::builder().store(store).clock(clock.clock()).login_page("/login");
        let handled = Arc::new(AtomicUsize::new(0));
        let sessions = change(builder).build().unwrap();
        let app = layers(routes(&sessions, &handled), &sessions);
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        let app = app.layer(from_fn(move |request: Request, next: Next| {
            let log = Arc::clone(&log);
            async move {
                let line = format!("{} {}", request.method(), request.uri().path());
                let cookies = request.headers().get_all("cookie").iter().map(|cookie| cookie.to_str().unwrap());
                let cookies = cookies.collect::<Vec<_>>().join("; ");
                let response = next.run(request).await;
                let line = format!("{line} {}", response.status().as_u16());
                // Some tabs ask for an icon.
                if !line.starts_with("GET /favicon.ico ") {
                    log.lock().unwrap().push(Received { line, cookies });
                }
                response
            }
        }));
        Self { site: Site::of(app), host, clock, requests, handled }
    }

    fn origin(&self) -> String {
        self.site.origin_as(self.host)
    }

    fn url(&self, path: &str) -> String {
        self.origin() + path
    }

    /// Opens the login page and logs this user in, as a user does.
    fn log_in<'a>(&self, browser: &'a Chromium, user: &str) -> Tab<'a> {
        let tab = browser.open(&self.url("/login"));
        tab.type_and_enter(user);
        assert_eq!(shown(&tab), format!("/ {user}"));
        self.log();
        tab
    }

    /// Returns the requests since the last call, each with the status of its response.
    fn log(&self) -> Vec<String> {
        self.received().into_iter().map(|request| request.line).collect()
    }

    /// Returns the requests since the last call.
    fn received(&self) -> Vec<Received> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }

    fn handled(&self) -> usize {
        self.handled.load(SeqCst)
    }

    /// Returns the session cookies that the browser of this tab sends to the app.
    fn cookies(&self, tab: &Tab<'_>) -> Vec<Value> {
        let mut cookies = tab.cookies(&self.url("/"));
        cookies.retain(|cookie| cookie["name"].as_str().unwrap().ends_with("session"));
        cookies
    }

    /// Returns the value of the only session cookie.
    #[track_caller]
    fn secret(&self, tab: &Tab<'_>) -> String {
        let cookies = self.cookies(tab);
        assert_eq!(cookies.len(), 1, "{cookies:?}");
        cookies[0]["value"].as_str().unwrap().to_owned()
    }
}

fn routes(sessions: &SessionAuth, handled: &Arc<AtomicUsize>) -> Router {
    let count = Arc::clone(handled);
    let transfer = async move |_: UserContext| {
        count.fetch_add(1, SeqCst);
        "transferred"
    };
    let count = Arc::clone(handled);
    let socket = async move |_: UserContext, upgrade: WebSocketUpgrade| {
        count.fetch_add(1, SeqCst);
        upgrade.on_upgrade(async |_| {})
    };
    let login = Router::new()
        .route("/login", get(login_page).post(log_in))
        .layer(Csrf::default())
        .layer(sessions.to_optional());
    Router::new()
        .route("/", get(page))
        .route("/reports", get(page))
        .route("/transfer", post(transfer))
        .route("/socket", any(socket))
        .route("/renew", post(async |session: Session| session.renew().await.map_err(Denial::from)))
        .route("/devices", get(devices))
        .route("/log-out-others", post(log_out_others))
        .route("/logout", post(log_out))
        .layer(sessions.clone())
        .merge(login)
        // Browsers store no page of a user.
        .layer(SecurityHeaders::builder().no_store().build().unwrap())
}

/// Its form has no `action`, so the browser posts it with the query, which has the path to return to.
async fn login_page() -> Html<&'static str> {
    Html("<!doctype html><p>Log in</p><form method='post'><input name='user'><button>Log in</button></form>")
}

#[derive(Deserialize)]
struct Login {
    user: String,
}

async fn log_in(session: Session, Form(login): Form<Login>) -> Result<Redirect, Denial> {
    session.log_in(UserContext::new(login.user)).await?;
    Ok(Redirect::to(&session.return_path()))
}

async fn page(user: UserContext, OriginalUri(uri): OriginalUri) -> Html<String> {
    let button = |action| format!("<form method='post' action='{action}'><button>{action}</button></form>");
    let buttons = ["/log-out-others", "/logout"].map(button).concat();
    Html(format!("<!doctype html><title>{uri}</title><p>{}</p>{buttons}", user.id()))
}

/// Lists the sessions of the user. The current one is bold.
async fn devices(session: Session) -> Result<Html<String>, Denial> {
    let items = session.list().await?.into_iter().map(|session| {
        let name = if session.is_current() { "<b>this device</b>" } else { "another device" };
        format!("<li>{name}</li>")
    });
    Ok(Html(format!("<!doctype html><ul>{}</ul>", items.collect::<String>())))
}

async fn log_out_others(session: Session) -> Result<Redirect, Denial> {
    session.revoke_others().await?;
    Ok(Redirect::to("/devices"))
}

async fn log_out(session: Session) -> Result<Redirect, Denial> {
    session.log_out().await?;
    Ok(Redirect::to("/login"))
}

/// Returns the path and the first paragraph of the page that a tab shows: `/ ann`, or `/login Log in`.
fn shown(tab: &Tab<'_>) -> String {
    let shown = tab.run("`${location.pathname} ${document.querySelector('p')?.textContent}`");
    shown.as_str().unwrap().to_owned()
}

const ON_LOGIN_PAGE: &str = "/login Log in";

/// Clicks the button of the form with this action.
fn click(tab: &Tab<'_>, action: &str) {
    tab.leave(&format!("document.querySelector('[action=\"{action}\"] button').click()"));
}

/// Clicks a link to this URL.
fn follow_link(tab: &Tab<'_>, url: &str) {
    tab.leave(&format!(
        "{{
        const link = document.createElement('a');
        link.href = {};
        document.body.append(link);
        link.click();
    }}",
        json!(url)
    ));
}

/// Posts a form of the page to this URL, as a page of an attacker can without a click.
fn post_form(tab: &Tab<'_>, url: &str) {
    tab.leave(&format!(
        "{{
        const form = document.createElement('form');
        form.method = 'post';
        form.action = {};
        document.body.append(form);
        form.submit();
    }}",
        json!(url)
    ));
}

/// Opens a WebSocket to the app. Returns whether it opens.
fn opens_socket(tab: &Tab<'_>, app: &App) -> bool {
    let url = app.url("/socket").replacen("http", "ws", 1);
    let script = format!(
        "new Promise((resolve) => {{
        const socket = new WebSocket({});
        socket.onopen = () => resolve(true);
        socket.onerror = () => resolve(false);
    }})",
        json!(url)
    );
    tab.run(&script).as_bool().unwrap()
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
