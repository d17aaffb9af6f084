//! `FakeHttpClient`: an HTTP client that serves documents from memory and records the requested URLs.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex};

use axum::http::{Request, Response, StatusCode};
use portcullis::http_client::HttpClient;

/// Documents by URL. Any other URL is 404. Clones share the documents.
#[derive(Clone, Default)]
pub(crate) struct FakeHttpClient(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    documents: HashMap<String, Vec<u8>>,
    requested_urls: Vec<String>,
}

impl FakeHttpClient {
    pub(crate) fn with_document(url: impl Into<String>, document: impl Into<Vec<u8>>) -> Self {
        let client = Self::default();
        client.publish(url, document);
        client
    }

    /// Serves this document at this URL from now on.
    pub(crate) fn publish(&self, url: impl Into<String>, document: impl Into<Vec<u8>>) {
        self.0.lock().unwrap().documents.insert(url.into(), document.into());
    }

    /// The requested URLs, in order.
    pub(crate) fn requested_urls(&self) -> Vec<String> {
        self.0.lock().unwrap().requested_urls.clone()
    }
}

impl HttpClient for FakeHttpClient {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>> {
        let url = request.uri().to_string();
        let mut state = self.0.lock().unwrap();
        state.requested_urls.push(url.clone());
        let document = state.documents.get(&url).cloned();
        let status = if document.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
        let mut response = Response::new(document.unwrap_or_default());
        *response.status_mut() = status;
        Ok(response)
    }
}
