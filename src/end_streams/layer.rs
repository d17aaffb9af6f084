//! `EndStreams`: the settings of the layer.

use crate::revocation::handle::Revocations;

/// Ends a response when the credential of its request ends; see the [module](crate::end_streams).
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use axum::{Router, body::Body, http::Request, routing::get};
/// use axum::response::{IntoResponse, Sse, sse::Event};
/// use futures_util::{StreamExt, stream};
/// use portcullis::{EndStreams, UserContext, testing::as_user};
/// # use tower::ServiceExt;
///
/// async fn prices() -> impl IntoResponse {
///     let first = Ok::<_, axum::Error>(Event::default().data("4.2"));
///     Sse::new(stream::iter([first]).chain(stream::pending()))
/// }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), axum::Error> {
/// let expiry = SystemTime::now() + Duration::from_millis(100);
/// let ann = UserContext::new("ann").with_expires_at(expiry);
/// let app: Router = Router::new()
///     .route("/prices", get(prices))
///     .layer(EndStreams::new())
///     .layer(as_user(ann));
/// # let request = Request::get("/prices").body(Body::empty()).unwrap();
/// let response = app.oneshot(request).await.unwrap();
/// // The stream has no end of its own.
/// let body = axum::body::to_bytes(response.into_body(), 1_000).await?;
/// assert_eq!(body, "data: 4.2\n\n");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct EndStreams {
    pub(super) ends_downloads: bool,
    pub(super) revocations: Option<Revocations>,
}

impl EndStreams {
    /// Creates a layer that ends gRPC calls, event streams and other streams.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also aborts all other bodies (default: they run to their end).
    ///
    /// A body is aborted with an error, so that a file that was sent in part does not look complete: over HTTP/1.1, the
    /// connection is closed without the last chunk, and over HTTP/2, the stream is reset. Over HTTP/1.0, which has no
    /// chunks, only a body with `Content-Length` can show that it is incomplete. A body of a known size up to 64 KiB
    /// counts as complete; a longer one costs an allocation.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use portcullis::EndStreams;
    ///
    /// let app: Router = Router::new()
    ///     .route("/exports/{id}", get(async || "many rows"))
    ///     .layer(EndStreams::new().end_downloads());
    /// # let _ = app;
    /// ```
    pub fn end_downloads(mut self) -> Self {
        self.ends_downloads = true;
        self
    }

    /// Also ends streams when this handle revokes the credential (default: only that of the layer).
    ///
    /// Set it for the users of a custom gate, or of a layer without `Revocations`: by default, their streams end only
    /// when the credential expires. A layer of this crate that was built with `Revocations` uses those instead.
    ///
    /// ```
    /// use portcullis::{ConfigError, EndStreams, Revocations};
    ///
    /// let revocations = Revocations::builder().build()?;
    /// let layer = EndStreams::new().revocations(&revocations);
    /// # let _ = layer;
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn revocations(mut self, revocations: &Revocations) -> Self {
        self.revocations = Some(revocations.clone());
        self
    }
}
