//! poem runs tower services through `compat()`. Its own endpoints need a middleware that calls `authenticate`.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use http_body_util::combinators::BoxBody;
use poem::endpoint::TowerCompatExt;
use poem::test::TestClient;
use poem::{Endpoint, EndpointExt, Request, Response, get, handler};
use portcullis::gate::Bytes;
use portcullis::{BasicAuth, Stack, UserContext};
use tower::{Layer, service_fn};

use crate::{ANN, EVE, stack};

type PoemBody = BoxBody<Bytes, io::Error>;

/// A tower service inside the stack, as an endpoint of poem.
fn of_tower_service() -> impl Endpoint {
    let service = service_fn(async |request: http::Request<PoemBody>| {
        let user = UserContext::from_extensions(request.extensions()).unwrap();
        Ok::<_, Infallible>(http::Response::new(http_body_util::Full::new(Bytes::from(user.id().to_owned()))))
    });
    stack().layer(service).compat()
}

#[handler]
fn me(request: &Request) -> String {
    UserContext::from_extensions(request.extensions()).unwrap().id().to_owned()
}

/// An endpoint of poem inside a middleware.
fn of_endpoint() -> impl Endpoint {
    let stack = Arc::new(stack());
    get(me).around(move |endpoint, request| {
        let stack = Arc::clone(&stack);
        async move { run(&stack, endpoint, request).await }
    })
}

async fn run(stack: &Stack<BasicAuth>, endpoint: Arc<impl Endpoint>, mut request: Request) -> poem::Result<Response> {
    let mut head = http::Request::new(()).into_parts().0;
    head.method = request.method().clone();
    head.uri = request.uri().clone();
    head.headers = std::mem::take(request.headers_mut());
    head.extensions = std::mem::take(request.extensions_mut());
    let authenticated = match stack.authenticate(&mut head).await {
        Ok(authenticated) => authenticated,
        Err(reply) => {
            let (parts, body) = reply.into_response::<Bytes>().into_parts();
            let mut response = Response::builder().status(parts.status).body(body);
            *response.headers_mut() = parts.headers;
            return Ok(response);
        }
    };
    *request.headers_mut() = head.headers;
    *request.extensions_mut() = head.extensions;
    let mut response = endpoint.get_response(request).await;
    let mut written = http::Response::new(());
    *written.status_mut() = response.status();
    *written.headers_mut() = std::mem::take(response.headers_mut());
    authenticated.write(&mut written);
    response.set_status(written.status());
    *response.headers_mut() = std::mem::take(written.headers_mut());
    Ok(response)
}

async fn the_handler_runs_for_the_user_only(endpoint: impl Endpoint) {
    let client = TestClient::new(endpoint.map_to_response());
    for (credential, status, body) in [(Some(ANN), 200, "ann"), (Some(EVE), 401, "{"), (None, 401, "{")] {
        let mut request = client.get("/");
        if let Some(credential) = credential {
            request = request.header("authorization", credential);
        }
        let response = request.send().await;
        response.assert_status(http::StatusCode::from_u16(status).unwrap());
        response.assert_header("x-content-type-options", "nosniff");
        response.assert_header("cache-control", "no-store");
        if status == 401 {
            response.assert_header("content-type", "application/problem+json");
            response.assert_header_exist("www-authenticate");
        }
        let text = response.0.into_body().into_string().await.unwrap();
        assert!(text.starts_with(body), "{text}");
    }
}

#[tokio::test]
async fn a_tower_service_runs_for_the_user_only() {
    the_handler_runs_for_the_user_only(of_tower_service()).await;
}

#[tokio::test]
async fn an_endpoint_runs_for_the_user_only() {
    the_handler_runs_for_the_user_only(of_endpoint()).await;
}
