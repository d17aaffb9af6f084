//! `ScriptedGate`: a gate whose decision is the request's `x-decision` header, and a record of its calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use http::{HeaderValue, Request, Response, request};
use portcullis::gate::{Entry, Gate, Gated, Reply};
use tokio::sync::Notify;
use tower::Layer;

/// Admits, rejects or waits, as the `x-decision` header requests.
#[derive(Clone, Default)]
pub(crate) struct ScriptedGate {
    pub(crate) record: Arc<Record>,
}

/// The calls of a gate, and the notification that its waiting decisions wait for.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) proceed: Notify,
    pub(crate) leave_calls: AtomicUsize,
    pub(crate) dropped_passes: AtomicUsize,
}

/// The pass of the gate. It records when it is dropped.
pub(crate) struct RecordedPass(Arc<Record>);

impl Drop for RecordedPass {
    fn drop(&mut self) {
        self.0.dropped_passes.fetch_add(1, SeqCst);
    }
}

impl ScriptedGate {
    /// The number of calls of `leave`, and the number of dropped passes.
    pub(crate) fn leave_calls_and_dropped_passes(&self) -> (usize, usize) {
        (self.record.leave_calls.load(SeqCst), self.record.dropped_passes.load(SeqCst))
    }
}

impl Gate for ScriptedGate {
    type Pass = RecordedPass;

    fn enter(&self, head: &mut request::Parts) -> Entry<RecordedPass> {
        let decision = head.headers.get("x-decision").cloned().unwrap_or(HeaderValue::from_static("admit"));
        head.headers.insert("x-entered", HeaderValue::from_static("yes"));
        let record = Arc::clone(&self.record);
        match decision.to_str().unwrap() {
            "admit" => Entry::Admit(RecordedPass(record)),
            "reject" => Entry::Refuse(rejection()),
            "wait, then admit" => Entry::wait(|head| async move {
                record.proceed.notified().await;
                Ok((head, RecordedPass(record)))
            }),
            "wait, then reject" => Entry::wait(|_| async move {
                record.proceed.notified().await;
                Err(rejection())
            }),
            other => panic!("unknown decision {other}"),
        }
    }

    fn leave<B>(&self, pass: RecordedPass, response: &mut Response<B>) {
        assert!(Arc::ptr_eq(&pass.0, &self.record), "the pass belongs to this gate");
        self.record.leave_calls.fetch_add(1, SeqCst);
        response.headers_mut().insert("x-leave-called", HeaderValue::from_static("yes"));
    }
}

impl<S> Layer<S> for ScriptedGate {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}

/// All decisions, with the status of the response.
pub(crate) const DECISIONS: [(&str, u16); 4] =
    [("admit", 200), ("reject", 403), ("wait, then admit", 200), ("wait, then reject", 403)];

/// A request for this decision.
pub(crate) fn request_for(decision: &str) -> Request<()> {
    Request::get("/").header("x-decision", decision).body(()).unwrap()
}

fn rejection() -> Reply {
    Reply::new(Response::builder().status(403).body("rejected").unwrap())
}
