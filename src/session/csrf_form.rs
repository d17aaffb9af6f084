//! `CsrfForm` and `CsrfHeader`: axum extractors that check the CSRF token of a request.

use axum_core::extract::{FromRequest, FromRequestParts, Request};
use axum_core::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, request};

use crate::context::{Credential, UserContext};
use crate::extract::{Rejection, required};
use crate::field::content_type::has_content_type;
use crate::session::handle::Session;

/// Checks the [CSRF token](Session::csrf_token) of a form, and extracts the body as `E`.
///
/// Current browsers say which page caused a request, and [`SessionAuth`](crate::SessionAuth) checks that before the
/// handler runs. Extract this only if the app has users with browsers from before 2020, on routes inside
/// [`to_csrf_tokens`](crate::SessionAuth::to_csrf_tokens), which admits their requests.
///
/// `E` is an extractor of a body, such as `Form<T>`. The token is in the field `csrf_token` of an
/// `application/x-www-form-urlencoded` body, or in the header `x-csrf-token`. It is never read from a cookie or the
/// query. A request without a valid token gets 403 `csrf_token_invalid`. A request with another credential than a
/// session, such as a bearer token, needs none.
///
/// The body is read into memory, up to axum's `DefaultBodyLimit` (2 MB), unless the token is in the header.
///
/// ```
/// use axum::{Form, Router, body::Body, http::Request};
/// use axum::response::Html;
/// use axum::routing::{get, post};
/// use portcullis::session::{CsrfForm, MemorySessions, Session, SessionError};
/// use portcullis::{SessionAuth, UserContext};
/// # use axum::body::to_bytes;
/// # use tower::ServiceExt;
///
/// async fn page(session: Session) -> Result<Html<String>, SessionError> {
///     let token = session.csrf_token()?;
///     Ok(Html(format!(
///         "<form method=post action=/name>
///            <input type=hidden name=csrf_token value={token}>
///            <input name=name><button>Save</button>
///          </form>"
///     )))
/// }
///
/// #[derive(serde::Deserialize)]
/// struct Name {
///     name: String,
/// }
///
/// async fn save(CsrfForm(Form(form)): CsrfForm<Form<Name>>) -> String {
///     form.name
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sessions = SessionAuth::builder().store(MemorySessions::new()).build()?;
/// let app = Router::new()
///     .route("/", get(page))
///     .route("/name", post(save))
///     .layer(sessions.to_csrf_tokens());
///
/// # let login = Router::new()
/// #     .route("/login", post(async |session: Session| {
/// #         session.log_in(UserContext::new("ann")).await.map(drop)
/// #     }))
/// #     .layer(sessions.to_optional());
/// # let request = Request::post("/login").body(Body::empty())?;
/// # let response = login.oneshot(request).await?;
/// # let cookie = response.headers()["set-cookie"].to_str()?;
/// # let cookie = cookie.split(';').next().unwrap();
/// # let request = Request::get("/").header("cookie", cookie).body(Body::empty())?;
/// # let response = app.clone().oneshot(request).await?;
/// # let page = to_bytes(response.into_body(), 4_096).await?;
/// # let page = std::str::from_utf8(&page)?;
/// # let token = page.split("value=").nth(1).unwrap().split('>').next().unwrap();
/// // A browser that sends neither `Sec-Fetch-Site` nor `Origin`:
/// let post = |token: &str| {
///     Request::post("/name")
///         .header("cookie", cookie)
///         .header("content-type", "application/x-www-form-urlencoded")
///         .body(Body::from(format!("csrf_token={token}&name=Ann")))
/// };
/// assert_eq!(app.clone().oneshot(post(token)?).await?.status(), 200);
/// assert_eq!(app.oneshot(post("of another session")?).await?.status(), 403);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "handlers destructure it in their arguments")]
pub struct CsrfForm<E>(pub E);

