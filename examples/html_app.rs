//! A page rendered on the server, with a form and a nonce for its script and its style.
//!
//! Run `cargo run --example html_app`; `PORT=3001` selects another port. Open the printed URL in a
//! browser, and submit `<script>alert(1)</script>` as the name: the app escapes it, and the policy
//! would block it if the app did not. The printed `curl` command shows the policy with the nonce of
//! the page.

use std::env;
use std::error::Error;

use axum::extract::Form;
use axum::response::Html;
use axum::routing::get;
use axum::{Router, http::StatusCode};
use portcullis::{ConfigError, CspNonce, SecurityHeaders, Stack};
use serde::Deserialize;
use tokio::net::TcpListener;

#[derive(Deserialize)]
struct Greeting {
    name: String,
}

fn app() -> Result<Router, ConfigError> {
    let stack = Stack::builder().security_headers(SecurityHeaders::html().build()?).build()?;
    let favicon = get(|| async { StatusCode::NO_CONTENT });
    Ok(Router::new().route("/", get(show).post(greet)).route("/favicon.ico", favicon).layer(stack))
}

async fn show(nonce: CspNonce) -> Html<String> {
    page(&nonce, "Who are you?")
}

async fn greet(nonce: CspNonce, Form(greeting): Form<Greeting>) -> Html<String> {
    page(&nonce, &format!("Hello, {}!", escape(&greeting.name)))
}

/// Renders the page. Its script and style have the nonce, so neither may contain text from the
/// caller.
fn page(nonce: &CspNonce, heading: &str) -> Html<String> {
    Html(format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Greeting</title>
<style nonce="{nonce}">
  body {{ font: 1.1rem/1.6 system-ui, sans-serif; max-width: 32rem; margin: 4rem auto; }}
  input, button {{ font: inherit; padding: .4rem .8rem; }}
  output {{ color: #555; display: block; }}
</style>
<h1>{heading}</h1>
<form method="post">
  <label>Name <input name="name" maxlength="40" required></label>
  <button>Greet</button>
  <output></output>
</form>
<script nonce="{nonce}">
  const input = document.querySelector('input');
  const output = document.querySelector('output');
  const left = () => input.maxLength - input.value.length;
  const count = () => output.textContent = `${{left()}} characters left`;
  input.addEventListener('input', count);
  count();
</script>
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

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))
        .await
        .map_err(|error| format!("PORT={port}: {error}"))?;
    let url = format!("http://{}/", listener.local_addr()?);
    println!("{url}");
    println!("curl -i {url}");
    Ok(axum::serve(listener, app()?).await?)
}
