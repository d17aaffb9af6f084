//! Risk of a login or a request: a function of the app allows it, rejects it, or requires a further factor.
//!
//! A stolen password is valid. What differs is the device, the place or the time. Only the app knows its users' habits,
//! so it decides, and [`RiskCheck`] calls it: in a login handler, or as a layer on routes that need more care.
//!
//! ```
//! use portcullis::risk::{RiskCheck, RiskDecision, RiskFactor, RiskInput};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//!
//! let risk = RiskCheck::new(|input: RiskInput| async move {
//!     // Ask a database or a service here.
//!     Ok::<_, std::io::Error>(if input.failed_attempts() > 50 {
//!         RiskDecision::Reject(RiskFactor::FailedAttempts)
//!     } else if input.has_factor(RiskFactor::UnknownDevice) {
//!         RiskDecision::StepUp(RiskFactor::UnknownDevice)
//!     } else {
//!         RiskDecision::Allow
//!     })
//! });
//!
//! // In a login handler, after the password was verified:
//! let input = RiskInput::new()
//!     .with_user_id("user-7")
//!     .with_factor(RiskFactor::UnknownDevice);
//! match risk.assess(input).await {
//!     RiskDecision::Allow => { /* log the user in */ }
//!     RiskDecision::StepUp(_) => { /* ask for the second factor */ }
//!     _ => { /* respond as to a wrong password */ }
//! }
//! # }
//! ```
//!
//! # Responses
//!
//! | decision | in a login handler | as a layer |
//! |---|---|---|
//! | [`Allow`](RiskDecision::Allow) | continue | the handler's response |
//! | [`StepUp`](RiskDecision::StepUp) | ask for the second factor, whether or not the user asked to skip it | 401 with `error="insufficient_user_authentication"` (RFC 9470 §3) |
//! | [`Reject`](RiskDecision::Reject) | respond as to a wrong password | 401, as to an invalid credential |
//!
//! The response to a rejection must not show that the password was right, so its reason is only in the
//! [security event](crate::security_event). `StepUp` and `Reject` emit one each.
//!
//! # Failures
//!
//! A function that fails, or takes longer than 100 ms, counts as `Allow`: an outage of a service that rates addresses
//! must not lock all users out. [`fail_closed`](RiskCheck::fail_closed) rejects instead. Both emit an event and log the
//! cause.
//!
//! # As a layer
//!
//! Add it to routes, inside the layer that authenticates. As with the [`Require*`](crate::require) layers, an anonymous
//! request gets 401, and without an authenticating layer every request gets 500.
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::post};
//! use portcullis::risk::{RiskCheck, RiskDecision, RiskFactor, RiskInput};
//! use portcullis::{UserContext, testing::as_user};
//! # use tower::ServiceExt;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!
//! async fn assess(input: RiskInput) -> Result<RiskDecision, std::io::Error> {
//!     Ok(match input.user_agent() {
//!         Some(_) => RiskDecision::Allow,
//!         None => RiskDecision::StepUp(RiskFactor::UnknownDevice),
//!     })
//! }
//!
//! let payout = post(|| async {}).layer(RiskCheck::new(assess));
//! let app: Router = Router::new().route("/payout", payout);
//! # let app = app.layer(as_user(UserContext::new("ann")));
//! # let response = app.oneshot(Request::post("/payout").body(Body::empty())?).await?;
//!
//! // The response to a request without `User-Agent`:
//! assert_eq!(response.status(), 401);
//! let challenge = response.headers()["www-authenticate"].to_str()?;
//! assert!(challenge.contains("error=\"insufficient_user_authentication\""));
//! # Ok(())
//! # }
//! ```

mod check;
mod decision;
mod gate;
mod input;

pub use check::RiskCheck;
pub use decision::{RiskDecision, RiskFactor};
pub use input::RiskInput;
