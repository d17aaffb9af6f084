//! The functions of a limit that read a request or a response: its cost, whether it counts, whether it failed.

use std::sync::Arc;

use http::{StatusCode, request};

use crate::context::RoutePattern;

/// What a request costs, in units.
#[derive(Clone)]
pub(in crate::rate_limit) enum Cost {
    Fixed(u32),
    Computed(Arc<dyn Fn(&request::Parts) -> u32 + Send + Sync>),
}

impl Cost {
    #[inline]
    pub(in crate::rate_limit) fn of(&self, head: &request::Parts) -> u32 {
        match self {
            Self::Fixed(units) => *units,
            Self::Computed(units) => units(head),
        }
    }
}

/// The requests that a limit counts: those that meet both conditions. `None` is met by all requests.
#[derive(Clone, Default)]
pub(in crate::rate_limit) struct RequestFilter {
    pub(in crate::rate_limit) routes: Option<Arc<[RoutePattern]>>,
    pub(in crate::rate_limit) condition: Option<Arc<dyn Fn(&request::Parts) -> bool + Send + Sync>>,
}

/// Which response statuses are failures.
#[derive(Clone)]
pub(in crate::rate_limit) struct FailureCondition(Arc<dyn Fn(StatusCode) -> bool + Send + Sync>);

impl FailureCondition {
    pub(super) fn new(is_failure: impl Fn(StatusCode) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_failure))
    }

    pub(in crate::rate_limit) fn is_failure(&self, status: StatusCode) -> bool {
        (self.0)(status)
    }
}
