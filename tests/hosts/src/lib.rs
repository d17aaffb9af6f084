//! Tests of the layers on servers other than axum, tonic and hyper, each in a file of its name.

#![cfg(test)]

mod actix_web;
mod aws_lambda;
mod axum_server;
mod dioxus;
mod leptos;
mod poem;
mod salvo;

use portcullis::{BasicAuth, SecurityHeaders, Stack};

/// `ann` and her password, in base64.
const ANN: &str = "Basic YW5uOjAxMjM0NTY3ODlhYmNkZWY=";
/// An unknown user, in base64.
const EVE: &str = "Basic ZXZlOjAxMjM0NTY3ODlhYmNkZWY=";

fn auth() -> BasicAuth {
    BasicAuth::builder().user("ann", "0123456789abcdef").build().unwrap()
}

fn stack() -> Stack<BasicAuth> {
    let headers = SecurityHeaders::api().build().unwrap();
    Stack::builder().security_headers(headers).authenticate(auth()).build().unwrap()
}
