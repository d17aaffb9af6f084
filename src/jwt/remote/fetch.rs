//! `Fetch`: the HTTP client that gets an issuer's metadata and keys.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::{fmt, str};

use http::Response;
use http::header::CACHE_CONTROL;

use crate::jwt::keys::weak::KeyError;

/// An HTTP client of one's own, for a private certificate authority or a proxy.
///
/// The crate calls it in the background, never more than once at a time for an issuer, gives it up after five seconds in
/// all, and judges the answer: only a 200 with at most [`MAX_BODY`] bytes counts. Two duties remain with the client: it
/// must follow no redirect, and should stop reading a body that exceeds `MAX_BODY`.
///
/// ```
/// use http::Response;
/// use portcullis::jwt::Fetch;
///
/// struct Fixed;
///
/// impl Fetch for Fixed {
///     async fn get(&self, _url: &str) -> Result<Response<Vec<u8>>, Box<dyn std::error::Error + Send + Sync>> {
///         Ok(Response::new(br#"{"keys":[]}"#.to_vec()))
///     }
/// }
/// ```
pub trait Fetch: Send + Sync + 'static {
    /// Gets a URL.
    fn get(&self, url: &str) -> impl Future<Output = Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>>> + Send;
}

/// The most bytes that an issuer's metadata or keys may have: 256 KiB.
///
/// A set of 64 RSA keys of 4096 bits with certificates is half of it.
pub const MAX_BODY: usize = 256 * 1024;

/// Any [`Fetch`], its type forgotten.
#[derive(Clone)]
pub(crate) struct HttpClient(Arc<dyn DynFetch>);

impl HttpClient {
    pub(crate) fn new(fetch: impl Fetch) -> Self {
        Self(Arc::new(fetch))
    }

    /// The text at this URL, and how long it may be kept.
    pub(crate) async fn document(&self, url: &str) -> Result<Document, FetchError> {
        let response = self.0.get(url).await.map_err(|error| FetchError::Client(error_chain(&*error)))?;
        if response.status() != http::StatusCode::OK {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        if response.body().len() > MAX_BODY {
            return Err(FetchError::TooLarge);
        }
        let fields = response.headers().get_all(CACHE_CONTROL).iter().filter_map(|field| field.to_str().ok());
        let max_age = max_age(&fields.collect::<Vec<_>>().join(","));
        let text = String::from_utf8(response.into_body()).map_err(|_| FetchError::Malformed)?;
        Ok(Document { text, max_age })
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) text: String,
    /// `max-age`, in seconds.
    pub(crate) max_age: Option<u64>,
}

/// Why an issuer's metadata or keys could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FetchError {
    Client(String),
    /// The document names another issuer (RFC 8414 §3.3).
    Issuer(String),
    Malformed,
    /// No key of the set can be used; what is wrong with the first.
    NoKey(Option<KeyError>),
    Status(u16),
    /// The client panicked, or its runtime ended.
    Stopped,
    TimedOut,
    TooLarge,
    /// A URL that is neither https nor, for an issuer on loopback, on loopback.
    Url,
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(reason) => f.write_str(reason),
            Self::Issuer(told) => {
                write!(f, "the metadata names another issuer, {told:?}: if it is the one meant, write it exactly so")
            }
            Self::Malformed => f.write_str("the document is malformed"),
            Self::NoKey(None) => f.write_str("the document has no key"),
            Self::NoKey(Some(fault)) => write!(f, "the document has no key that can be used; of the first: {fault}"),
            Self::Status(status) => write!(f, "the answer was {status}, not 200"),
            Self::Stopped => f.write_str("the client stopped without an answer"),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::TooLarge => write!(f, "the document has over {MAX_BODY} bytes"),
            Self::Url => f.write_str("the metadata names keys at a URL that is not https"),
        }
    }
}

/// An error and its causes: the outermost one often says no more than that a request failed.
pub(crate) fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

trait DynFetch: Send + Sync {
    fn get<'a>(
        &'a self,
        url: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>>> + Send + 'a>>;
}

impl<F: Fetch> DynFetch for F {
    fn get<'a>(
        &'a self,
        url: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>>> + Send + 'a>> {
        Box::pin(Fetch::get(self, url))
    }
}

/// The `max-age` directive (RFC 9111 §5.2.2.1); zero where the answer is not to be stored.
fn max_age(cache_control: &str) -> Option<u64> {
    let mut directives = cache_control.split(',').map(str::trim);
    if directives.clone().any(|name| name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache")) {
        return Some(0);
    }
    directives.find_map(|directive| {
        let (name, value) = directive.split_once('=')?;
        let seconds = value.trim_matches('"');
        name.eq_ignore_ascii_case("max-age").then(|| seconds.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_age_is_read_whatever_stands_beside_it() {
        for (value, expected) in [
            ("max-age=600", Some(600)),
            ("public, Max-Age=\"60\", must-revalidate", Some(60)),
            ("no-store, max-age=600", Some(0)),
            ("max-age=600, no-cache", Some(0)),
            ("public", None),
            ("max-age=", None),
            ("max-age=-1", None),
            ("s-maxage=5", None),
            ("", None),
        ] {
            assert_eq!(max_age(value), expected, "{value:?}");
        }
    }
}
