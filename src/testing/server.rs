//! `Server`: the loopback HTTP server of a `TestIssuer`.
//!
//! A real server, so that the built-in HTTP client is under test too. It runs on the runtime of the test.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// An HTTP server that serves JSON documents by path. It stops when it is dropped.
pub(super) struct Server {
    addr: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    documents: HashMap<&'static str, String>,
    status: StatusCode,
    request_count: usize,
}

impl Server {
    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State::default()));
        let task = tokio::spawn(serve(listener, Arc::clone(&state)));
        Ok(Self { addr, state, task })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Adds these documents by path, replacing earlier ones.
    pub(super) fn publish(&self, documents: impl IntoIterator<Item = (&'static str, String)>) {
        lock(&self.state).documents.extend(documents);
    }

    /// Sets the status of responses to requests for an existing document.
    pub(super) fn set_status(&self, status: StatusCode) {
        lock(&self.state).status = status;
    }

    pub(super) fn request_count(&self) -> usize {
        lock(&self.state).request_count
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        let service = service_fn(move |request: Request<Incoming>| {
            let response = respond(&mut lock(&state), request.uri().path());
            async move { Ok::<_, Infallible>(response) }
        });
        // Without keep-alive, no connection outlives a stopped server.
        let connection = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connection);
    }
}

fn respond(state: &mut State, path: &str) -> Response<Full<Bytes>> {
    state.request_count += 1;
    let document = state.documents.get(path).cloned();
    let status = if document.is_some() { state.status } else { StatusCode::NOT_FOUND };
    let mut response = Response::new(Full::from(document.unwrap_or_default()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
