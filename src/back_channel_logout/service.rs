//! `BackChannelLogout`: the service at which a logout token arrives.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use tower_service::Service;

use crate::back_channel_logout::error::LogoutError;
use crate::back_channel_logout::policy::Policy;
use crate::endpoint::{self, Failure};
use crate::field::content_type::has_content_type;

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
    let form = endpoint::read(request.into_body(), MAX_BODY).await?;
    policy.log_out(&form).await
}

/// Returns the response (OpenID Connect Back-Channel Logout 1.0 §2.8).
fn response(result: Result<(), LogoutError>) -> Response<Full<Bytes>> {
    let Err(error) = result else { return endpoint::success(StatusCode::OK) };
    let (failure, code) = match &error {
        LogoutError::Method => (Failure::Method, "invalid_request"),
        LogoutError::KeysUnavailable { retry_after } => {
            (Failure::Unavailable { retry_after: *retry_after }, "temporarily_unavailable")
        }
        LogoutError::NotStored => (Failure::Unavailable { retry_after: STORE_RETRY }, "temporarily_unavailable"),
        _ => (Failure::Invalid, "invalid_request"),
    };
    // The description is one of a fixed list, and needs no escaping.
    endpoint::error(failure, format!(r#"{{"error":"{code}","error_description":"{}"}}"#, error.description()))
}

/// Many times the size of a logout token, which has no claims about the user.
const MAX_BODY: usize = 16 * 1024;

/// The stream is connected again within a second, if its server is up.
const STORE_RETRY: Duration = Duration::from_secs(1);
