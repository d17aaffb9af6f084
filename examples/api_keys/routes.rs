//! The routes by which users create, list, change, rotate and revoke their API keys.

use std::num::NonZeroU16;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response, Result};
use axum::routing::{get, patch};
use axum::{Json, Router};
use portcullis::api_key::{ApiKeyChange, ApiKeyId, Grace, NewApiKey};
use portcullis::context::Credential;
use portcullis::{ApiKeyAuth, ConfigError, RequireCredential, UserContext};
use serde::Deserialize;

use crate::responses::{Shown, is_active, not_found, problem, rejection, shown, shown_once};

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
    let records = keys.list(&user).await.map_err(rejection)?;
    if records.iter().filter(|record| is_active(record)).count() >= MAX_KEYS {
        let detail = format!("you have {MAX_KEYS} active keys: revoke one that you do not need");
        return Err(problem(StatusCode::CONFLICT, &detail).into());
    }
    let days = new.expires_in_days.map_or(365, NonZeroU16::get);
    let new = NewApiKey::for_user(&user)
        .name(new.name)
        .scopes(new.scopes)
        .networks(new.networks)
        .expires_in(u32::from(days) * DAY);
    let key = keys.create(new).await.map_err(rejection)?;
    Ok((StatusCode::CREATED, shown_once(&key)).into_response())
}

async fn list(State(keys): Keys, user: UserContext) -> Result<Json<Vec<Shown>>> {
    let records = keys.list(&user).await.map_err(rejection)?;
    Ok(Json(records.into_iter().map(shown).collect()))
}

async fn change(
    State(keys): Keys,
    user: UserContext,
    Path(id): Id,
    Json(new): Json<Change>,
) -> Result<Json<Shown>> {
    let id = id.parse().map_err(|_| not_found())?;
    let mut change = ApiKeyChange::for_user(&user);
    if let Some(name) = new.name {
        change = change.name(name);
    }
    if let Some(scopes) = new.scopes {
        change = change.scopes(scopes);
    }
    let changed = keys.update(&id, change).await.map_err(rejection)?;
    Ok(Json(shown(changed.ok_or_else(not_found)?)))
}

/// Creates a new text. The old one is valid for another day, so that clients have time to change.
async fn rotate(
    State(keys): Keys,
    user: UserContext,
    Path(id): Id,
    rotation: Option<Json<Rotation>>,
) -> Result<Response> {
    let id = own_key(&keys, &user, &id).await?;
    let grace = Grace::hours(rotation.map_or(24, |Json(rotation)| rotation.grace_hours));
    let rotated = keys.rotate(&id, grace).await.map_err(rejection)?;
    Ok(shown_once(&rotated.ok_or_else(not_found)?))
}

async fn revoke(State(keys): Keys, user: UserContext, Path(id): Id) -> Result<StatusCode> {
    let id = own_key(&keys, &user, &id).await?;
    // Also if it is revoked already, so that a client can repeat its request.
    keys.revoke(&id).await.map_err(rejection)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Returns the id of a key of this user. The key of another user gets the response of an unknown
/// one.
async fn own_key(keys: &ApiKeyAuth, user: &UserContext, id: &str) -> Result<ApiKeyId, Response> {
    let id = id.parse().map_err(|_| not_found())?;
    let record = keys.find_for(user, &id).await.map_err(rejection)?;
    record.map(|_| id).ok_or_else(not_found)
}

const DAY: Duration = Duration::from_secs(86_400);
