//! Login and logout with an OpenID provider, in an app that renders pages on the server.
//!
//! To try it, start the provider of the repository's tests, which accepts every password:
//!
//! ```sh
//! npm ci --prefix tests/issuer
//! WEB_CLIENT_SECRET=secret node tests/issuer/server.mjs 4000
//! ```
//!
//! Run `cargo run --example oidc_login` in a second terminal, and open the printed URL in a
//! browser. `PORT=3001` selects another port; then start the provider with
//! `APP_URL=http://localhost:3001`.
//!
//! For your own provider, set `ISSUER`, `CLIENT_ID`, `CLIENT_SECRET` and `APP_URL`. Register these
//! URLs there: `/callback` (`redirect_uris`), `/signed-out` (`post_logout_redirect_uris`) and
//! `/backchannel-logout` (`backchannel_logout_uri`, with `backchannel_logout_session_required`).
//!
//! The folder `oidc_login` has the parts to copy: the client of the provider (`provider.rs`), the
//! cookie of a login in progress (`pending_login.rs`), and the pages (`pages.rs`).

#[path = "oidc_login/pages.rs"]
mod pages;
#[path = "oidc_login/pending_login.rs"]
mod pending_login;
#[path = "oidc_login/provider.rs"]
mod provider;

use std::env;
use std::error::Error;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::Markup;
use portcullis::gate::Denial;
use portcullis::headers::{Csp, Directive};
use portcullis::session::{MemorySessions, Session};
use portcullis::{
    BackChannelLogout, ConfigError, CspNonce, Issuer, JwtAuth, Revocations, SecurityHeaders,
    SessionAuth, Stack, UserContext,
};
use serde::Deserialize;
use tokio::net::TcpListener;

use crate::pending_login::PendingLogin;
use crate::provider::{Provider, ProviderError};

fn app(provider: Provider) -> Result<Router, ConfigError> {
    // In production, both are shared by all processes of the app.
    let (store, revocations) = (MemorySessions::new(), Revocations::builder().build()?);
    let sessions = SessionAuth::builder()
        .store(store)
        .login_page("/login")
        .revocations(&revocations)
        .build()?;

    // The provider sends no cookie, so the endpoint is outside the layers that authenticate.
    let keys = JwtAuth::builder()
        .issuer(Issuer::discover(provider.issuer()))
        .audience(provider.client_id())
        .build()?;
    let backchannel_logout = BackChannelLogout::builder()
        .keys_from(&keys)
        .client_id(provider.client_id())
        .revocations(&revocations)
        .build()?;

    // The logout form is redirected to the provider, and browsers apply the page's policy to that.
    let csp = Csp::html().add(Directive::FormAction, [provider.origin()]);
    let stack =
        Stack::builder().security_headers(SecurityHeaders::html().csp(csp).build()?).build()?;
    let open = Router::new()
        .route("/login", get(start_login))
        .route("/callback", get(finish_login))
        .route("/signed-out", get(signed_out))
        .layer(sessions.to_optional());
    Ok(Router::new()
        .route("/", get(front_page))
        .route("/logout", post(log_out))
        .layer(sessions)
        .merge(open)
        .route_service("/backchannel-logout", backchannel_logout)
        .with_state(provider)
        .layer(stack))
}

async fn front_page(nonce: CspNonce, user: UserContext) -> Markup {
    pages::front_page(&nonce, &user)
}

/// Redirects to the provider, which sends the user back to `/callback`.
async fn start_login(
    State(provider): State<Provider>,
    session: Session,
) -> Result<impl IntoResponse, ProviderError> {
    let (url, pending) = provider.start_login(session.return_path()).await?;
    Ok(([(SET_COOKIE, pending.cookie())], Redirect::to(&url)))
}

/// The parameters with which the provider sends the user back.
#[derive(Deserialize)]
struct Callback {
    state: String,
    code: Option<String>,
    iss: Option<String>,
}

async fn finish_login(
    State(provider): State<Provider>,
    session: Session,
    nonce: CspNonce,
    headers: HeaderMap,
    callback: Result<Query<Callback>, QueryRejection>,
) -> Result<Response, Denial> {
    let Ok(Query(callback)) = callback else { return Ok(pages::failed_login(&nonce)) };
    // Without the cookie, another browser has started the login: an attacker may have sent a link
    // that logs the user in to the attacker's account.
    let Some(pending) = PendingLogin::of_request(&headers, &callback.state) else {
        return Ok(pages::failed_login(&nonce));
    };
    let user = match callback.code {
        // The code comes from this provider and not from another one (RFC 9207).
        Some(code) if callback.iss.is_none_or(|issuer| issuer == provider.issuer()) => {
            provider.finish_login(code, &pending).await
        }
        _ => Err(ProviderError::Rejected),
    };
    let response = match user {
        Ok(user) => {
            session.log_in(user).await?;
            Redirect::to(&pending.return_path).into_response()
        }
        Err(ProviderError::Rejected) => pages::failed_login(&nonce),
        Err(error) => error.into_response(),
    };
    Ok(([(SET_COOKIE, PendingLogin::clear(&callback.state))], response).into_response())
}

/// Ends the session here, and then at the provider.
async fn log_out(State(provider): State<Provider>, session: Session) -> Result<Redirect, Denial> {
    session.log_out().await?;
    // If the provider is down, the user is logged out only here.
    let url = provider.logout_url().await.unwrap_or_else(|_| "/signed-out".to_owned());
    Ok(Redirect::to(&url))
}

async fn signed_out(nonce: CspNonce) -> Markup {
    pages::signed_out(&nonce)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let setting = |name, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    let port = setting("PORT", "3000");
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))
        .await
        .map_err(|error| format!("PORT={port}: {error}"))?;
    let own_url = format!("http://localhost:{}", listener.local_addr()?.port());
    let url = setting("APP_URL", &own_url);
    let provider = Provider::new(
        setting("ISSUER", "http://127.0.0.1:4000"),
        setting("CLIENT_ID", "web"),
        setting("CLIENT_SECRET", "secret"),
        &url,
    )?;
    println!("{url}/");
    Ok(axum::serve(listener, app(provider)?).await?)
}
