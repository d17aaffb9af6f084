//! A client that finds each URL's document in memory, and tells which URLs were asked for.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex};

use axum::http::{Response, StatusCode};
use portcullis::jwt::Fetch;

/// Documents by URL; any other URL is a 404. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct FakeFetch(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    documents: HashMap<String, Vec<u8>>,
    asked: Vec<String>,
}

impl FakeFetch {
    pub(crate) fn at(url: impl Into<String>, document: impl Into<Vec<u8>>) -> Self {
        let published = Self::default();
        published.set(url, document);
        published
    }

    pub(crate) fn set(&self, url: impl Into<String>, document: impl Into<Vec<u8>>) {
        self.0.lock().unwrap().documents.insert(url.into(), document.into());
    }

    /// The URLs asked for, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().asked.clone()
    }
}

impl Fetch for FakeFetch {
    async fn get(&self, url: &str) -> Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>> {
        let mut state = self.0.lock().unwrap();
        state.asked.push(url.to_owned());
        let document = state.documents.get(url).cloned();
        let status = if document.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
        let mut response = Response::new(document.unwrap_or_default());
        *response.status_mut() = status;
        Ok(response)
    }
}
