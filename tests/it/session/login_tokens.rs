//! Access tokens of the same login at an OpenID provider, which end with the session.

use std::future::Future;

use portcullis::session::SessionError;
use portcullis::testing::TokenBuilder;
use portcullis::{Issuer, JwtAuth, Revocations};

use super::*;

const ISSUER: &str = "https://id.example.com";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// An app with sessions and an API.
struct Login {
    here: Fixture,
    api: Router,
    login: Router,
}

impl Login {
    fn new() -> Self {
        let clock = fake_clock();
        let revocations = Revocations::builder().clock(clock.clock()).build().unwrap();
        let store = TestStore::new(MemorySessions::new().with_clock(clock.clock()));
        let here = Fixture::of(store, clock.clone(), |builder| builder.revocations(&revocations));
        let auth = JwtAuth::builder().issuer(Issuer::hs256(ISSUER, SECRET).first_party()).audience("api");
        let auth = auth.clock(clock.clock()).revocations(&revocations).build().unwrap();
        let api = Router::new().route("/", any(async || ())).layer(auth);
        let log_in = async |session: Session| {
            let user = UserContext::new("ann").with_issuer(ISSUER).with_session_id("sid-7");
            session.log_in(user).await.map(drop)
        };
        let login = Router::new().route("/login", post(log_in)).layer(here.sessions.to_optional());
        Self { here, api, login }
    }

    async fn log_in(&self, browser: &mut Browser) {
        let response = browser.post(&self.login, "/login").await;
        assert_eq!((response.status.as_u16(), browser.cookie.is_some()), (200, true), "{}", response.body);
    }

    /// A token of this session that is issued now.
    fn token(&self, session: &str) -> String {
        let now = self.here.clock.clock().since_epoch().as_secs();
        let token = TokenBuilder::first_party(ISSUER, SECRET, "ann").audience("api").session_id(session);
        token.claim("iat", now).claim("exp", now + 300).sign()
    }

    /// The status of a request with this token.
    async fn api(&self, token: &str) -> u16 {
        let bearer = format!("Bearer {token}");
        TestResponse::get(&self.api, "/", &[("authorization", &bearer)]).await.status.as_u16()
    }

    /// Asserts that this ends the session of a browser and the tokens of its login.
    async fn assert_ends<F: Future>(end: impl FnOnce(Browser, SessionId, Router, SessionAuth) -> F) {
        let test = Self::new();
        let mut browser = Browser::default();
        test.log_in(&mut browser).await;
        let (token, other) = (test.token("sid-7"), test.token("sid-8"));
        assert_eq!((test.api(&token).await, test.api(&other).await), (200, 200));
        let id = *test.here.sessions.list(Some(ISSUER), "ann").await.unwrap()[0].id();
        end(browser.clone(), id, test.here.app.clone(), test.here.sessions.clone()).await;
        assert_eq!((browser.clone().me(&test.here.app).await, test.api(&token).await), (401, 401));
        assert_eq!(test.api(&other).await, 200, "another login of the user");
        // The user logs in again by the session at the provider, at once.
        test.log_in(&mut browser).await;
        assert_eq!(browser.me(&test.here.app).await, 200);
        test.here.clock.advance(SECOND);
        assert_eq!((test.api(&token).await, test.api(&test.token("sid-7")).await), (401, 200));
    }
}

#[tokio::test]
async fn a_logout_revokes_the_tokens_of_the_same_login_that_were_issued_until_then() {
    Login::assert_ends(async |mut browser, _, app, _| {
        assert_eq!(browser.post(&app, "/logout").await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_logout_by_an_administrator_revokes_them_too() {
    Login::assert_ends(async |_, id, _, sessions| {
        sessions.revoke(Some(ISSUER), "ann", &id).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_logout_from_another_device_revokes_them_too() {
    Login::assert_ends(async |_, id, _, sessions| {
        // The other device has a login of its own.
        let revoke = async move |session: Session| {
            let user = UserContext::new("ann").with_issuer(ISSUER).with_session_id("sid-8");
            session.log_in(user).await?;
            session.revoke(&id).await?;
            Ok::<_, SessionError>(())
        };
        let app = Router::new().route("/", post(revoke)).layer(sessions.to_optional());
        assert_eq!(Browser::default().post(&app, "/").await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_logout_is_effective_for_the_tokens_even_if_the_store_is_down() {
    let test = Login::new();
    let mut browser = Browser::default();
    test.log_in(&mut browser).await;
    let token = test.token("sid-7");
    assert_eq!((browser.me(&test.here.app).await, test.api(&token).await), (200, 200));
    test.here.store.set_down(true);
    assert_eq!(browser.post(&test.here.app, "/logout").await.status, 503);
    assert_eq!(test.api(&token).await, 401);
}

#[tokio::test]
async fn a_new_login_of_the_same_browser_revokes_no_tokens() {
    let test = Login::new();
    let mut browser = Browser::default();
    test.log_in(&mut browser).await;
    let token = test.token("sid-7");
    test.log_in(&mut browser).await;
    assert_eq!((browser.me(&test.here.app).await, test.api(&token).await), (200, 200));
}

#[tokio::test]
async fn an_empty_session_id_is_no_login_that_users_share() {
    let clock = fake_clock();
    let revocations = Revocations::builder().clock(clock.clock()).build().unwrap();
    let store = TestStore::new(MemorySessions::new().with_clock(clock.clock()));
    let here = Fixture::of(store, clock, |builder| builder.revocations(&revocations));
    // As of an ID token without `sid`.
    let log_in = async |session: Session, Query(login): Query<super::Login>| {
        let user = UserContext::new(login.user).with_issuer(ISSUER).with_session_id(String::default());
        session.log_in(user).await.map(drop)
    };
    let login = Router::new().route("/login", post(log_in)).layer(here.sessions.to_optional());
    let (mut ann, mut bob) = (Browser::default(), Browser::default());
    ann.post(&login, "/login?user=ann").await;
    bob.post(&login, "/login?user=bob").await;
    assert_eq!((ann.me(&here.app).await, bob.me(&here.app).await), (200, 200));
    assert_eq!(ann.clone().post(&here.app, "/logout").await.status, 200);
    assert_eq!((ann.me(&here.app).await, bob.me(&here.app).await), (401, 200));
}
