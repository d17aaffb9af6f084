//! The page that changes the password, after the user has entered the current one again.

use std::time::{Duration, UNIX_EPOCH};

use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response, Result};
use portcullis::session::Session;
use portcullis::{CspNonce, UserContext};
use serde::Deserialize;

use super::{AppState, pages};

/// How long the user does not have to enter the password again.
const RECENT: Duration = Duration::from_secs(5 * 60);

/// The length that NIST SP 800-63B-4 §3.1.1 requires of a password without a second factor.
const MIN_CHARACTERS: usize = 15;

/// Without `Debug`, so that no log shows the password.
#[derive(Deserialize)]
pub(crate) struct Password {
    password: String,
}

/// Shows the page that asks for the current password.
pub(crate) async fn ask(nonce: CspNonce, user: UserContext) -> Response {
    pages::confirm(&nonce, &user, None).into_response()
}

pub(crate) async fn confirm(
    State(app): State<AppState>,
    nonce: CspNonce,
    session: Session,
    user: UserContext,
    Form(form): Form<Password>,
) -> Result<Response> {
    if !app.accounts.has_password(user.id(), form.password).await? {
        let page = pages::confirm(&nonce, &user, Some("The password is wrong."));
        return Ok((StatusCode::FORBIDDEN, page).into_response());
    }
    session.confirm("password", ["pwd"]).await?;
    Ok(Redirect::to("/password").into_response())
}

pub(crate) async fn show(
    State(app): State<AppState>,
    nonce: CspNonce,
    user: UserContext,
) -> Response {
    if !is_recent(&app, &user) {
        return Redirect::to("/confirm").into_response();
    }
    pages::password(&nonce, &user, MIN_CHARACTERS, None).into_response()
}

pub(crate) async fn change(
    State(app): State<AppState>,
    nonce: CspNonce,
    session: Session,
    user: UserContext,
    Form(form): Form<Password>,
) -> Result<Response> {
    if !is_recent(&app, &user) {
        return Ok(Redirect::to("/confirm").into_response());
    }
    if form.password.chars().count() < MIN_CHARACTERS {
        let error = "The password is too short.";
        let page = pages::password(&nonce, &user, MIN_CHARACTERS, Some(error));
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    app.accounts.set_password(user.id(), form.password).await?;
    // Someone else who knows the old password may be logged in with it.
    session.revoke_others().await?;
    Ok(Redirect::to("/devices?done=password").into_response())
}

/// Whether the user has entered the password in the last minutes.
fn is_recent(app: &AppState, user: &UserContext) -> bool {
    let now = UNIX_EPOCH + app.clock.since_epoch();
    let age = user.auth_time().and_then(|time| now.duration_since(time).ok());
    age.is_some_and(|age| age < RECENT)
}
