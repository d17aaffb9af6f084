//! Tests of an app's own routes: without tokens, with signed tokens, and with a fake clock.
//!
//! Run the tests with `cargo test --example testing`. `cargo run --example testing` starts the app;
//! `PORT=3001` selects another port. Its issuer does not exist, so the printed `curl` command gets a
//! 401.
//!
//! ```toml
//! [dev-dependencies]
//! portcullis = { version = "0.1", features = ["testing"] }
//! tower = { version = "0.5", features = ["util"] }
//! ```

use std::env;
use std::error::Error;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use portcullis::clock::Clock;
use portcullis::rate_limit::Key;
use portcullis::{
    ConfigError, Issuer, JwtAuth, Quota, RateLimit, RequireScope, Stack, UserContext,
};
use tokio::net::TcpListener;

/// The routes with their requirements, but without a layer that authenticates.
fn routes() -> Result<Router, ConfigError> {
    let publish = post(|| async { StatusCode::NO_CONTENT }).layer(RequireScope::new("publish")?);
    Ok(Router::new().route("/me", get(me)).route("/publish", publish))
}

async fn me(user: UserContext) -> String {
    format!("{}\n", user.id())
}

/// The whole app. What differs in tests is an argument: the issuer and the clock.
fn app(issuer: Issuer, clock: Clock) -> Result<Router, ConfigError> {
    let quota = Quota::per_minute(2)?;
    let limit = RateLimit::builder().quota(quota).key(Key::user()).clock(clock.clone()).build()?;
    let auth = JwtAuth::builder().issuer(issuer).audience("api").clock(clock).build()?;
    Ok(routes()?.layer(Stack::builder().authenticate(auth).limit_by_user(limit).build()?))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))
        .await
        .map_err(|error| format!("PORT={port}: {error}"))?;
    let app = app(Issuer::discover("https://auth.example.com"), Clock::system())?;
    println!("curl -i http://{}/me", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;
    use axum::http::Request;
    use portcullis::testing::{FakeClock, TestIssuer, as_anonymous, as_user};
    use portcullis::{Algorithm, Scopes};
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn only_users_with_the_scope_may_publish() {
        let ann = UserContext::new("ann").with_scopes(Scopes::new(["publish"]).unwrap());
        let bob = UserContext::new("bob");
        for (caller, status) in [(as_user(ann), 204), (as_user(bob), 403), (as_anonymous(), 401)] {
            let app = routes().unwrap().layer(caller);
            let request = Request::post("/publish").body(Body::empty()).unwrap();
            assert_eq!(app.oneshot(request).await.unwrap().status(), status);
        }
    }

    /// Sends `GET /me` after each of these waits, with a token that is valid for an hour.
    async fn statuses(waits: [u64; 4]) -> Vec<u16> {
        let clock = FakeClock::new();
        let issuer = TestIssuer::start_with(Algorithm::Es256, clock.clock()).await.unwrap();
        let app = app(Issuer::discover(issuer.url()), clock.clock()).unwrap();
        let token = issuer.token("ann").audience("api").expires_in(Duration::from_secs(3600));
        let credential = format!("Bearer {}", token.sign());
        let mut statuses = Vec::new();
        for seconds in waits {
            clock.advance(Duration::from_secs(seconds));
            let request = Request::get("/me").header("authorization", &credential);
            let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            statuses.push(response.status().as_u16());
        }
        statuses
    }

    #[tokio::test]
    async fn a_user_may_send_two_requests_a_minute() {
        assert_eq!(statuses([0, 0, 0, 60]).await, [200, 200, 429, 200]);
    }

    #[tokio::test]
    async fn a_token_is_valid_for_its_lifetime_and_a_leeway_of_a_minute() {
        assert_eq!(statuses([0, 3599, 60, 1]).await, [200, 200, 200, 401]);
    }
}
