//! The pages of the app. `maud` escapes every text, and the style has the nonce of the response.

use std::time::SystemTime;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use portcullis::{CspNonce, UserContext};

const STYLE: PreEscaped<&str> = PreEscaped(
    "
:root { color-scheme: light dark; }
body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 32rem; margin: 4rem auto; }
body { padding: 0 1rem; }
button { font: inherit; padding: .4rem .8rem; }
dt { font-weight: 600; }
dd { margin: 0 0 .8rem; overflow-wrap: anywhere; }
",
);

/// The page of a user who is logged in.
pub(crate) fn front_page(nonce: &CspNonce, user: &UserContext) -> Markup {
    // Not all providers send these claims.
    let methods = user.amr().collect::<Vec<_>>().join(", ");
    let authenticated =
        user.auth_time().and_then(|time| SystemTime::now().duration_since(time).ok());
    let content = html! {
        dl {
            dt { "Provider" }
            dd { (user.issuer().unwrap_or_default()) }
            @if let Some(time) = authenticated {
                dt { "Logged in" }
                dd { (time.as_secs() / 60) " minutes ago" }
            }
            @if !methods.is_empty() {
                dt { "Methods" }
                dd { (methods) }
            }
        }
        form method="post" action="/logout" { button { "Log out" } }
    };
    page(nonce, &format!("Hello, {}!", user.id()), &content)
}

/// The page after a logout.
pub(crate) fn signed_out(nonce: &CspNonce) -> Markup {
    page(nonce, "You are logged out", &html! { p { a href="/" { "Log in" } } })
}

/// The page after a login that the user canceled, or that another browser started.
pub(crate) fn failed_login(nonce: &CspNonce) -> Response {
    let page = page(nonce, "The login failed", &html! { p { a href="/" { "Try again" } } });
    (StatusCode::BAD_REQUEST, page).into_response()
}

fn page(nonce: &CspNonce, heading: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (heading) }
                style nonce=(nonce) { (STYLE) }
            }
            body {
                h1 { (heading) }
                (content)
            }
        }
    }
}
