//! `HttpClient`, the trait, and `SharedHttpClient`, its type-erased form.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::{Request, Response};

use crate::error::error_chain;

/// An HTTP client that sends one request at a time to an issuer.
///
/// The [module](crate::http_client) has an example with reqwest. A client must not
///
/// - follow redirects: one could lead from the https URL of the issuer to any other, with the credentials of the app;
/// - log a request's headers or body, or put them into an error: both may contain a token or a client secret;
/// - change the headers `Accept` and `Accept-Encoding`, or drop headers of the response, which the crate reads.
///
/// It should stop reading a body above 256 KiB. The crate rejects a longer one, limits the time of a request by
/// canceling it (dropping the future), and limits the number of concurrent requests.
pub trait HttpClient: Send + Sync + 'static {
    /// Sends a request with an absolute URI, and returns the response with its whole body.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no response. A response with an error status is not an error. The error and its
    /// sources are logged, so they must not contain a secret, such as a password in a proxy's URL.
    fn send(
        &self,
        request: Request<Vec<u8>>,
    ) -> impl Future<Output = Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>>> + Send;
}

/// An [`HttpClient`], type-erased, so that layers have no type parameter for it. Clones share it.
#[derive(Clone)]
pub(crate) struct SharedHttpClient(Arc<dyn DynHttpClient>);

impl SharedHttpClient {
    pub(crate) fn new(client: impl HttpClient) -> Self {
        Self(Arc::new(client))
    }

    /// Sends a request.
    ///
    /// # Errors
    ///
    /// Returns the client's error with its sources, as text for the log.
    pub(crate) async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, String> {
        self.0.send(request).await.map_err(|error| error_chain(&*error))
    }
}

impl fmt::Debug for SharedHttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedHttpClient").finish_non_exhaustive()
    }
}

/// The object-safe form of [`HttpClient`]. A trait method that returns `impl Future` cannot be called on a trait object.
trait DynHttpClient: Send + Sync {
    fn send<'a>(
        &'a self,
        request: Request<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>>> + Send + 'a>>;
}

impl<C: HttpClient> DynHttpClient for C {
    fn send<'a>(
        &'a self,
        request: Request<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>>> + Send + 'a>> {
        Box::pin(HttpClient::send(self, request))
    }
}

/// The maximum size of a response's body that the built-in client reads: 256 KiB, the longest that any module accepts.
#[cfg(any(feature = "fetch", feature = "jwt", feature = "passwords"))]
pub(crate) const MAX_BODY: usize = 256 * 1024;
