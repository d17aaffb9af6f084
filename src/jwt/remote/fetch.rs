//! `get_document`: gets an issuer's metadata or keys.

use std::fmt;

use http::header::{ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING};
use http::{HeaderMap, HeaderValue, Request, StatusCode};

use crate::http_client::client::{self, SharedHttpClient};
use crate::jwt::keys::weak::KeyError;

/// The maximum size of an issuer's metadata or JWK Set: 256 KiB.
///
/// That is twice the size of a set of 64 RSA keys of 4096 bits with certificates.
pub const MAX_BODY: usize = client::MAX_BODY;

/// Gets the text at this URL, and how long it may be cached.
///
/// # Errors
///
/// Returns [`FetchError`] if the client fails, or if the response is not a 200 with UTF-8 text of a bounded length. The
/// checks are repeated here for clients that do not make them.
pub(crate) async fn get_document(client: &SharedHttpClient, url: &str) -> Result<Document, FetchError> {
    let request = Request::get(url)
        .header(ACCEPT, const { HeaderValue::from_static("application/json") })
        // Some servers compress unless the request forbids it (RFC 9110 §12.5.3).
        .header(ACCEPT_ENCODING, const { HeaderValue::from_static("identity") })
        .body(Vec::new());
    let request = request.map_err(|error| FetchError::Client(error.to_string()))?;
    let response = client.send(request).await.map_err(FetchError::Client)?;
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    if response.body().len() > MAX_BODY {
        return Err(FetchError::TooLarge);
    }
    // A header may be sent in several lines, which mean the same as one list (RFC 9110 §5.3).
    let lines = response.headers().get_all(CACHE_CONTROL).iter().filter_map(|line| line.to_str().ok());
    let max_age = max_age(&lines.collect::<Vec<_>>().join(","));
    let (head, body) = response.into_parts();
    let text = String::from_utf8(body).map_err(|error| not_text(&head.headers, error.as_bytes()))?;
    // RFC 8259 §8.1 forbids a byte order mark in JSON, and lets parsers ignore one. Some servers send it.
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    if text.trim_start().starts_with('<') {
        return Err(FetchError::Markup);
    }
    Ok(Document { text, max_age })
}

/// The body of a response, which is not parsed yet.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) text: String,
    /// The `max-age` of `Cache-Control`, in seconds.
    pub(crate) max_age: Option<u64>,
}

/// Why an issuer's metadata or keys could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FetchError {
    /// The client's error, as text.
    Client(String),
    /// The body has this content coding (RFC 9110 §8.4), which the client neither asked for nor decoded.
    Compressed(String),
    Malformed,
    /// The body is HTML or XML, such as the page of a gateway.
    Markup,
    /// No key of the set is usable. Contains the error of the first key, if there is one.
    NoKey(Option<KeyError>),
    NotUtf8,
    /// `jwks_uri` is at another host than the issuer, whose name was found by a pattern.
    OtherHost,
    /// The metadata is that of another issuer (RFC 8414 §3.3).
    OtherIssuer(String),
    Status(u16),
    /// The client panicked, or its runtime shut down.
    Stopped,
    TimedOut,
    TooLarge,
    /// `jwks_uri` is not an https URL. An http URL on loopback is accepted only from an issuer on loopback.
    Url,
}

impl FetchError {
    /// Whether the server says that there is no such issuer. Any other error says nothing about the issuer.
    pub(crate) fn is_absence(&self) -> bool {
        match self {
            Self::OtherIssuer(_) => true,
            // Some file servers respond with 403 to requests for files that do not exist. The others are about the
            // caller or the time.
            Self::Status(status) => (400..500).contains(status) && !matches!(status, 401 | 407 | 408 | 425 | 429),
            _ => false,
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(reason) => f.write_str(reason),
            Self::Compressed(coding) => {
                write!(f, "the document is compressed ({coding:?}), and the client did not decompress it")
            }
            Self::Malformed => f.write_str("the document is malformed"),
            Self::Markup => f.write_str("the document is HTML or XML, not JSON"),
            Self::NoKey(None) => f.write_str("the document has no key"),
            Self::NoKey(Some(error)) => write!(f, "the document has no usable key; the first one: {error}"),
            Self::NotUtf8 => f.write_str("the document is not UTF-8"),
            Self::OtherHost => f.write_str("the metadata's jwks_uri is at another host than the issuer"),
            Self::OtherIssuer(name) if name.contains('{') => {
                write!(f, "the metadata is for many tenants, {name:?}; for Entra ID, use Issuer::entra_v2_tenants")
            }
            Self::OtherIssuer(name) => {
                write!(
                    f,
                    "the metadata is of another issuer, {name:?}; if it is the right one, configure exactly this name"
                )
            }
            Self::Status(status) => write!(f, "the response status is {status}, not 200"),
            Self::Stopped => f.write_str("the client stopped without a response"),
            Self::TimedOut => f.write_str("the request timed out"),
            Self::TooLarge => write!(f, "the document has more than {MAX_BODY} bytes"),
            Self::Url => f.write_str("the metadata's jwks_uri is not an https URL"),
        }
    }
}

/// Returns why a body is not UTF-8 text: it is compressed, or in another encoding.
///
/// No client of this crate asks for compression, and decompression would need a bound of its own, so a compressed body
/// is not read. A client that asks for it also decompresses it.
fn not_text(headers: &HeaderMap, body: &[u8]) -> FetchError {
    let coding = headers.get(CONTENT_ENCODING).map(|coding| String::from_utf8_lossy(coding.as_bytes()));
    let coding = coding.filter(|coding| !coding.eq_ignore_ascii_case("identity"));
    match coding {
        Some(coding) => FetchError::Compressed(coding.chars().take(MAX_LOGGED_CODING).collect()),
        None if body.starts_with(&GZIP_MAGIC) => FetchError::Compressed("gzip".to_owned()),
        None => FetchError::NotUtf8,
    }
}

// RFC 1952 §2.3.1. Some servers compress without saying so.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

// The name is chosen by the server, and is escaped and shortened for the log.
const MAX_LOGGED_CODING: usize = 40;

/// Returns the `max-age` directive (RFC 9111 §5.2.2.1), and zero if the response must not be cached.
///
/// A malformed `max-age` counts as absent, so the default interval applies.
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
    fn max_age_is_read_beside_other_directives() {
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
