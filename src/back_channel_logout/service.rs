//! `BackChannelLogout`: the service at which a logout token arrives.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use tower_service::Service;

use crate::back_channel_logout::error::LogoutError;
use crate::back_channel_logout::policy::Policy;
use crate::field::content_type::has_content_type;
use crate::runtime;

/// The endpoint at which an OpenID provider logs users out; see the [module](crate::back_channel_logout).
///
/// It is a tower service for one route. Clones share the settings.
#[derive(Clone, Debug)]
#[must_use]
pub struct BackChannelLogout {
    policy: Arc<Policy>,
}

impl BackChannelLogout {
    pub(super) fn new(policy: Policy) -> Self {
        Self { policy: Arc::new(policy) }
    }
}

impl<B> Service<Request<B>> for BackChannelLogout
where
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let policy = Arc::clone(&self.policy);
        Box::pin(async move {
            let result = log_out(&policy, request).await;
            if let Err(error) = &result {
                policy.log(error);
            }
            Ok(response(result))
        })
    }
}

async fn log_out<B>(policy: &Policy, request: Request<B>) -> Result<(), LogoutError>
where
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>>,
{
    if request.method() != Method::POST {
        return Err(LogoutError::Method);
    }
    if !has_content_type(request.headers(), "application/x-www-form-urlencoded") {
        return Err(LogoutError::ContentType);
    }
    let form = read(request.into_body()).await?;
    policy.log_out(&form).await
}

/// Reads a body, within limits of size and time.
async fn read<B>(body: B) -> Result<Bytes, LogoutError>
where
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>>,
{
    let reading = Limited::new(body, MAX_BODY).collect();
    // Tokio's timer panics without a runtime that has timers. Such an app bounds the time itself.
    let read = match runtime::current() {
        Ok(_) => tokio::time::timeout(READ_TIMEOUT, reading).await.map_err(|_| LogoutError::Body)?,
        Err(_) => reading.await,
    };
    match read {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(LogoutError::TooLarge),
        Err(_) => Err(LogoutError::Body),
    }
}

/// Returns the response (OpenID Connect Back-Channel Logout 1.0 §2.8).
fn response(result: Result<(), LogoutError>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let Err(error) = result else { return response };
    let (status, code) = match &error {
        LogoutError::Method => (StatusCode::METHOD_NOT_ALLOWED, "invalid_request"),
        LogoutError::KeysUnavailable { .. } | LogoutError::NotStored => {
            (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable")
        }
        _ => (StatusCode::BAD_REQUEST, "invalid_request"),
    };
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    match &error {
        LogoutError::Method => {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        LogoutError::KeysUnavailable { retry_after } => {
            headers.insert(RETRY_AFTER, retry_after.saturating_add(ALMOST_A_SECOND).as_secs().max(1).into());
        }
        LogoutError::NotStored => {
            headers.insert(RETRY_AFTER, 1.into());
        }
        _ => {}
    }
    // The description is one of a fixed list, and needs no escaping.
    let body = format!(r#"{{"error":"{code}","error_description":"{}"}}"#, error.description());
    *response.body_mut() = Full::new(body.into());
    response
}

/// Many times the size of a logout token, which has no claims about the user.
const MAX_BODY: usize = 16 * 1024;

/// Enough for a kilobyte, and short enough that slow requests do not accumulate.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Rounds up.
const ALMOST_A_SECOND: Duration = Duration::from_nanos(999_999_999);
