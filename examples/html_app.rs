//! A page rendered on the server: a nonce for its own script and style, and a form.
//!
//! `cargo run --example html_app`, or with another port `PORT=3001 cargo run --example html_app`. Open the address that it
//! prints in a browser. What is typed into the form is shown as text, and would not run if it were not: try
//! `<script>alert(1)</script>`. `curl -i http://127.0.0.1:3000/` shows the policy, whose nonce is the page's.

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
    page(&nonce, &format!("Hello, {}!", escaped(&greeting.name)))
}

/// The nonce stands in the page's own two elements, and nothing that a caller wrote stands in either.
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
  const [input, left] = [document.querySelector('input'), document.querySelector('output')];
  const count = () => left.textContent = `${{input.maxLength - input.value.length}} characters left`;
  input.addEventListener('input', count);
  count();
</script>
</html>
"#
    ))
}

fn escaped(text: &str) -> String {
    let entities = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&#39;")];
    entities.into_iter().fold(text.to_owned(), |text, (sign, entity)| text.replace(sign, entity))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let port: u16 = port.parse().map_err(|error| format!("PORT={port}: {error}; give a number from 0 to 65535"))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    let listener = listener.map_err(|error| format!("port {port}: {error}; set another, as PORT=3001"))?;
    println!("http://{}/", listener.local_addr()?);
    Ok(axum::serve(listener, app()?).await?)
}
