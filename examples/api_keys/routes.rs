//! The routes by which users create, list, change, rotate and revoke their API keys.

use std::num::NonZeroU16;
use std::time::{Duration, SystemTime};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response, Result};
use axum::routing::{get, patch};
use axum::{Json, Router};
use portcullis::api_key::{ApiKeyChange, Grace, NewApiKey};
use portcullis::context::Credential;
use portcullis::{ApiKeyAuth, ConfigError, RequireCredential, UserContext};
use serde::Deserialize;

use crate::responses::{Shown, not_found, problem, shown, shown_once};

type Keys = State<ApiKeyAuth>;
type Id = Path<String>;

/// The active keys of a user.
const MAX_KEYS: usize = 10;

pub(crate) fn router(keys: ApiKeyAuth) -> Result<Router, ConfigError> {
    // A stolen key must not create, change or revoke keys.
    let by_people = RequireCredential::except([Credential::ApiKey])?;
    Ok(Router::new()
        .route("/keys", get(list).post(create))
        .route("/keys/{id}", patch(change).delete(revoke))
        .route("/keys/{id}/rotate", patch(rotate))
        .route_layer(by_people)
        .with_state(keys))
}

/// Unknown members are rejected: a misspelled one would create another key than the caller wants.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    name: String,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    networks: Vec<String>,
    expires_in_days: Option<NonZeroU16>,
}

/// What is absent stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    name: Option<String>,
    scopes: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotation {
    grace_hours: u32,
}

async fn create(State(keys): Keys, user: UserContext, Json(new): Json<NewKey>) -> Result<Response> {
    // It keeps the list short. Requests at the same time may exceed it.
    let now = SystemTime::now();
    let records = keys.list(&user).await?;
    if records.iter().filter(|record| record.is_active(now)).count() >= MAX_KEYS {
        let detail = format!("you have {MAX_KEYS} active keys: revoke one that you do not need");
        return Err(problem(StatusCode::CONFLICT, &detail).into());
    }
    let days = new.expires_in_days.map_or(365, NonZeroU16::get);
    let new = NewApiKey::for_user(&user)
        .name(new.name)
        .scopes(new.scopes)
        .networks(new.networks)
        .expires_in(u32::from(days) * DAY);
    let key = keys.create(new).await?;
    Ok((StatusCode::CREATED, shown_once(&keys, &key)).into_response())
}

async fn list(State(keys): Keys, user: UserContext) -> Result<Json<Vec<Shown>>> {
    let records = keys.list(&user).await?;
    Ok(Json(records.into_iter().map(|record| shown(&keys, record)).collect()))
}

async fn change(
    State(keys): Keys,
    user: UserContext,
    Path(id): Id,
    Json(new): Json<Change>,
) -> Result<Json<Shown>> {
    let id = id.parse().map_err(|_| not_found())?;
    let change = ApiKeyChange::for_user(&user)
        .when_some(new.name, ApiKeyChange::name)
        .when_some(new.scopes, ApiKeyChange::scopes);
    let changed = keys.update(&id, change).await?;
    Ok(Json(shown(&keys, changed.ok_or_else(not_found)?)))
}

/// Creates a new text. The old one is valid for another day, so that clients have time to change.
async fn rotate(
    State(keys): Keys,
    user: UserContext,
    Path(id): Id,
    rotation: Option<Json<Rotation>>,
) -> Result<Response> {
    let id = id.parse().map_err(|_| not_found())?;
    let grace = Grace::hours(rotation.map_or(24, |Json(rotation)| rotation.grace_hours));
    let rotated = keys.rotate_for(&user, &id, grace).await?;
    Ok(shown_once(&keys, &rotated.ok_or_else(not_found)?))
}

async fn revoke(State(keys): Keys, user: UserContext, Path(id): Id) -> Result<StatusCode> {
    let id = id.parse().map_err(|_| not_found())?;
    // Also true if the key is revoked already, so that a client can repeat its request.
    let is_known = keys.revoke_for(&user, &id).await?;
    if is_known { Ok(StatusCode::NO_CONTENT) } else { Err(not_found().into()) }
}

const DAY: Duration = Duration::from_secs(86_400);
