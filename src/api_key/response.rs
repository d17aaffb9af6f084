//! The response of an `ApiKeyError`, for handlers of axum that return it.

use axum_core::response::{IntoResponse, Response};

use crate::api_key::error::ApiKeyError;
use crate::gate::{Denial, Reply};

/// The response of its [`Denial`], with problem details in the body.
impl IntoResponse for ApiKeyError {
    fn into_response(self) -> Response {
        Reply::problem_details(Denial::from(self)).into_response()
    }
}
