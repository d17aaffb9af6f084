//! Tests with a real browser: which responses pages can read, which requests are sent, and which scripts run.

mod actual;
mod caching;
mod cookies;
mod credentials;
mod event_streams;
mod headers;
mod preflight;
mod rejections;
mod sessions;
mod websockets;

use std::collections::BTreeMap;

use axum::Router;
use axum::routing::any;
use portcullis::cors::CorsBuilder;
use portcullis::{Cors, OriginSet};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::chromium::{Chromium, Tab};
use crate::support::site::Site;

/// A response, as a page can read it.
#[derive(Debug, Deserialize)]
struct PageResponse {
    status: u16,
    body: String,
    headers: BTreeMap<String, String>,
}

impl PageResponse {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// Calls `fetch` in the page of this tab. Returns the response, or the error that the page sees.
#[track_caller]
fn fetch(tab: &Tab<'_>, url: &str, options: &Value) -> Result<PageResponse, String> {
    let result = tab.run(&format!(
        "fetch({}, {options}).then(
            async (response) => ({{
                status: response.status,
                body: await response.text(),
                headers: Object.fromEntries(response.headers),
            }}),
            (error) => String(error),
        )",
        json!(url)
    ));
    match result {
        Value::String(error) => Err(error),
        response => Ok(serde_json::from_value(response).unwrap()),
    }
}

/// Asserts that the page can read a 200 with this body.
#[track_caller]
fn assert_reads(result: Result<PageResponse, String>, body: &str) {
    let response = result.unwrap();
    assert_eq!((response.status, response.body.as_str()), (200, body));
}

/// Asserts that the page cannot read the response.
#[track_caller]
fn assert_unreadable(result: &Result<PageResponse, String>) {
    assert_eq!(result.as_ref().err().map(String::as_str), Some("TypeError: Failed to fetch"), "{result:?}");
}

/// Allows only the pages of this site, under the name `localhost`.
fn for_pages_of(site: &Site) -> CorsBuilder {
    Cors::builder().origins(OriginSet::new([site.origin()]).unwrap())
}

/// An app that responds to every request with its method, behind this `Cors`.
fn api(cors: CorsBuilder) -> Site {
    let handler = any(async |method: axum::http::Method| method.to_string());
    Site::of(Router::new().fallback(handler).layer(cors.build().unwrap()))
}
