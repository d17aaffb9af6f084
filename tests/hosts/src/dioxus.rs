//! dioxus runs on axum: its router is inside the layers, and a server function extracts the user.

use axum::Router;
use axum::body::{Body, to_bytes};
use dioxus_fullstack::{ServerFnError, post};
use dioxus_server::{DioxusRouterExt, FullstackState};
use http::Request;
use portcullis::UserContext;
use tower::ServiceExt;

use crate::{ANN, EVE, auth, stack};

/// The name of the user that the attribute extracts.
#[post("/api/by_attribute", user: UserContext)]
async fn by_attribute() -> Result<String, ServerFnError> {
    Ok(user.id().to_owned())
}

/// The name of the user that the body extracts.
#[post("/api/by_call")]
async fn by_call() -> Result<String, ServerFnError> {
    let user: UserContext = dioxus_fullstack::FullstackContext::extract().await?;
    Ok(user.id().to_owned())
}

#[tokio::test]
async fn a_server_function_runs_for_the_user_only() {
    let app = Router::new().register_server_functions().with_state(FullstackState::headless()).layer(stack());
    for path in ["/api/by_attribute", "/api/by_call"] {
        for (credential, status, body) in [(Some(ANN), 200, "\"ann\""), (Some(EVE), 401, "{"), (None, 401, "{")] {
            let request = Request::post(path).header("content-type", "application/json");
            let request = credential.iter().fold(request, |request, value| request.header("authorization", *value));
            let response = app.clone().oneshot(request.body(Body::from("{}")).unwrap()).await.unwrap();
            let (head, received) = response.into_parts();
            let received = to_bytes(received, 9_999).await.unwrap();
            assert_eq!(head.status, status, "{path}: {received:?}");
            assert_eq!(head.headers["x-content-type-options"], "nosniff");
            assert!(received.starts_with(body.as_bytes()), "{path}: {received:?}");
        }
    }
}

/// Behind a layer that admits requests without a credential.
#[tokio::test]
async fn the_rejection_of_an_extractor_has_its_challenge_only_by_attribute() {
    let router = Router::new().register_server_functions().with_state(FullstackState::headless());
    let app = router.layer(auth().to_optional());
    for (path, content_type, challenge) in
        [("/api/by_attribute", "application/problem+json", true), ("/api/by_call", "application/json", false)]
    {
        let request = Request::post(path).header("content-type", "application/json").body(Body::from("{}")).unwrap();
        let head = app.clone().oneshot(request).await.unwrap().into_parts().0;
        assert_eq!((head.status.as_u16(), head.headers.contains_key("www-authenticate")), (401, challenge), "{path}");
        assert_eq!(head.headers["content-type"], content_type, "{path}");
    }
}
