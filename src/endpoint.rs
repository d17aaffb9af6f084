//! Endpoints to which identity providers post: how they read a body, and what they respond.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};

use crate::runtime;

/// Why the body of a request could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It ended early, or took too long.
    Incomplete,
    TooLarge,
}

/// How a request to an endpoint failed, besides the description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The request is at fault: 400.
    Invalid,
    /// The method is not `POST`: 405.
    Method,
    /// The endpoint cannot decide at present: 503.
    Unavailable { retry_after: Duration },
}

/// Reads a body, within this limit of its size and within ten seconds.
///
/// # Errors
///
/// Returns [`BodyError`] if the body is larger, or did not arrive.
pub(crate) async fn read<B>(body: B, max_len: usize) -> Result<Bytes, BodyError>
where
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>>,
{
    let reading = Limited::new(body, max_len).collect();
    // Tokio's timer panics without a runtime that has timers. Such an app bounds the time itself.
    let read = match runtime::current() {
        Ok(_) => tokio::time::timeout(READ_TIMEOUT, reading).await.map_err(|_| BodyError::Incomplete)?,
        Err(_) => reading.await,
    };
    match read {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Err(_) => Err(BodyError::Incomplete),
    }
}

/// Returns a response without a body, which no cache stores.
pub(crate) fn success(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Returns the response to a request that failed, with this JSON text.
pub(crate) fn error(failure: Failure, json: String) -> Response<Full<Bytes>> {
    let mut response = success(match failure {
        Failure::Invalid => StatusCode::BAD_REQUEST,
        Failure::Method => StatusCode::METHOD_NOT_ALLOWED,
        Failure::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
    });
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    match failure {
        Failure::Invalid => {}
        Failure::Method => {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        Failure::Unavailable { retry_after } => {
            headers.insert(RETRY_AFTER, retry_after.saturating_add(ALMOST_A_SECOND).as_secs().max(1).into());
        }
    }
    *response.body_mut() = Full::new(json.into());
    response
}

/// Enough for some kilobytes, and short enough that slow requests do not accumulate.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Rounds up.
const ALMOST_A_SECOND: Duration = Duration::from_nanos(999_999_999);
