//! `Network`: a client that records what it is asked, and answers as it is told.

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{Response, StatusCode};
use portcullis::jwt::Fetch;
use portcullis::testing::TestIssuer;
use serde_json::{Value, json};
use tokio::sync::watch;

#[derive(Clone)]
pub(super) struct Network(Arc<State>);

struct State {
    urls: Mutex<Vec<String>>,
    answer: Mutex<Answer>,
    delay: Mutex<Duration>,
    held: watch::Sender<bool>,
}

#[derive(Clone)]
struct Answer(Arc<dyn Fn(&str) -> Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>> + Send + Sync>);

impl Network {
    fn new(answer: Answer) -> Self {
        Self(Arc::new(State {
            urls: Mutex::default(),
            answer: Mutex::new(answer),
            delay: Mutex::default(),
            held: watch::Sender::new(false),
        }))
    }

    /// Leads to what the issuer publishes at the time.
    pub(super) fn to(issuer: &TestIssuer) -> Self {
        Self::new(keys_of(issuer))
    }

    pub(super) fn leads_to(&self, issuer: &TestIssuer) {
        self.set(keys_of(issuer));
    }

    /// Answers like this from now on; a call under way keeps the answer it was made for.
    pub(super) fn answers(&self, answer: impl Fn(&str) -> Response<Vec<u8>> + Send + Sync + 'static) {
        self.set(Answer(Arc::new(move |url| Ok(answer(url)))));
    }

    pub(super) fn publishes(&self, set: impl Into<Vec<u8>>) {
        let set = set.into();
        self.answers(move |_| Response::new(set.clone()));
    }

    pub(super) fn is_down(&self) {
        self.set(Answer(Arc::new(|_| Err("connection refused".into()))));
    }

    pub(super) fn panics(&self) {
        self.set(Answer(Arc::new(|_| panic!("a client with a fault"))));
    }

    pub(super) fn delays(&self, delay: Duration) {
        *self.0.delay.lock().unwrap() = delay;
    }

    /// Keeps every answer back until `release`.
    pub(super) fn hold(&self) {
        self.0.held.send_replace(true);
    }

    pub(super) fn release(&self) {
        self.0.held.send_replace(false);
    }

    pub(super) fn calls(&self) -> usize {
        self.0.urls.lock().unwrap().len()
    }

    pub(super) fn urls(&self) -> Vec<String> {
        self.0.urls.lock().unwrap().clone()
    }

    fn set(&self, answer: Answer) {
        *self.0.answer.lock().unwrap() = answer;
    }
}

impl Fetch for Network {
    async fn get(&self, url: &str) -> Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>> {
        self.0.urls.lock().unwrap().push(url.to_owned());
        let answer = self.0.answer.lock().unwrap().clone();
        let answer = (answer.0)(url);
        let delay = *self.0.delay.lock().unwrap();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        self.0.held.subscribe().wait_for(|held| !held).await?;
        answer
    }
}

fn keys_of(issuer: &TestIssuer) -> Answer {
    let issuer = issuer.clone();
    Answer(Arc::new(move |_| Ok(Response::new(issuer.jwks().into_bytes()))))
}

pub(super) fn status(status: u16) -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

pub(super) fn with_cache_control(set: &str, value: &'static str) -> Response<Vec<u8>> {
    Response::builder().header("cache-control", value).body(set.as_bytes().to_vec()).unwrap()
}

/// The keys that an issuer publishes, to be changed.
pub(super) fn jwks(issuer: &TestIssuer) -> Vec<Value> {
    let set: Value = serde_json::from_str(&issuer.jwks()).unwrap();
    set["keys"].as_array().unwrap().clone()
}

pub(super) fn set_of(keys: &[Value]) -> Vec<u8> {
    json!({ "keys": keys }).to_string().into_bytes()
}
