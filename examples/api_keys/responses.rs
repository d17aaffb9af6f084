//! The bodies of the responses: a key without its secret, a new key, and errors.

use std::error::Error;
use std::time::SystemTime;

use axum::Json;
use axum::http::{StatusCode, header::CACHE_CONTROL};
use axum::response::{IntoResponse, Response};
use portcullis::api_key::{ApiKey, ApiKeyError, ApiKeyRecord};
use serde::Serialize;
use serde_json::json;

/// Another one in each environment, such as `acme_test`.
pub(crate) const PREFIX: &str = "acme_live";

/// A key as its owner sees it, without the secret.
#[derive(Serialize)]
pub(crate) struct Shown {
    /// How the key begins, up to its secret.
    prefix: String,
    is_active: bool,
    #[serde(flatten)]
    record: ApiKeyRecord,
}

pub(crate) fn shown(record: ApiKeyRecord) -> Shown {
    let prefix = format!("{PREFIX}_{}", record.id());
    Shown { prefix, is_active: is_active(&record), record }
}

/// The only response that has the text of the key.
pub(crate) fn shown_once(key: &ApiKey) -> Response {
    let warning = "Store this key now. It is not shown again.";
    let mut body = json!(shown(key.record().clone()));
    body["key"] = key.secret().into();
    body["warning"] = warning.into();
    ([(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

pub(crate) fn is_active(record: &ApiKeyRecord) -> bool {
    let is_expired = record.expires_at().is_some_and(|time| time <= SystemTime::now());
    record.revoked_at().is_none() && !is_expired
}

pub(crate) fn rejection(error: ApiKeyError) -> Response {
    match (error.denial(), error) {
        (Some(denial), error) => {
            if denial.status().is_server_error() {
                tracing::error!(error = &error as &dyn Error, "an API key was not changed");
            }
            denial.into_response()
        }
        // A setting of the key is invalid.
        (None, error) => problem(error.status(), &error.to_string()),
    }
}

pub(crate) fn not_found() -> Response {
    problem(StatusCode::NOT_FOUND, "there is no such key")
}

pub(crate) fn problem(status: StatusCode, detail: &str) -> Response {
    let body = json!({ "status": status.as_u16(), "detail": detail });
    (status, [("content-type", "application/problem+json")], body.to_string()).into_response()
}
