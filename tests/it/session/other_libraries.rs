//! `UserFrom` over axum-login and tower-sessions.

use std::convert::Infallible;

use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use axum_login::{AuthManagerLayerBuilder, AuthSession, AuthUser, AuthnBackend};
use portcullis::context::Credential;
use portcullis::rate_limit::Key;
use portcullis::session::UserFrom;
use portcullis::{Permission, Quota, RateLimit, RequireCredential, RequirePermission, UserContext};
use tower_sessions::{MemoryStore, Session as TowerSession, SessionManagerLayer};

use super::*;
use crate::support::log_capture::LogCapture;

#[derive(Clone, Debug)]
struct Member(String);

impl AuthUser for Member {
    type Id = String;

    fn id(&self) -> String {
        self.0.clone()
    }

    fn session_auth_hash(&self) -> &[u8] {
        b"the hash of the password"
    }
}

#[derive(Clone)]
struct Backend;

impl AuthnBackend for Backend {
    type User = Member;
    type Credentials = String;
    type Error = Infallible;

    async fn authenticate(&self, name: String) -> Result<Option<Member>, Infallible> {
        Ok(Some(Member(name)))
    }

    async fn get_user(&self, name: &String) -> Result<Option<Member>, Infallible> {
        Ok(Some(Member(name.clone())))
    }
}

fn user(name: &str) -> UserContext {
    UserContext::new(name).with_permissions([Permission::new(&format!("{name}:all")).unwrap()])
}

fn of_axum_login() -> UserFrom {
    UserFrom::extension(|session: &AuthSession<Backend>| session.user.as_ref().map(|member| user(&member.0)))
}

/// Routes that require a user, an administrator and a session, with two requests per user.
fn app(auth: UserFrom) -> Router {
    let limit = RateLimit::builder().quota(Quota::per_hour(2).unwrap()).key(Key::user()).build().unwrap();
    let limited = Router::new().route("/limited", get(|| async {})).layer(limit);
    Router::new()
        .route("/me", get(async |user: UserContext| user.id().to_owned()))
        .route("/admin", get(|| async {}).layer(RequirePermission::new("admin:all").unwrap()))
        .route("/session", get(|| async {}).layer(RequireCredential::any([Credential::Session]).unwrap()))
        .merge(limited)
        .layer(auth)
}

/// A client with the cookie of the other library.
#[derive(Default)]
struct Client(Option<String>);

impl Client {
    async fn send(&mut self, app: &Router, method: Method, path: &str) -> TestResponse {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(cookie) = &self.0 {
            request = request.header("cookie", cookie);
        }
        let response = TestResponse::send(app, request.body(Body::empty()).unwrap()).await;
        if let Some(cookie) = response.headers.get("set-cookie") {
            self.0 = cookie.to_str().unwrap().split(';').next().map(str::to_owned);
        }
        response
    }

    async fn get(&mut self, app: &Router, path: &str) -> TestResponse {
        self.send(app, Method::GET, path).await
    }
}

async fn check(app: &Router) {
    let mut anonymous = Client::default();
    for path in ["/me", "/admin", "/session", "/limited"] {
        let response = anonymous.get(app, path).await;
        assert_eq!((response.status.as_u16(), response.body.contains("anonymous")), (401, false), "{path}");
    }
    let (mut ann, mut admin) = (Client::default(), Client::default());
    assert_eq!(ann.send(app, Method::POST, "/login?user=ann").await.status, 200);
    assert_eq!(admin.send(app, Method::POST, "/login?user=admin").await.status, 200);
    assert_eq!(ann.get(app, "/me").await.body, "ann");
    assert_eq!(ann.get(app, "/session").await.status, 200);
    assert_eq!(ann.get(app, "/admin").await.status, 403);
    assert_eq!(admin.get(app, "/admin").await.status, 200);
    for status in [200, 200, 429] {
        assert_eq!(ann.get(app, "/limited").await.status, status);
    }
    assert_eq!(admin.get(app, "/limited").await.status, 200, "the quota is of one user");
}

#[tokio::test]
async fn requirements_and_rate_limits_work_over_axum_login() {
    let log_in = async |mut session: AuthSession<Backend>, Query(login): Query<Login>| {
        let member = session.authenticate(login.user).await.unwrap().unwrap();
        session.login(&member).await.unwrap();
    };
    let layer = AuthManagerLayerBuilder::new(Backend, SessionManagerLayer::new(MemoryStore::default())).build();
    check(&app(of_axum_login()).route("/login", post(log_in)).layer(layer)).await;
}

/// What a middleware of the app reads from the session.
#[derive(Clone)]
struct LoggedIn(Option<String>);

#[tokio::test]
async fn requirements_and_rate_limits_work_over_tower_sessions() {
    let read = async |session: TowerSession, mut request: Request<Body>, next: Next| -> Response {
        let name = session.get::<String>("user").await.unwrap();
        request.extensions_mut().insert(LoggedIn(name));
        next.run(request).await
    };
    let log_in = async |session: TowerSession, Query(login): Query<Login>| {
        session.cycle_id().await.unwrap();
        session.insert("user", login.user).await.unwrap();
    };
    let auth = UserFrom::extension(|LoggedIn(name): &LoggedIn| name.as_deref().map(user));
    let app = app(auth).layer(from_fn(read)).route("/login", post(log_in));
    check(&app.layer(SessionManagerLayer::new(MemoryStore::default()))).await;
}

#[tokio::test]
async fn without_axum_login_outside_it_the_response_is_500_with_a_log_line_and_never_anonymous() {
    let logs = LogCapture::start();
    let layer = AuthManagerLayerBuilder::new(Backend, SessionManagerLayer::new(MemoryStore::default())).build();
    let me = || Router::new().route("/", get(async |user: Option<UserContext>| format!("{}", user.is_none())));
    for app in [
        me().layer(of_axum_login()),
        me().layer(of_axum_login().to_optional()),
        // In the wrong order.
        me().layer(layer).layer(of_axum_login().to_optional()),
    ] {
        let response = Browser::default().get(&app, "/").await;
        assert_eq!((response.status.as_u16(), response.denial.unwrap().code()), (500, "server_misconfigured"));
    }
    assert_eq!(logs.count("UserFrom requires the layer that inserts this extension"), 3);
    assert!(logs.text().contains("AuthSession"));
}
