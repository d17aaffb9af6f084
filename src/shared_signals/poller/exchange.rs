//! The request of a poll and its response (RFC 8936 §2.4, §2.5).

use std::fmt;
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::field::content_type::has_content_type;
use crate::http_client::client::MAX_BODY;
use crate::shared_signals::error::SetError;
use crate::shared_signals::handlers::AppError;
use crate::strict_json::{Object, string};

/// What the transmitter must learn about the tokens of the last poll. It does not send these tokens again.
#[derive(Debug, Default)]
pub(super) struct Results {
    /// The `jti` of each token whose events were applied.
    applied: Vec<String>,
    /// For each token that is invalid, the error by its `jti`.
    rejected: Map<String, Value>,
}

impl Results {
    pub(super) fn add_applied(&mut self, id: &str) {
        self.applied.push(id.to_owned());
    }

    pub(super) fn add_rejected(&mut self, id: &str, error: &SetError) {
        let value = json!({ "err": error.code(), "description": error.description() });
        self.rejected.insert(id.to_owned(), value);
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.rejected.contains_key(id) || self.applied.iter().any(|applied| applied == id)
    }

    /// Returns the ids of the tokens that were applied.
    pub(super) fn applied(&self) -> impl Iterator<Item = &str> {
        self.applied.iter().map(|id| &**id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.applied.is_empty() && self.rejected.is_empty()
    }

    /// Returns the body of the request that sends the results and asks for up to `max_events` tokens.
    ///
    /// The transmitter may hold the request until it has a token.
    pub(super) fn request(&self, max_events: u8) -> Vec<u8> {
        let mut members = Map::new();
        members.insert("maxEvents".to_owned(), json!(max_events));
        members.insert("returnImmediately".to_owned(), json!(false));
        if !self.applied.is_empty() {
            members.insert("ack".to_owned(), json!(self.applied));
        }
        if !self.rejected.is_empty() {
            members.insert("setErrs".to_owned(), json!(self.rejected));
        }
        Value::Object(members).to_string().into_bytes()
    }
}

/// The tokens of a response.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// Each `jti`, and the token. `None` if it is not a string.
    pub(super) tokens: Vec<(String, Option<String>)>,
}

impl Batch {
    /// Reads the response to a poll.
    ///
    /// # Errors
    ///
    /// Returns [`PollError`] if it is not a 200 with a JSON object of tokens.
    pub(super) fn read(response: &Response<Vec<u8>>) -> Result<Self, PollError> {
        if response.status() != StatusCode::OK {
            let retry_after = retry_after(response.headers());
            return Err(PollError::Status { status: response.status(), retry_after });
        }
        if response.body().len() > MAX_BODY {
            return Err(PollError::TooLarge);
        }
        if !has_content_type(response.headers(), "application/json") {
            return Err(PollError::Malformed);
        }
        let text = std::str::from_utf8(response.body()).map_err(|_| PollError::Malformed)?;
        let members = Object::parse(text).ok_or(PollError::Malformed)?;
        let sets = members.get("sets").and_then(Object::parse).ok_or(PollError::Malformed)?;
        let tokens = sets.iter().map(|(id, token)| (id.to_owned(), string(token).map(Into::into)));
        // `moreAvailable` is not read: a poll that brings events is followed by another one at once in any case.
        Ok(Self { tokens: tokens.collect() })
    }
}

/// Why a poll brought no tokens.
#[derive(Debug)]
pub(super) enum PollError {
    /// The function of the app failed.
    Authorization(AppError),
    AuthorizationInvalid,
    /// The client's error, as text.
    Client(String),
    /// The response is not a JSON object with `sets`, or is ambiguous.
    Malformed,
    /// The function of the app or the client has panicked.
    Panicked,
    Status {
        status: StatusCode,
        retry_after: Option<Duration>,
    },
    TimedOut,
    TooLarge,
}

