//! The start page, and the list of the user's sessions.

use std::cmp::Reverse;
use std::time::UNIX_EPOCH;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Redirect, Result};
use maud::Markup;
use portcullis::session::{Session, SessionError, SessionId};
use portcullis::{CspNonce, UserContext};
use serde::Deserialize;

use super::{AppState, pages};

#[derive(Deserialize)]
pub(crate) struct Notice {
    /// Selects a text. A link on another site must not choose the text itself.
    done: Option<String>,
}

pub(crate) async fn start(nonce: CspNonce, user: UserContext) -> Markup {
    pages::start(&nonce, &user)
}

pub(crate) async fn list(
    State(app): State<AppState>,
    nonce: CspNonce,
    session: Session,
    user: UserContext,
    Query(notice): Query<Notice>,
) -> Result<Markup> {
    let mut sessions = session.list().await?;
    sessions.sort_by_key(|session| Reverse((session.is_current(), session.last_used_at())));
    let notice = match notice.done.as_deref() {
        Some("logged-out") => Some("The device is logged out."),
        Some("others") => Some("All other devices are logged out."),
        Some("password") => Some("Your password is changed, and all other devices are logged out."),
        _ => None,
    };
    Ok(pages::devices(&nonce, &user, &sessions, UNIX_EPOCH + app.clock.since_epoch(), notice))
}

pub(crate) async fn log_out(session: Session, Path(id): Path<String>) -> Result<Redirect> {
    let id = SessionId::parse(&id).ok_or(StatusCode::NOT_FOUND)?;
    match session.revoke(&id).await {
        // It may have ended since the page was shown. The response is the same for ids of other
        // users.
        Ok(()) | Err(SessionError::NotFound) => Ok(Redirect::to("/devices?done=logged-out")),
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn log_out_others(session: Session) -> Result<Redirect> {
    session.revoke_others().await?;
    Ok(Redirect::to("/devices?done=others"))
}
