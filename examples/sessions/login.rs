//! The login page, and the logout.

use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response, Result};
use portcullis::session::{Remember, Session};
use portcullis::{CspNonce, UserContext};
use serde::Deserialize;

use super::{AppState, pages};

/// Without `Debug`, so that no log shows the password.
#[derive(Deserialize)]
pub(crate) struct Login {
    name: String,
    password: String,
    /// A browser sends a checkbox only if it is checked.
    remember: Option<String>,
}

pub(crate) async fn show(nonce: CspNonce, session: Session) -> Response {
    match session.user() {
        Some(_) => Redirect::to(&session.return_path()).into_response(),
        None => pages::login(&nonce, "", None).into_response(),
    }
}

pub(crate) async fn log_in(
    State(app): State<AppState>,
    nonce: CspNonce,
    session: Session,
    Form(login): Form<Login>,
) -> Result<Response> {
    // So that one account has one spelling.
    let name = login.name.trim().to_lowercase();
    if !app.accounts.has_password(&name, login.password).await? {
        // Not 401, which needs a challenge: no HTTP scheme fits a form (RFC 9110 §15.5.2).
        let page = pages::login(&nonce, &name, Some("The user name or the password is wrong."));
        return Ok((StatusCode::FORBIDDEN, page).into_response());
    }
    let remember = if login.remember.is_some() { Remember::Yes } else { Remember::No };
    session.log_in_with(UserContext::new(name), remember).await?;
    // To the page that the user requested before the login.
    Ok(Redirect::to(&session.return_path()).into_response())
}

pub(crate) async fn log_out(session: Session) -> Result<Redirect> {
    session.log_out().await?;
    Ok(Redirect::to("/login"))
}
