//! The pages of the app. Texts from outside are escaped, and the style has the nonce of the policy.

use std::time::UNIX_EPOCH;

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use portcullis::{CspNonce, UserContext};

/// The page of a user who is logged in.
pub(crate) fn front_page(nonce: &CspNonce, user: &UserContext) -> Html<String> {
    let issuer = escape(user.issuer().unwrap_or_default());
    // Not all providers send it.
    let methods = user.amr().map(escape).collect::<Vec<_>>().join(", ");
    let methods = Some(methods).filter(|methods| !methods.is_empty());
    let methods =
        methods.map_or_else(String::new, |methods| format!("<dt>Methods</dt><dd>{methods}</dd>"));
    let since = user.auth_time().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let since = since.map_or_else(String::new, |time| {
        format!("<dt>Logged in at</dt><dd>{} seconds since 1970</dd>", time.as_secs())
    });
    page(
        nonce,
        &format!("Hello, {}!", escape(user.id())),
        &format!(
            r#"<dl>
  <dt>Provider</dt><dd>{issuer}</dd>
  {since}
  {methods}
</dl>
<form method="post" action="/logout"><button>Log out</button></form>"#
        ),
    )
}

/// The page after a logout.
pub(crate) fn signed_out(nonce: &CspNonce) -> Html<String> {
    page(nonce, "You are logged out", r#"<p><a href="/">Log in</a></p>"#)
}

/// The page after a login that the user canceled, or that another browser started.
pub(crate) fn failed_login(nonce: &CspNonce) -> Response {
    let link = r#"<p><a href="/">Try again</a></p>"#;
    (StatusCode::BAD_REQUEST, page(nonce, "The login failed", link)).into_response()
}

fn page(nonce: &CspNonce, heading: &str, content: &str) -> Html<String> {
    Html(format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{heading}</title>
<style nonce="{nonce}">
  :root {{ color-scheme: light dark; }}
  body {{ font: 1.1rem/1.6 system-ui, sans-serif; max-width: 32rem; margin: 4rem auto; padding: 0 1rem; }}
  button {{ font: inherit; padding: .4rem .8rem; }}
  dt {{ font-weight: 600; }}
  dd {{ margin: 0 0 .8rem; overflow-wrap: anywhere; }}
</style>
<h1>{heading}</h1>
{content}
</html>
"#
    ))
}

fn escape(text: &str) -> String {
    let entities = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&#39;")];
    entities
        .into_iter()
        .fold(text.to_owned(), |text, (character, entity)| text.replace(character, entity))
}