/// Checks the [CSRF token](Session::csrf_token) in the header `x-csrf-token`, which a script sends.
///
/// The script reads the token from the page, for example from a `meta` element. See [`CsrfForm`] for what is checked.
///
/// ```
/// use axum::{Json, Router, routing::post};
/// use portcullis::session::CsrfHeader;
///
/// async fn save(_: CsrfHeader, Json(name): Json<String>) -> String {
///     name
/// }
/// # let app: Router = Router::new().route("/name", post(save));
/// # let _ = app;
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CsrfHeader;

impl<S: Sync> FromRequestParts<S> for CsrfHeader {
    type Rejection = Rejection;

    async fn from_request_parts(head: &mut request::Parts, _: &S) -> Result<Self, Rejection> {
        check(head, token_in_header(&head.headers)).map(|()| Self)
    }
}

impl<S, E> FromRequest<S> for CsrfForm<E>
where
    S: Send + Sync,
    E: FromRequest<S>,
{
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (head, body) = request.into_parts();
        let has_token_in_body = !head.headers.contains_key(&X_CSRF_TOKEN) && has_content_type(&head.headers, FORM);
        let body = if has_token_in_body {
            let request = Request::from_parts(head.clone(), body);
            let bytes = Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
            check(&head, token_in_form(&bytes)).map_err(IntoResponse::into_response)?;
            bytes.into()
        } else {
            check(&head, token_in_header(&head.headers)).map_err(IntoResponse::into_response)?;
            body
        };
        let extracted = E::from_request(Request::from_parts(head, body), state).await;
        extracted.map(Self).map_err(IntoResponse::into_response)
    }
}

/// Checks the token of a request, unless its credential is not a session.
fn check(head: &request::Parts, token: Option<&str>) -> Result<(), Rejection> {
    let credential = UserContext::from_extensions(&head.extensions).map(UserContext::credential);
    if credential.is_some_and(|credential| credential != Credential::Session) {
        return Ok(());
    }
    let session: Session = required(head)?;
    session.check_csrf_token(token.unwrap_or_default()).map_err(|denial| Rejection::new(head, denial))
}

/// Returns the token in the header; `None` if there is none, or if there are several.
fn token_in_header(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(&X_CSRF_TOKEN).iter();
    let token = lines.next()?.to_str().ok()?;
    lines.next().is_none().then_some(token)
}

/// Returns the token in a form; `None` if there is none, or if there are several.
///
/// Browsers do not percent-encode the name and the token, because all their characters are unreserved.
fn token_in_form(body: &[u8]) -> Option<&str> {
    let mut tokens = body.split(|byte| *byte == b'&').filter_map(|pair| pair.strip_prefix(b"csrf_token="));
    let token = std::str::from_utf8(tokens.next()?).ok()?;
    tokens.next().is_none().then_some(token)
}

const FORM: &str = "application/x-www-form-urlencoded";

static X_CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_form_has_one_token_in_the_field_csrf_token() {
        for (body, token) in [
            ("csrf_token=a.b", Some("a.b")),
            ("name=x&csrf_token=a.b&c=d", Some("a.b")),
            ("csrf_token=", Some("")),
            ("csrf_token=a&csrf_token=a", None),
            ("csrf_token", None),
            ("xcsrf_token=a", None),
            ("a=csrf_token=b", None),
            ("", None),
        ] {
            assert_eq!(token_in_form(body.as_bytes()), token, "{body}");
        }
        assert_eq!(token_in_form(b"csrf_token=\xff"), None);
    }

    #[test]
    fn a_header_has_one_token() {
        let mut headers = HeaderMap::new();
        assert_eq!(token_in_header(&headers), None);
        headers.append(&X_CSRF_TOKEN, HeaderValue::from_static("a.b"));
        assert_eq!(token_in_header(&headers), Some("a.b"));
        headers.append(&X_CSRF_TOKEN, HeaderValue::from_static("a.b"));
        assert_eq!(token_in_header(&headers), None);
    }
}
