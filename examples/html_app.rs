//! A page rendered on the server, with a form and a nonce for its script and its style.
//!
//! Run `cargo run --example html_app` (on another port: `PORT=3001 cargo run --example html_app`) and open the printed URL
//! in a browser. Submit `<script>alert(1)</script>` as the name: the app escapes it, and the policy would block it if the
//! app did not. `curl -i http://127.0.0.1:3000/` shows the policy with the nonce of the page.

use std::error::Error;
use std::net::Ipv4Addr;

use axum::extract::Form;
use axum::response::Html;
use axum::routing::get;
use axum::{Router, http::StatusCode};
use portcullis::{ConfigError, CspNonce, Extractor, SecurityHeaders, Stack};
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

async fn show(Extractor(nonce): Extractor<CspNonce>) -> Html<String> {
    page(&nonce, "Who are you?")
}

async fn greet(Extractor(nonce): Extractor<CspNonce>, Form(greeting): Form<Greeting>) -> Html<String> {
    page(&nonce, &format!("Hello, {}!", escape(&greeting.name)))
}

/// Renders the page. Only its own script and style have the nonce, and neither contains text of the caller.
fn page(nonce: &CspNonce, heading: &str) -> Html<String> {
    Html(format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Greeting</title>
<style nonce="{nonce}">
  body {{ font: 1.1rem/1.6 system-ui, sans-serif; max-width: 32rem; margin: 4rem auto; padding: 0 1rem; }}
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
  const count = () => output.textContent = `${{input.maxLength - input.value.length}} characters left`;
  input.addEventListener('input', count);
  count();
</script>
</html>
"#
    ))
}

fn escape(text: &str) -> String {
    let entities = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&#39;")];
    entities.into_iter().fold(text.to_owned(), |text, (character, entity)| text.replace(character, entity))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let port: u16 = port.parse().map_err(|error| format!("PORT={port}: {error}; use a number from 0 to 65535"))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    let listener =
        listener.map_err(|error| format!("port {port}: {error}; choose another port, for example PORT=3001"))?;
    println!("http://{}/", listener.local_addr()?);
    Ok(axum::serve(listener, app()?).await?)
}
