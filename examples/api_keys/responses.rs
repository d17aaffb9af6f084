//! The bodies of the responses: a key without its secret, a new key, and errors of the routes.

use std::time::SystemTime;

use axum::Json;
use axum::http::{StatusCode, header::CACHE_CONTROL};
use axum::response::{IntoResponse, Response};
use portcullis::ApiKeyAuth;
use portcullis::api_key::{ApiKey, ApiKeyRecord};
use serde::Serialize;
use serde_json::json;

/// A key as its owner sees it, without the secret.
#[derive(Serialize)]
pub(crate) struct Shown {
    /// How the key begins, such as `acme_live_Zx81kQ0aB2cD...`.
    redacted: String,
    is_active: bool,
    #[serde(flatten)]
    record: ApiKeyRecord,
}

pub(crate) fn shown(keys: &ApiKeyAuth, record: ApiKeyRecord) -> Shown {
    let redacted = keys.redacted(record.id());
    Shown { redacted, is_active: record.is_active(SystemTime::now()), record }
}

/// The only response that has the text of the key.
pub(crate) fn shown_once(keys: &ApiKeyAuth, key: &ApiKey) -> Response {
    let warning = "Store this key now. It is not shown again.";
    let mut body = json!(shown(keys, key.record().clone()));
    body["key"] = key.secret().into();
    body["warning"] = warning.into();
    ([(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// Also for the key of another user, so that users do not learn which keys others have.
pub(crate) fn not_found() -> Response {
    problem(StatusCode::NOT_FOUND, "there is no such key")
}

pub(crate) fn problem(status: StatusCode, detail: &str) -> Response {
    let body = json!({ "status": status.as_u16(), "detail": detail });
    (status, [("content-type", "application/problem+json")], body.to_string()).into_response()
}
