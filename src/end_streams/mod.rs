//! `EndStreams`: responses that end when the credential of their request ends.
//!
//! A layer checks a credential when the request arrives. An event stream that was opened a second before the token
//! expired, or before the user logged out, would continue until the client or the handler ends it. [`EndStreams`] ends
//! it with the credential.
//!
//! ```
//! use axum::{Router, routing::get};
//! use portcullis::{ConfigError, EndStreams, Issuer, JwtAuth, Revocations};
//!
//! fn app(revocations: &Revocations) -> Result<Router, ConfigError> {
//!     let auth = JwtAuth::builder()
//!         .issuer(Issuer::discover("https://auth.example.com"))
//!         .audience("https://api.example.com")
//!         .revocations(revocations)
//!         .build()?;
//!     Ok(Router::new()
//!         .route("/prices", get(prices))
//!         .layer(EndStreams::new()) // inside the layer that authenticates
//!         .layer(auth))
//! }
//! # async fn prices() {}
//! # assert!(app(&Revocations::builder().build().unwrap()).is_ok());
//! ```
//!
//! It works inside every layer that authenticates, inside [`AnyOf`](crate::AnyOf) and inside a
//! [`Stack`](crate::Stack): it reads the user of the request, which they provide. Around them, it finds none, and each
//! request gets 500.
//!
//! # What ends, and how
//!
//! | response | at the end of the credential |
//! |---|---|
//! | `text/event-stream`, `application/x-ndjson`, `application/json-seq`, `multipart/x-mixed-replace` | ends, as if the handler had ended it |
//! | `application/grpc`, with any suffix | ends with the trailers of a rejection: `grpc-status: 16`, its text and its `error-code` |
//! | `application/grpc-web`, `application/grpc-web-text` | ends with a frame of these trailers |
//! | any other | runs to its end, or is aborted with [`end_downloads`](crate::EndStreams::end_downloads) |
//!
//! - The credential ends when it expires, plus the leeway of the layer that verified it, or when its
//!   [`Revocations`](crate::Revocations) know that it was revoked. The stream ends within 1 s. If neither can happen,
//!   as for an API key that does not expire and a layer without `Revocations`, the stream is not ended. Nor is that of
//!   an anonymous caller.
//! - The idle timeout of a session ends no stream, but its absolute timeout and a logout do. What only the app knows,
//!   such as a user loader that would reject the user now, ends none either.
//! - A frame that the handler produces after the end is not sent, except its trailers. A frame is never cut. If the
//!   frames of a handler are not whole events, lines or messages, the last one may be incomplete.
//! - A stream or gRPC call whose size was promised (`Content-Length`), or that is compressed (`Content-Encoding`), cannot
//!   end cleanly, so it is aborted. Put a layer that compresses bodies around `EndStreams`.
//! - A client that reads nothing notices the end only when it reads again, but it gets nothing that was produced later.
//! - A body of a known size, such as JSON or HTML, counts as complete: it stays as it is. With `end_downloads`,
//!   this holds up to 64 KiB. Responses to `HEAD` and `CONNECT`, and those with the status 101, 204 or 304 stay as they
//!   are too.
//! - If the wall clock is set back, a stream continues for at most that time longer.
//!
//! An `EventSource` connects again when its stream ends. Its next request gets 401, by which the page knows that it needs
//! another credential. Over HTTP/1.1, the connection stays open for other requests.
//!
//! # What it does not do
//!
//! It does not end WebSockets or other upgraded connections, whose bytes pass no layer: use
//! [`UserContext::ended`](crate::UserContext::ended), as the [guide](crate::_guide::recipes::websockets) shows. It does
//! not end the bodies of requests, for example the messages of a client-streaming gRPC call: a handler that reads them
//! uses `ended` too.
//!
//! # Bodies
//!
//! The type of the body stays the same. It must be one that can be wrapped: see [`EndableBody`].
//!
//! # Costs
//!
//! A complete response costs no allocation. A stream costs one allocation and less than 200 bytes. For each frame, the
//! clock is read once. The table of watched credentials grows by one allocation for every 64 streams, and the heap of
//! expiries doubles its capacity when it is full. If the layer that authenticates has `Revocations`, a stream also keeps
//! the ids of its credential, which the streams of one cached token share: 240 bytes. Streams have no timers: one task
//! for each layer that authenticates waits for the next expiry.
//!
//! # Logs
//!
//! Each stream that is ended is logged at `debug`, with the `reason` (`expired` or `revoked`) and the kind of
//! `credential`. The line has the field `monotonic_counter.stream_ended`, which the metrics layer of the crate
//! `tracing-opentelemetry` counts.
//!
//! [`EndStreams`]: crate::EndStreams

mod endable_body;
mod ending;
mod ending_body;
mod grpc_end;
mod how;
pub(crate) mod layer;
mod service;

pub use endable_body::EndableBody;
pub use ending::{CredentialEnded, Ending};
pub use ending_body::EndingBody;
pub use service::{EndStreamsFuture, EndStreamsService};
