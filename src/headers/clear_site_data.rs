//! `ClearSiteData`: a layer for the route that logs a user out.

use http::{HeaderName, HeaderValue, Response, request};
use tower_layer::Layer;

use crate::field::grpc;
use crate::field::header_map::insert_if_absent;
use crate::gate::{Entry, Gate, Gated, ResponseHeaders};

/// Has the browser forget what it keeps of the site (W3C Clear Site Data): a layer for the route that logs a user out.
///
/// It is sent with answers that succeed or redirect, unless the handler sent one. Browsers heed it over https and from loopback.
///
/// ```
/// use axum::{Router, body::Body, http::Request, routing::post};
/// use portcullis::headers::ClearSiteData;
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let app: Router = Router::new().route("/logout", post(|| async {}).layer(ClearSiteData::cache_cookies_storage()));
/// let answer = app.oneshot(Request::post("/logout").body(Body::empty()).unwrap()).await.unwrap();
/// assert_eq!(answer.headers()["clear-site-data"], "\"cache\", \"cookies\", \"storage\"");
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ClearSiteData(HeaderValue);

impl ClearSiteData {
    /// Cookies alone, of the whole domain.
    pub fn cookies() -> Self {
        Self(HeaderValue::from_static("\"cookies\""))
    }

    /// What was stored of answers, cookies, and all storage that scripts have: what a log-out means to clear.
    pub fn cache_cookies_storage() -> Self {
        Self(HeaderValue::from_static("\"cache\", \"cookies\", \"storage\""))
    }

    /// All that browsers keep now or will keep.
    pub fn all() -> Self {
        Self(HeaderValue::from_static("\"*\""))
    }
}

impl Gate for ClearSiteData {
    type Pass = ();

    fn enter(&self, _: &mut request::Parts) -> Entry<()> {
        Entry::Admit(())
    }

    fn leave<B>(&self, (): (), response: &mut Response<B>) {
        // A gRPC call that was refused is HTTP 200 all the same.
        let status = grpc::http_status(response.headers()).unwrap_or(response.status());
        if status.is_success() || status.is_redirection() {
            insert_if_absent(response.headers_mut(), &CLEAR_SITE_DATA, || self.0.clone());
        }
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::only([CLEAR_SITE_DATA, grpc::GRPC_STATUS])
    }
}

impl<S> Layer<S> for ClearSiteData {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
