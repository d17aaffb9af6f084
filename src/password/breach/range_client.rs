//! `RangeClient`: asks a range service about a password.

use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use http::header::{ACCEPT, ACCEPT_ENCODING, USER_AGENT};
use http::{HeaderName, HeaderValue, Request, StatusCode};
use zeroize::Zeroizing;

use crate::http_client::client::{MAX_BODY, SharedHttpClient};
use crate::password::breach::error::BreachCheckError;
use crate::password::breach::range::{SUFFIX_LEN, count};

/// Asks a range service how often a password was breached.
#[derive(Clone, Debug)]
pub(crate) struct RangeClient {
    url: String,
    timeout: Duration,
    user_agent: HeaderValue,
    client: SharedHttpClient,
}

impl RangeClient {
    pub(super) fn new(url: String, timeout: Duration, user_agent: HeaderValue, client: SharedHttpClient) -> Self {
        Self { url, timeout, user_agent, client }
    }

    /// Returns how often a password was breached, by one request. Only five digits of its SHA-1 are sent.
    ///
    /// # Errors
    ///
    /// Returns why there is no result. It never means that the password was breached.
    pub(crate) async fn count(&self, password: &str) -> Result<u64, BreachCheckError> {
        let hash = upper_case_sha1(password);
        let (prefix, suffix) = hash.split_at_checked(hash.len() - SUFFIX_LEN).unwrap_or_default();
        let response = self.client.send(self.request(prefix)?);
        let response = tokio::time::timeout(self.timeout, response).await.map_err(|_| BreachCheckError::Timeout)?;
        let response = response.map_err(BreachCheckError::Client)?;
        if response.status() != StatusCode::OK {
            return Err(BreachCheckError::Status(response.status().as_u16()));
        }
        if response.body().len() > MAX_BODY {
            return Err(BreachCheckError::TooLong);
        }
        count(response.body(), suffix).ok_or(BreachCheckError::NoRange)
    }

    fn request(&self, prefix: &str) -> Result<Request<Vec<u8>>, BreachCheckError> {
        let request = Request::get(format!("{}/{prefix}", self.url))
            .header(ACCEPT, "text/plain")
            .header(ACCEPT_ENCODING, "identity")
            .header(ADD_PADDING, "true")
            .header(USER_AGENT, &self.user_agent);
        request.body(Vec::new()).map_err(|error| BreachCheckError::Client(error.to_string()))
    }
}

fn upper_case_sha1(password: &str) -> Zeroizing<String> {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    Zeroizing::new(hex::encode_upper(hash))
}

const ADD_PADDING: HeaderName = HeaderName::from_static("add-padding");

#[cfg(test)]
mod tests;
