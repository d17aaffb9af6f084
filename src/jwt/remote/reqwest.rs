//! The built-in HTTP client. The only room that names reqwest.

use std::error::Error;
use std::time::Duration;

use http::Response;

use crate::jwt::remote::fetch::{Fetch, MAX_BODY};

/// The built-in client: rustls, no redirect, two seconds to connect, five in all.
#[derive(Debug)]
pub(crate) struct ReqwestClient(reqwest::Client);

impl ReqwestClient {
    /// `None` where the platform's certificates cannot be loaded.
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
        // Without the URL, whose query may hold a secret: the reason ends in the log.
        let mut answer = sent.map_err(reqwest::Error::without_url)?;
        let mut body = Vec::new();
        // One byte beyond the bound is enough to know that it is exceeded.
        while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BODY {
                break;
            }
        }
        let mut response = Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}
