//! salvo runs the layers through `compat()`. An inner layer boxes its body.

use std::io;

use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use portcullis::UserContext;
use salvo::http::{ReqBody, ResBody};
use salvo::prelude::{Request, Router, Service, TowerLayerCompat, handler};
use salvo::test::{ResponseExt, TestClient};
use tower::ServiceBuilder;

use crate::{ANN, EVE, stack};

#[handler]
async fn me(request: &mut Request) -> String {
    UserContext::from_extensions(request.extensions()).unwrap().id().to_owned()
}

fn service() -> Service {
    let boxed = |response: http::Response<ResBody>| response.map(|body| BoxBody::new(body.map_err(io::Error::other)));
    let layers = ServiceBuilder::new().layer(stack()).map_response(boxed).into_inner();
    Service::new(Router::new().hoop(layers.compat::<ReqBody>()).get(me))
}

#[tokio::test]
async fn the_handler_runs_for_the_user_only() {
    let service = service();
    for (credential, status, body) in [(Some(ANN), 200, "ann"), (Some(EVE), 401, "{"), (None, 401, "{")] {
        let request = TestClient::get("http://127.0.0.1/");
        let request = match credential {
            Some(credential) => request.add_header("authorization", credential, true),
            None => request,
        };
        let mut response = request.send(&service).await;
        assert_eq!(response.status_code.map(|status| status.as_u16()), Some(status));
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.headers()["cache-control"], "no-store");
        if status == 401 {
            assert_eq!(response.headers()["content-type"], "application/problem+json");
            assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic "));
        }
        assert!(response.take_string().await.unwrap().starts_with(body));
    }
}
