//! `ReqwestClient`: the built-in HTTP client. The only file that uses reqwest.

use std::error::Error;
use std::time::Duration;

use http::Response;

use crate::jwt::remote::fetch::{Fetch, MAX_BODY};

/// The built-in client: rustls, no redirects, two seconds to connect, five seconds in total.
///
/// A redirect could lead to another host or to http. The keys at its end would be trusted like those of the issuer.
#[derive(Debug)]
pub(crate) struct ReqwestClient(reqwest::Client);

impl ReqwestClient {
    /// Creates a client. Returns `None` if the platform's certificates cannot be loaded.
    pub(crate) fn new() -> Option<Self> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(2))
            .timeout(Duration::from_secs(5))
            .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")))
            .build();
        client.ok().map(Self)
    }
}

impl Fetch for ReqwestClient {
    async fn get(&self, url: &str) -> Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>> {
        let sent = self.0.get(url).header("accept", "application/json").send().await;
        // Errors reach the log, and the URL may have a secret in its query.
        let mut received = sent.map_err(reqwest::Error::without_url)?;
        let mut body = Vec::new();
        // Read in chunks, so that an endless body takes no memory beyond the limit. `HttpClient` rejects one above it.
        while let Some(chunk) = received.chunk().await.map_err(reqwest::Error::without_url)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BODY {
                break;
            }
        }
        let mut response = Response::new(body);
        *response.status_mut() = received.status();
        *response.headers_mut() = std::mem::take(received.headers_mut());
        Ok(response)
    }
}
