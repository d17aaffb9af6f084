//! `GrpcCall`: a gRPC call that is rejected, and the response in the form that its client expects.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Response, StatusCode, request};

use crate::field::grpc;
use crate::gate::denial::Denial;

/// Marks requests to an app that serves gRPC with another body type than tonic's, such as axum's.
///
/// Without it, only a server whose response body is tonic's sends gRPC statuses; see [`gate`](crate::gate#grpc). Insert
/// it into the request's extensions outside the layers of this crate:
///
/// ```
/// use axum::{Extension, Router, body::Body, http::Request, routing::post};
/// use portcullis::{RequireUser, gate::GrpcRejections};
/// use portcullis::testing::as_anonymous;
/// # use tower::ServiceExt;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
///
/// let app: Router = Router::new()
///     .route("/greeter.Greeter/SayHello", post(|| async {}))
///     .layer(RequireUser::new())
///     .layer(as_anonymous())
///     .layer(Extension(GrpcRejections)); // around the others
/// # let request = Request::post("/greeter.Greeter/SayHello").header("content-type", "application/grpc");
/// # let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
///
/// // A gRPC call without a user:
/// assert_eq!(response.status(), 200);
/// assert_eq!(response.headers()["grpc-status"], "16");
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "apps create it")]
pub struct GrpcRejections;

/// A gRPC call that a gate rejects. The body type of the service decides whether the response is a gRPC status.
#[derive(Debug)]
pub(super) struct GrpcCall {
    media_type: HeaderValue,
    /// Whether the app has marked the request with `GrpcRejections`.
    is_marked: bool,
}

impl GrpcCall {
    /// Recognizes a call by its method and content type (gRPC over HTTP/2, "Requests").
    ///
    /// A call is a POST. A proxy that calls this app to authorize requests (auth_request, ForwardAuth) copies the
    /// caller's headers into a GET.
    pub(super) fn of(head: &request::Parts) -> Option<Box<Self>> {
        if head.method != Method::POST || !grpc::is_grpc(&head.headers) {
            return None;
        }
        let media_type = head.headers.get(CONTENT_TYPE)?.clone();
        Some(Box::new(Self { media_type, is_marked: head.extensions.get::<GrpcRejections>().is_some() }))
    }

    /// Turns a rejection into a trailers-only response: HTTP 200, and the trailers in the header block (gRPC over
    /// HTTP/2, "Responses"). Keeps the headers that gates have added.
    ///
    /// An HTTP proxy may treat the status 200 as success or as permission. So only an app that serves gRPC sends it.
    pub(super) fn write_status(self, response: &mut Response<Bytes>, is_grpc_server: bool) {
        if !is_grpc_server && !self.is_marked {
            return;
        }
        let Some(denial) = response.extensions().get::<Denial>() else { return };
        let status = HeaderValue::from(u16::from(grpc::status_code(denial.status())));
        let message = grpc::message(&denial.detail());
        let code = HeaderValue::from_static(denial.code());
        *response.status_mut() = StatusCode::OK;
        *response.body_mut() = Bytes::new();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, self.media_type);
        headers.insert(grpc::GRPC_STATUS, status);
        headers.insert(grpc::GRPC_MESSAGE, message);
        headers.insert(grpc::ERROR_CODE, code);
    }
}
