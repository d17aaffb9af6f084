//! The layers that a `Stack` may have. The type of a layer whose feature is disabled is `Disabled`.

#[cfg(feature = "cors")]
pub(super) use crate::cors::Cors;
#[cfg(feature = "headers")]
pub(super) use crate::headers::SecurityHeaders;
#[cfg(feature = "rate_limit")]
pub(super) use crate::rate_limit::RateLimit;

#[cfg(not(feature = "cors"))]
pub(super) type Cors = disabled::Disabled;
#[cfg(not(feature = "headers"))]
pub(super) type SecurityHeaders = disabled::Disabled;
#[cfg(not(feature = "rate_limit"))]
pub(super) type RateLimit = disabled::Disabled;

#[cfg(not(all(feature = "cors", feature = "headers", feature = "rate_limit")))]
mod disabled {
    use http::request;

    use crate::gate::{Entry, Gate};

    /// The type of a layer whose feature is disabled. It has no value, so its `Option` is always `None`.
    #[derive(Clone, Debug)]
    pub(in crate::stack) enum Disabled {}

    impl Disabled {
        #[cfg(not(feature = "rate_limit"))]
        pub(in crate::stack) fn needs_address(&self) -> bool {
            match *self {}
        }

        #[cfg(not(feature = "rate_limit"))]
        pub(in crate::stack) fn needs_user(&self) -> bool {
            match *self {}
        }

        #[cfg(not(feature = "rate_limit"))]
        pub(in crate::stack) fn requires_user_on(&self, _: &[crate::context::RoutePattern]) -> bool {
            match *self {}
        }
    }

    impl Gate for Disabled {
        type Pass = ();

        fn enter(&self, _: &mut request::Parts) -> Entry<()> {
            match *self {}
        }
    }
}
