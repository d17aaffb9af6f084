//! The response of a `SessionError`, for handlers of axum that return it.

use axum_core::response::{IntoResponse, Response};

use crate::gate::{Denial, Reply};
use crate::session::error::SessionError;

/// The response of its [`Denial`], with problem details in the body.
impl IntoResponse for SessionError {
    fn into_response(self) -> Response {
        Reply::problem_details(Denial::from(self)).into_response()
    }
}
