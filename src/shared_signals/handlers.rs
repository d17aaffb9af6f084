//! `EventHandler`, `PollAuthorization` and `SubjectMap`: the functions of the app, type-erased.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::revocation::Revocation;
use crate::shared_signals::event::SecurityEvent;
use crate::shared_signals::subject::EventSubject;

/// What a function of the app fails with.
pub(super) type AppError = Box<dyn Error + Send + Sync>;

type Returned<T> = Pin<Box<dyn Future<Output = Result<T, AppError>> + Send>>;

/// The function of `on_event`.
#[derive(Clone)]
pub(super) struct EventHandler(Arc<dyn Fn(SecurityEvent) -> Returned<()> + Send + Sync>);

impl EventHandler {
    pub(super) fn new<F, Fut>(handle: F) -> Self
    where
        F: Fn(SecurityEvent) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), AppError>> + Send + 'static,
    {
        Self(Arc::new(move |event| Box::pin(handle(event))))
    }

    pub(super) async fn call(&self, event: SecurityEvent) -> Result<(), AppError> {
        (self.0)(event).await
    }
}

impl fmt::Debug for EventHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventHandler").finish_non_exhaustive()
    }
}

/// The function of `build_poller`, which returns the value of the header `Authorization`.
#[derive(Clone)]
pub(super) struct PollAuthorization(Arc<dyn Fn() -> Returned<String> + Send + Sync>);

impl PollAuthorization {
    pub(super) fn new<F, Fut>(value: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String, AppError>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(value())))
    }

    pub(super) async fn call(&self) -> Result<String, AppError> {
        (self.0)().await
    }
}

impl fmt::Debug for PollAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollAuthorization").finish_non_exhaustive()
    }
}

/// The function of `map_subject`.
#[derive(Clone)]
pub(super) struct SubjectMap(Arc<dyn Fn(EventSubject) -> Returned<Option<Revocation>> + Send + Sync>);

impl SubjectMap {
    pub(super) fn new<F, Fut>(map: F) -> Self
    where
        F: Fn(EventSubject) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Option<Revocation>, AppError>> + Send + 'static,
    {
        Self(Arc::new(move |subject| Box::pin(map(subject))))
    }

    pub(super) async fn call(&self, subject: EventSubject) -> Result<Option<Revocation>, AppError> {
        (self.0)(subject).await
    }
}

impl fmt::Debug for SubjectMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubjectMap").finish_non_exhaustive()
    }
}
