//! Security events: what an app logs about logins, rejections and sessions, as typed data.
//!
//! The crate logs each rejection, the start and the end of each session, and each change of an API key as an event of
//! [`tracing`](https://docs.rs/tracing) with the target `portcullis::audit`. An app emits what only its own code knows,
//! for example that a password was wrong. A subscriber of the app reads both as a [`SecurityEvent`]:
//!
//! ```
//! use portcullis::security_event::SecurityEvent;
//! use tracing::{Event, Subscriber};
//! use tracing_subscriber::layer::{Context, Layer};
//!
//! /// Prints the notices, instead of sending them to the user.
//! struct Notices;
//!
//! impl<S: Subscriber> Layer<S> for Notices {
//!     fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
//!         let Some(event) = SecurityEvent::from_tracing(event) else { return };
//!         if event.kind().is_notice() {
//!             println!("{} of {:?}", event.kind(), event.user());
//!         }
//!     }
//! }
//! # use portcullis::security_event::EventKind;
//! # use tracing_subscriber::layer::SubscriberExt;
//! # let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(Notices));
//!
//! SecurityEvent::new(EventKind::PasswordChanged).with_user("user-7").emit();
//! ```
//!
//! The guide [writes JSON lines](crate::_guide::recipes::audit_events), maps the events to OWASP and OCSF, and counts
//! failures.
//!
//! # Events of the crate
//!
//! | event | cause |
//! |---|---|
//! | [`AccessDenied`](EventKind::AccessDenied) | a layer, an extractor or a [`Denial`](crate::gate::Denial) of a handler rejects a request with 400, 401 or 403 because of its credential, its user, its address or its origin |
//! | [`RateLimited`](EventKind::RateLimited) | a rate limit rejects a request with 429 |
//! | [`StoreUnavailable`](EventKind::StoreUnavailable) | a request gets 503, because a store, an issuer, an authorization server or the user loader is unavailable; at `debug`, because the outage itself is logged once at `warn`, with its remedy |
//! | [`SessionStarted`](EventKind::SessionStarted), [`SessionEnded`](EventKind::SessionEnded) | a login or a logout of `SessionAuth`, a revoked session, a back-channel logout, a security event of an identity provider |
//! | [`ApiKeyCreated`](EventKind::ApiKeyCreated) and others of API keys | a method of `ApiKeyAuth` stores the change |
//! | [`CredentialsRevoked`](EventKind::CredentialsRevoked) | a method of `Revocations` revokes credentials |
//! | [`RiskStepUp`](EventKind::RiskStepUp), [`RiskRejected`](EventKind::RiskRejected), [`RiskCheckFailed`](EventKind::RiskCheckFailed) | a decision of `RiskCheck` |
//!
//! These are no events: a request without a credential, which every client may send; a denied CORS preflight, which
//! reads no data; a session that ends by its timeout, at which nothing runs; and a mistake of the app (500), which is
//! logged with its remedy at `error`.
//!
//! The event of a [`Denial`](crate::gate::Denial) that a handler returns as its error has neither user nor address nor
//! route, because a response does not know its request. Use a span of the request, for example that of tower-http's
//! `TraceLayer`.
//!
//! # Values
//!
//! No event has a password, a token, a cookie, a code or a key. The name that a user typed is a keyed hash in
//! [`account`](SecurityEvent::account), because users type passwords into the wrong field. In each value that may come
//! from a caller, control characters and quotes are escaped, and at most 256 bytes are kept, so that no value can start
//! a line of the log.
//!
//! # Cost
//!
//! An event that no subscriber wants costs some nanoseconds and no allocation. Others cost what the subscriber does:
//! it runs in the task of the request, so a slow one delays the response, and a panic of it is a panic of the request.
//! A flood of rejected requests is a flood of events: a subscriber may drop or sample them. With the feature `metrics`,
//! all are [counted](crate::_guide::recipes::audit_events#metrics) in any case.
//!
//! The module `shared_signals` has another `SecurityEvent`: one that an identity provider sends to the app.

mod account;
mod emit;
mod event;
mod kind;
#[cfg(feature = "metrics")]
pub(crate) mod metrics;
mod reason;
#[cfg(feature = "serde")]
mod serialization;
mod text;

pub use event::SecurityEvent;
pub use kind::{EventKind, EventOutcome, Ocsf};
pub use reason::Reason;
