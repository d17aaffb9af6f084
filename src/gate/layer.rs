//! `GateLayer`: the tower layer of a custom gate.

use tower_layer::Layer;

use crate::gate::engine::{Gate, Gated};

/// Creates a tower layer that runs a custom [`Gate`].
///
/// The layers of this crate need no such call: they are layers and gates at once.
///
/// ```
/// use axum::http::{Response, StatusCode, request};
/// use axum::{Router, body::Body, http::Request, routing::get};
/// use portcullis::gate::{self, Entry, Gate, Reply};
/// use tower::ServiceExt;
///
/// /// Rejects every request while the app is in maintenance.
/// #[derive(Clone)]
/// struct Maintenance;
///
/// impl Gate for Maintenance {
///     type Pass = ();
///
///     fn enter(&self, _: &mut request::Parts) -> Entry<()> {
///         let mut response = Response::new("down for maintenance");
///         *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
///         Entry::Refuse(Reply::new(response))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let app: Router = Router::new()
///     .route("/", get(|| async {}))
///     .layer(gate::layer(Maintenance));
/// let request = Request::get("/").body(Body::empty()).unwrap();
/// assert_eq!(app.oneshot(request).await.unwrap().status(), 503);
/// # }
/// ```
#[doc(alias("custom layer", "from_fn", "layer_fn", "middleware"))]
pub fn layer<G: Gate>(gate: G) -> GateLayer<G> {
    GateLayer(gate)
}

/// A tower layer that runs a custom gate; see [`layer`].
#[derive(Clone, Debug)]
#[must_use]
pub struct GateLayer<G>(G);

impl<G: Clone, S> Layer<S> for GateLayer<G> {
    type Service = Gated<G, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.0.clone(), inner)
    }
}
