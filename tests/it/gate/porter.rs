//! A gate that does as the request's `x-order` says, and a book of what it did.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use http::{HeaderValue, Request, Response, request};
use portcullis::gate::{Entry, Gate, Gated, Reply};
use tokio::sync::Notify;
use tower::Layer;

/// Admits, refuses or waits, as it is told.
#[derive(Clone, Default)]
pub(super) struct Porter {
    pub(super) book: Arc<Book>,
}

/// What a porter did, and the bell that those who wait are waiting for.
#[derive(Default)]
pub(super) struct Book {
    pub(super) bell: Notify,
    pub(super) left: AtomicUsize,
    pub(super) dropped: AtomicUsize,
}

/// What a porter hands to who enters; it tells the book when it is gone.
pub(super) struct Pass(Arc<Book>);

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, SeqCst);
    }
}

impl Porter {
    /// How often `leave` was called, and how many passes are gone.
    pub(super) fn left_and_dropped(&self) -> (usize, usize) {
        (self.book.left.load(SeqCst), self.book.dropped.load(SeqCst))
    }
}

impl Gate for Porter {
    type Pass = Pass;

    fn enter(&self, head: &mut request::Parts) -> Entry<Pass> {
        let order = head.headers.get("x-order").cloned().unwrap_or(HeaderValue::from_static("admit"));
        head.headers.insert("x-entered", HeaderValue::from_static("yes"));
        let book = Arc::clone(&self.book);
        match order.to_str().unwrap() {
            "admit" => Entry::Admit(Pass(book)),
            "refuse" => Entry::Refuse(refusal()),
            "wait" => Entry::wait(|head| async move {
                book.bell.notified().await;
                Ok((head, Pass(book)))
            }),
            "wait, then refuse" => Entry::wait(|_| async move {
                book.bell.notified().await;
                Err(refusal())
            }),
            other => panic!("{other} is no order"),
        }
    }

    fn leave<B>(&self, pass: Pass, response: &mut Response<B>) {
        assert!(Arc::ptr_eq(&pass.0, &self.book), "a pass of this gate");
        self.book.left.fetch_add(1, SeqCst);
        response.headers_mut().insert("x-left", HeaderValue::from_static("yes"));
    }
}

impl<S> Layer<S> for Porter {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}

/// All that a porter can be told, with the status that comes of it.
pub(super) const ORDERS: [(&str, u16); 4] =
    [("admit", 200), ("refuse", 403), ("wait", 200), ("wait, then refuse", 403)];

/// A request with this order.
pub(super) fn order(order: &str) -> Request<()> {
    Request::get("/").header("x-order", order).body(()).unwrap()
}

fn refusal() -> Reply {
    Reply::new(Response::builder().status(403).body(b"refused".to_vec()).unwrap())
}