impl PollError {
    /// Returns the `Retry-After` of the response.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl fmt::Display for PollError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authorization(error) => {
                write!(f, "the function that returns the Authorization header failed: {error}")
            }
            Self::AuthorizationInvalid => f.write_str("the value of the Authorization header has invalid characters"),
            Self::Client(reason) => f.write_str(reason),
            Self::Malformed => f.write_str("the response is not a JSON object with `sets`"),
            Self::Panicked => {
                f.write_str("the client, or the function that returns the Authorization header, has panicked")
            }
            Self::Status { status: StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, .. } => {
                f.write_str("the transmitter rejected the Authorization header")
            }
            Self::Status { status, .. } => write!(f, "the response status is {}, not 200", status.as_u16()),
            Self::TimedOut => f.write_str("the request timed out"),
            Self::TooLarge => write!(f, "the response has more than {MAX_BODY} bytes"),
        }
    }
}

/// Returns the time of `Retry-After` in seconds (RFC 9110 §10.2.3). A date is ignored: clocks may differ.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Response<Vec<u8>> {
        let response = Response::builder().status(status).header("content-type", content_type);
        response.header("retry-after", "7").body(body.into()).unwrap()
    }

    fn read(body: &str) -> Option<Batch> {
        Batch::read(&response(200, "application/json; charset=utf-8", body)).ok()
    }

    fn request(results: &Results) -> Value {
        serde_json::from_slice(&results.request(32)).unwrap()
    }

    #[test]
    fn a_request_has_the_results_of_the_last_poll() {
        let mut results = Results::default();
        assert!(results.is_empty() && !results.contains("a"));
        assert_eq!(request(&results), json!({ "maxEvents": 32, "returnImmediately": false }));
        results.add_applied("a");
        results.add_applied("b\"");
        assert_eq!(request(&results)["ack"], json!(["a", "b\""]));
        assert!(request(&results).get("setErrs").is_none());
        results.add_rejected("c", &SetError::Events);
        let error = json!({ "err": "invalid_request", "description": "the token has no events" });
        assert_eq!(request(&results)["setErrs"], json!({ "c": error }));
        assert!(results.contains("a") && results.contains("c") && !results.contains("d") && !results.is_empty());
    }

    #[test]
    fn a_response_has_tokens_by_their_jti() {
        let batch = read(r#"{"sets":{"a":"x.y.z","b":7,"c\u0031":"\u0078"},"moreAvailable":true,"other":1}"#).unwrap();
        let token = |id: &str, token: Option<&str>| (id.to_owned(), token.map(str::to_owned));
        assert_eq!(batch.tokens, [token("a", Some("x.y.z")), token("b", None), token("c1", Some("x"))]);
        for body in [r#"{"sets":{}}"#, r#"{"moreAvailable":false,"sets":{}}"#] {
            assert_eq!(read(body), Some(Batch { tokens: Vec::new() }));
        }
    }

    #[test]
    fn other_responses_are_errors() {
        for body in ["", "null", "[]", "{}", r#"{"sets":null}"#, r#"{"sets":[]}"#, r#"{"sets":{"a":"x","a":"y"}}"#] {
            assert_eq!(read(body), None, "{body}");
        }
        let empty = r#"{"sets":{}}"#;
        for (status, content_type, body, expected) in [
            (204, "application/json", empty.as_bytes().to_vec(), "the response status is 204, not 200"),
            (401, "application/json", Vec::new(), "the transmitter rejected the Authorization header"),
            (429, "application/json", Vec::new(), "the response status is 429, not 200"),
            (200, "text/html", empty.as_bytes().to_vec(), "the response is not a JSON object with `sets`"),
            (200, "application/json", b"\xff".to_vec(), "the response is not a JSON object with `sets`"),
            (200, "application/json", vec![b' '; MAX_BODY + 1], "the response has more than 262144 bytes"),
        ] {
            let error = Batch::read(&response(status, content_type, body)).unwrap_err();
            assert_eq!(error.to_string(), expected);
            assert_eq!(error.retry_after(), (status != 200).then_some(Duration::from_secs(7)));
        }
    }

    #[test]
    fn retry_after_is_a_number_of_seconds() {
        let read = |value: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
            retry_after(&headers).map(|time| time.as_secs())
        };
        assert_eq!([read("7"), read(" 0 "), read("-1"), read("1.5"), read("")], [Some(7), Some(0), None, None, None]);
        assert_eq!(read("Wed, 21 Oct 2015 07:28:00 GMT"), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
