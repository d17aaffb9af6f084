//! `EventCapture`: the security events of the current thread.

use std::cell::RefCell;

use portcullis::security_event::{EventKind, SecurityEvent};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::log_capture;

thread_local! {
    static CAPTURED: RefCell<Option<Vec<SecurityEvent<'static>>>> = const { RefCell::new(None) };
}

/// Captures the security events of the current thread until it is dropped.
pub(crate) struct EventCapture(());

impl EventCapture {
    pub(crate) fn start() -> Self {
        log_capture::install();
        CAPTURED.set(Some(Vec::new()));
        Self(())
    }

    /// Returns the events since the last call.
    pub(crate) fn take(&self) -> Vec<SecurityEvent<'static>> {
        CAPTURED.with_borrow_mut(|captured| captured.as_mut().map(std::mem::take)).unwrap()
    }

    /// Returns the kinds of the events since the last call.
    pub(crate) fn kinds(&self) -> Vec<EventKind> {
        self.take().iter().map(SecurityEvent::kind).collect()
    }

    /// Returns the only event since the last call.
    pub(crate) fn one(&self) -> SecurityEvent<'static> {
        let events = self.take();
        let [event] = <[_; 1]>::try_from(events).unwrap_or_else(|events| panic!("one event, not {events:#?}"));
        event
    }
}

impl Drop for EventCapture {
    fn drop(&mut self) {
        CAPTURED.set(None);
    }
}

/// The layer that captures, as an app would write it.
struct Events;

impl<S: Subscriber> Layer<S> for Events {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Some(event) = SecurityEvent::from_tracing(event) else { return };
        CAPTURED.with_borrow_mut(|captured| captured.as_mut().unwrap().push(event));
    }
}

pub(super) fn layer<S: Subscriber + for<'span> LookupSpan<'span>>() -> impl Layer<S> {
    Events.with_filter(dynamic_filter_fn(|_, _| CAPTURED.with_borrow(Option::is_some)))
}
