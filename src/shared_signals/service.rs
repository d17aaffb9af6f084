//! `SharedSignals`: the service at which security event tokens arrive.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LANGUAGE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use tower_service::Service;

use crate::endpoint::{self, Failure};
use crate::field::content_type::has_content_type;
use crate::shared_signals::authorization::Authorization;
use crate::shared_signals::error::SetError;
use crate::shared_signals::policy::Policy;

/// The endpoint to which an identity provider sends security events; see the [module](crate::shared_signals).
///
/// It is a tower service for one route. Clones share everything.
#[derive(Clone, Debug)]
#[must_use]
pub struct SharedSignals {
    receiver: Arc<Receiver>,
}

#[derive(Debug)]
struct Receiver {
    authorization: Authorization,
    policy: Policy,
}

impl SharedSignals {
    pub(super) fn new(authorization: Authorization, policy: Policy) -> Self {
        Self { receiver: Arc::new(Receiver { authorization, policy }) }
    }
}

impl<B> Service<Request<B>> for SharedSignals
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
        let receiver = Arc::clone(&self.receiver);
        Box::pin(async move {
            let result = receiver.receive(request).await;
            if let Err(error) = &result {
                receiver.policy.log(error);
            }
            Ok(response(result))
        })
    }
}

impl Receiver {
    async fn receive<B>(&self, request: Request<B>) -> Result<(), SetError>
    where
        B: Body<Error: Into<Box<dyn Error + Send + Sync>>>,
    {
        if request.method() != Method::POST {
            return Err(SetError::Method);
        }
        // First of all: nothing else is read of a request that is not the transmitter's.
        if !self.authorization.is_in(request.headers()) {
            return Err(SetError::Authorization);
        }
        if !has_content_type(request.headers(), "application/secevent+jwt") {
            return Err(SetError::ContentType);
        }
        let body = endpoint::read(request.into_body(), MAX_BODY).await?;
        let token = std::str::from_utf8(&body).map_err(|_| SetError::Encoding)?;
        self.policy.receive(token, None).await
    }
}

/// Returns the response of RFC 8935 §2.2 and §2.3.
fn response(result: Result<(), SetError>) -> Response<Full<Bytes>> {
    let Err(error) = result else { return endpoint::success(StatusCode::ACCEPTED) };
    let failure = match &error {
        SetError::Method => Failure::Method,
        SetError::KeysUnavailable { retry_after } => Failure::Unavailable { retry_after: *retry_after },
        SetError::NotApplied => Failure::Unavailable { retry_after: STORE_RETRY },
        _ => Failure::Invalid,
    };
    // The texts are from fixed lists, and need no escaping.
    let json = format!(r#"{{"err":"{}","description":"{}"}}"#, error.code(), error.description());
    let mut response = endpoint::error(failure, json);
    response.headers_mut().insert(CONTENT_LANGUAGE, HeaderValue::from_static("en"));
    response
}

/// Some tens of times the size of a token with one event. It is also the longest JWT that is verified.
const MAX_BODY: usize = 64 * 1024;

/// The stream is connected again within a second, if its server is up.
const STORE_RETRY: Duration = Duration::from_secs(1);
