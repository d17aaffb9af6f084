//! `Site`: a server on a free loopback port that logs the requests it receives.

use std::net::Ipv4Addr;
use std::sync::{Arc, LazyLock, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Html;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// A server, which accepts connections until this value is dropped. Each loopback name of this machine reaches it.
pub(crate) struct Site {
    port: u16,
    log: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Site {
    /// A site with an empty page at every path.
    pub(crate) fn blank() -> Self {
        Self::of(Router::new().fallback(get(|| async { Html("<!doctype html><title>A page</title>") })))
    }

    pub(crate) fn of(app: Router) -> Self {
        let log = Arc::new(Mutex::new(Vec::new()));
        let entries = Arc::clone(&log);
        let app = app.layer(from_fn(move |request: Request, next: Next| {
            entries.lock().unwrap().push(entry(&request));
            next.run(request)
        }));
        let listener = RUNTIME.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = RUNTIME.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { port, log, task }
    }

    /// Returns its origin under this name: `localhost`, a subdomain of it, or an address.
    pub(crate) fn origin_as(&self, host: &str) -> String {
        format!("http://{host}:{}", self.port)
    }

    pub(crate) fn origin(&self) -> String {
        self.origin_as("localhost")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        self.origin() + path
    }

    /// Returns the requests since the last call: `PUT` or `preflight PUT`, and the path unless it is `/`.
    pub(crate) fn log(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn entry(request: &Request<Body>) -> String {
    let requested = request.headers().get("access-control-request-method");
    let method = match requested {
        Some(method) => format!("preflight {}", method.to_str().unwrap()),
        None => request.method().to_string(),
    };
    match request.uri().path() {
        "/" => method,
        path => format!("{method} {path}"),
    }
}

/// Runs the servers. The tests themselves block on the browser.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
