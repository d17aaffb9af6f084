//! A real browser on two origins: what its pages may read of an app, and what it keeps, sends and runs.

mod actual;
mod caching;
mod chromium;
mod cookies;
mod credentials;
mod headers;
mod preflight;
mod refusals;
mod site;

use std::collections::BTreeMap;

use axum::Router;
use axum::routing::any;
use portcullis::cors::CorsBuilder;
use portcullis::{Cors, OriginSet};
use serde::Deserialize;
use serde_json::{Value, json};

use chromium::{Chromium, Tab};
use site::Site;

/// What a page read of an answer.
#[derive(Debug, Deserialize)]
struct Answer {
    status: u16,
    body: String,
    fields: BTreeMap<String, String>,
}

impl Answer {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

/// What the page of this tab reads of the answer to `fetch` with these options; else what the browser tells it instead.
#[track_caller]
fn fetched(tab: &Tab<'_>, url: &str, options: &Value) -> Result<Answer, String> {
    let answer = tab.run(&format!(
        "fetch({}, {options}).then(
            async (answer) => ({{
                status: answer.status,
                body: await answer.text(),
                fields: Object.fromEntries(answer.headers),
            }}),
            (error) => String(error),
        )",
        json!(url)
    ));
    match answer {
        Value::String(error) => Err(error),
        answer => Ok(serde_json::from_value(answer).unwrap()),
    }
}

/// Asserts that the page reads this, with status 200.
#[track_caller]
fn reads(answer: Result<Answer, String>, body: &str) {
    let answer = answer.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, body));
}

/// Asserts that the page is told nothing.
#[track_caller]
fn is_hidden(answer: &Result<Answer, String>) {
    assert_eq!(answer.as_ref().err().map(String::as_str), Some("TypeError: Failed to fetch"), "{answer:?}");
}

/// Lets the pages of this site in, under the name `localhost`, and nothing else.
fn for_pages_of(site: &Site) -> CorsBuilder {
    Cors::builder().origins(OriginSet::new([site.origin()]).unwrap())
}

/// An app that answers every request with its method, behind this `Cors`.
fn api(cors: CorsBuilder) -> Site {
    let handler = any(async |method: axum::http::Method| method.to_string());
    Site::of(Router::new().fallback(handler).layer(cors.build().unwrap()))
}
