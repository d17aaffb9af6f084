//! leptos runs on axum: its router is inside the layers, and a server function extracts the user.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::post;
use http::Request;
use leptos::prelude::{ServerFnError, server};
use portcullis::UserContext;
use tower::ServiceExt;

use crate::{ANN, EVE, stack};

/// The name of the user.
#[server(prefix = "/api", endpoint = "me")]
async fn me() -> Result<String, ServerFnError> {
    let user: UserContext = leptos_axum::extract().await?;
    Ok(user.id().to_owned())
}

#[tokio::test]
async fn a_server_function_runs_for_the_user_only() {
    let app = Router::new().route("/api/{*name}", post(leptos_axum::handle_server_fns)).layer(stack());
    for (credential, status, body) in [(Some(ANN), 200, "\"ann\""), (Some(EVE), 401, "{"), (None, 401, "{")] {
        let request = Request::post("/api/me").header("content-type", "application/x-www-form-urlencoded");
        let request = credential.iter().fold(request, |request, value| request.header("authorization", *value));
        let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (head, received) = response.into_parts();
        let received = to_bytes(received, 9_999).await.unwrap();
        assert_eq!(head.status, status, "{received:?}");
        assert_eq!(head.headers["x-content-type-options"], "nosniff");
        assert!(received.starts_with(body.as_bytes()), "{received:?}");
    }
}
