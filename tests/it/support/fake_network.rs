//! `FakeNetwork`: a fake HTTP client that records the requested URLs and returns the configured responses.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{Request, Response, StatusCode};
use portcullis::http_client::HttpClient;
use portcullis::testing::TestIssuer;
use serde_json::{Value, json};
use tokio::sync::watch;

/// An HTTP client without a network. Clones share their state.
#[derive(Clone)]
pub(crate) struct FakeNetwork(Arc<State>);

struct State {
    requested_urls: Mutex<Vec<String>>,
    responder: Mutex<Responder>,
    delay: Mutex<Duration>,
    faults: Mutex<HashMap<&'static str, Fault>>,
    is_holding: watch::Sender<bool>,
}

/// What happens to requests for a URL instead of a response.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    Reset,
    Stall,
}

/// Makes the response for a URL.
#[derive(Clone)]
struct Responder(Arc<dyn Fn(&str) -> Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>> + Send + Sync>);

impl FakeNetwork {
    /// A network that returns the key set which the issuer publishes at the time of the request.
    pub(crate) fn serving_keys_of(issuer: &TestIssuer) -> Self {
        Self(Arc::new(State {
            requested_urls: Mutex::default(),
            responder: Mutex::new(keys_of(issuer)),
            delay: Mutex::default(),
            faults: Mutex::default(),
            is_holding: watch::Sender::new(false),
        }))
    }

    /// Returns the keys of this issuer from now on.
    pub(crate) fn serve_keys_of(&self, issuer: &TestIssuer) {
        self.set(keys_of(issuer));
    }

    /// Returns these responses from now on. A request in flight keeps its earlier response.
    pub(crate) fn respond_with(&self, respond: impl Fn(&str) -> Response<Vec<u8>> + Send + Sync + 'static) {
        self.set(Responder(Arc::new(move |url| Ok(respond(url)))));
    }

    /// Returns this key set from now on.
    pub(crate) fn serve_key_set(&self, key_set: impl Into<Vec<u8>>) {
        let key_set = key_set.into();
        self.respond_with(move |_| Response::new(key_set.clone()));
    }

    /// Fails all requests from now on.
    pub(crate) fn go_down(&self) {
        self.set(Responder(Arc::new(|_| Err("connection refused".into()))));
    }

    /// Panics on all requests from now on.
    pub(crate) fn panic_on_requests(&self) {
        self.set(Responder(Arc::new(|_| panic!("a bug in the HTTP client"))));
    }

    /// Resets or stalls requests for this URL from now on.
    ///
    /// A test that stalls requests runs on paused time (`start_paused`).
    pub(crate) fn break_url(&self, url: &'static str, fault: Fault) {
        self.0.faults.lock().unwrap().insert(url, fault);
    }

    /// Delays each response by this time, on tokio's clock.
    pub(crate) fn delay_responses_by(&self, delay: Duration) {
        *self.0.delay.lock().unwrap() = delay;
    }

    /// Holds all responses back until `release_responses`.
    ///
    /// A test that calls this runs on paused time (`start_paused`), so that the timeout of a fetch cannot pass.
    pub(crate) fn hold_responses(&self) {
        self.0.is_holding.send_replace(true);
    }

    pub(crate) fn release_responses(&self) {
        self.0.is_holding.send_replace(false);
    }

    pub(crate) fn request_count(&self) -> usize {
        self.0.requested_urls.lock().unwrap().len()
    }

    pub(crate) fn requested_urls(&self) -> Vec<String> {
        self.0.requested_urls.lock().unwrap().clone()
    }

    fn set(&self, responder: Responder) {
        *self.0.responder.lock().unwrap() = responder;
    }
}

impl HttpClient for FakeNetwork {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>> {
        let url = &*request.uri().to_string();
        self.0.requested_urls.lock().unwrap().push(url.to_owned());
        let fault = self.0.faults.lock().unwrap().get(url).copied();
        match fault {
            Some(Fault::Reset) => return Err("connection reset by peer".into()),
            Some(Fault::Stall) => std::future::pending().await,
            None => {}
        }
        let responder = self.0.responder.lock().unwrap().clone();
        let response = (responder.0)(url);
        let delay = *self.0.delay.lock().unwrap();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        self.0.is_holding.subscribe().wait_for(|is_holding| !is_holding).await?;
        response
    }
}

fn keys_of(issuer: &TestIssuer) -> Responder {
    let issuer = issuer.clone();
    Responder(Arc::new(move |_| Ok(Response::new(issuer.jwks().into_bytes()))))
}

/// An empty response with this status.
pub(crate) fn empty_response(status: u16) -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

pub(crate) fn with_cache_control(key_set: &str, value: &'static str) -> Response<Vec<u8>> {
    Response::builder().header("cache-control", value).body(key_set.as_bytes().to_vec()).unwrap()
}

/// The JWKs that an issuer publishes, for a test to change.
pub(crate) fn published_jwks(issuer: &TestIssuer) -> Vec<Value> {
    let key_set: Value = serde_json::from_str(&issuer.jwks()).unwrap();
    key_set["keys"].as_array().unwrap().clone()
}

/// A key set of these JWKs.
pub(crate) fn key_set_of(keys: &[Value]) -> Vec<u8> {
    json!({ "keys": keys }).to_string().into_bytes()
}
