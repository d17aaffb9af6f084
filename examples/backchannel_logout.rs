//! An API whose tokens and event streams end when the user logs out at the OpenID provider.
//!
//! Run `cargo run --example backchannel_logout`; `PORT=3001` selects another port. It prints
//! commands for other terminals: they export the tokens of two logins and a logout token, and send
//! them with `curl`. Read `/events` in one terminal while you send the logout token in another; run
//! the exports in both.
//!
//! For your own provider, set `ISSUER`, `AUDIENCE` and `CLIENT_ID`. Register the URL of
//! `/backchannel-logout` as `backchannel_logout_uri` of the client that obtains the access tokens.
//! With `backchannel_logout_session_required`, one logout does not end the user's other logins; the
//! access tokens then need a `sid`.
//!
//! The provider calls only one process. With `REDIS_URL=redis://127.0.0.1`, all processes share
//! what is revoked. For an app with pages and sessions, see `oidc_login`.

use std::convert::Infallible;
use std::env;
use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use futures_util::{Stream, stream};
use portcullis::testing::TestIssuer;
use portcullis::{
    BackChannelLogout, ConfigError, EndStreams, Issuer, JwtAuth, Revocations, UserContext,
};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::interval;

/// The API. Without logout, it would not have the lines with a number.
fn app(
    issuer: &str,
    audience: &str,
    client_id: &str,
    revocations: &Revocations,
) -> Result<Router, ConfigError> {
    let auth = JwtAuth::builder()
        .issuer(Issuer::discover(issuer))
        .audience(audience)
        .revocations(revocations) // 1: rejects tokens that were revoked
        .build()?;
    // 2: revokes what a logout token names
    let logout = BackChannelLogout::builder()
        .keys_from(&auth)
        .client_id(client_id)
        .revocations(revocations)
        .build()?;
    Ok(Router::new()
        .route("/me", get(async |user: UserContext| format!("{}\n", user.id())))
        .route("/events", get(events))
        .layer(EndStreams::new()) // 3: ends what is open
        .layer(auth)
        // 4: after the layer, because the provider sends no access token
        .route_service("/backchannel-logout", logout))
}

/// Sends a number each second, for as long as the client reads.
async fn events() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let seconds = interval(Duration::from_secs(1));
    Sse::new(stream::unfold((0, seconds), async |(number, mut seconds)| {
        seconds.tick().await;
        Some((Ok(Event::default().data(number.to_string())), (number + 1, seconds)))
    }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let setting = |name, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    let port = setting("PORT", "3000");
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))
        .await
        .map_err(|error| format!("PORT={port}: {error}"))?;
    let url = format!("http://{}", listener.local_addr()?);
    let revocations = match env::var("REDIS_URL") {
        Ok(url) => Revocations::builder().redis_stream(&url).build()?,
        Err(_) => Revocations::builder().build()?,
    };
    // Reads what other processes revoked, so that no request gets 503.
    revocations.wait_until_ready().await;

    // Without `ISSUER`, an issuer in this process replaces the provider.
    let test_issuer = TestIssuer::start().await?;
    let issuer = setting("ISSUER", test_issuer.url());
    let audience = setting("AUDIENCE", "https://api.example.com");
    let client_id = setting("CLIENT_ID", "web");
    if issuer == test_issuer.url() {
        print_logins(&test_issuer, &audience, &client_id, &url);
    } else {
        print_requests(&url, "TOKEN");
    }
    let app = app(&issuer, &audience, &client_id, &revocations)?;
    Ok(axum::serve(listener, app).await?)
}

/// Prints two logins of a user, and the logout of the first one by the provider.
fn print_logins(issuer: &TestIssuer, audience: &str, client_id: &str, url: &str) {
    println!("# The tokens are valid for five minutes. Start the example again for new ones.");
    for name in ["LAPTOP", "PHONE"] {
        let token = issuer.token("ann").session_id(name).audience(audience);
        println!("export {name}={}", token.sign());
        print_requests(url, name);
    }
    let token = issuer.token("ann").session_id("LAPTOP").audience(client_id);
    let token = token.header("typ", "logout+jwt").claim("events", json!({ LOGOUT_EVENT: {} }));
    println!("# The provider logs the laptop out:");
    println!("export LOGOUT_TOKEN={}", token.sign());
    println!("curl -i {url}/backchannel-logout -d \"logout_token=$LOGOUT_TOKEN\"");
}

fn print_requests(url: &str, name: &str) {
    for path in ["/me", "/events"] {
        println!("curl -i {url}{path} -H \"Authorization: Bearer ${name}\"");
    }
}

const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
