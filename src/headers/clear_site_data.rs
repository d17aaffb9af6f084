//! `ClearSiteData`: a layer for the logout route.

use http::{HeaderName, HeaderValue, Response, request};
use tower_layer::Layer;

use crate::field::grpc;
use crate::field::header_map::insert_if_absent;
use crate::gate::{Entry, Gate, Gated, ResponseHeaders};

/// A layer for the logout route that makes the browser delete the site's data (W3C Clear Site Data).
///
/// The header is added to successful responses and redirects, unless the handler set it: after a failed logout, the
/// user is still logged in and keeps the data. Browsers accept it over https and from loopback.
///
/// ```
/// use axum::{Router, body::Body, http::Request, routing::post};
/// use portcullis::headers::ClearSiteData;
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let clear = ClearSiteData::cache_cookies_storage();
/// let logout = post(|| async { "logged out" }).layer(clear);
/// let app: Router = Router::new().route("/logout", logout);
///
/// let request = Request::post("/logout").body(Body::empty())?;
/// let response = app.oneshot(request).await?;
/// let cleared = &response.headers()["clear-site-data"];
/// assert_eq!(cleared, r#""cache", "cookies", "storage""#);
/// # Ok(())
/// # }
/// ```
///
/// It does not end the session at the server or the issuer: a token that was copied before stays valid until it
/// expires.
#[derive(Clone, Debug)]
#[must_use]
pub struct ClearSiteData(HeaderValue);

impl ClearSiteData {
    /// Deletes only cookies, but those of the whole registrable domain.
    ///
    /// `app.example.com` also deletes the cookies of `shop.example.com`.
    pub fn cookies() -> Self {
        Self(HeaderValue::from_static("\"cookies\""))
    }

    /// Deletes cached responses, cookies and all storage that scripts can use.
    ///
    /// This is the right choice for a logout.
    pub fn cache_cookies_storage() -> Self {
        Self(HeaderValue::from_static("\"cache\", \"cookies\", \"storage\""))
    }

    /// Deletes every type of data, including types that browsers add later.
    ///
    /// It may also reload the site's other open pages (`"executionContexts"`).
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
        // A rejected gRPC call has the HTTP status 200.
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
