//! actix-web runs no tower services: a middleware calls `authenticate`.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, Error, HttpMessage, HttpResponse, web};
use portcullis::gate::Bytes;
use portcullis::{BasicAuth, ClientAddr, Stack, TrustedProxies, UserContext};

use crate::{ANN, EVE, auth, stack};

/// Copies the head, because actix-web uses http 0.2. Its values are valid in http 1 too.
fn head_of(request: &ServiceRequest) -> http::request::Parts {
    let mut head = http::Request::builder().method(request.method().as_str()).uri(request.uri().to_string());
    for (name, value) in request.headers() {
        head = head.header(name.as_str(), value.as_bytes());
    }
    let mut head = head.body(()).unwrap().into_parts().0;
    if let Some(peer) = request.peer_addr() {
        head.extensions.insert(peer);
    }
    head
}

fn status(status: http::StatusCode) -> actix_web::http::StatusCode {
    actix_web::http::StatusCode::from_u16(status.as_u16()).unwrap()
}

async fn authenticate(
    stack: web::Data<Stack<BasicAuth>>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut head = head_of(&request);
    let authenticated = match stack.authenticate(&mut head).await {
        Ok(authenticated) => authenticated,
        Err(reply) => {
            let (parts, body) = reply.into_response::<Bytes>().into_parts();
            let mut response = HttpResponse::build(status(parts.status));
            for (name, value) in &parts.headers {
                response.append_header((name.as_str(), value.as_bytes()));
            }
            return Ok(request.into_response(response.body(body)));
        }
    };
    if let Some(user) = UserContext::from_extensions(&head.extensions) {
        request.extensions_mut().insert(user.clone());
    }
    if let Some(client) = ClientAddr::from_extensions(&head.extensions) {
        request.extensions_mut().insert(client);
    }
    let mut response = next.call(request).await?.map_into_boxed_body();
    let mut written = http::Response::builder().status(response.status().as_u16());
    for (name, value) in response.headers() {
        written = written.header(name.as_str(), value.as_bytes());
    }
    let mut written = written.body(()).unwrap();
    authenticated.write(&mut written);
    *response.response_mut().status_mut() = status(written.status());
    response.headers_mut().clear();
    for (name, value) in written.headers() {
        let name = actix_web::http::header::HeaderName::from_bytes(name.as_str().as_bytes()).unwrap();
        let value = actix_web::http::header::HeaderValue::from_bytes(value.as_bytes()).unwrap();
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

async fn me(user: web::ReqData<UserContext>) -> String {
    user.id().to_owned()
}

async fn address(client: web::ReqData<ClientAddr>) -> String {
    client.to_string()
}

#[actix_web::test]
async fn the_handler_runs_for_the_user_only() {
    let app = App::new().app_data(web::Data::new(stack())).wrap(from_fn(authenticate)).route("/", web::get().to(me));
    let app = init_service(app).await;
    for (credential, status, body) in [(Some(ANN), 200, "ann"), (Some(EVE), 401, "{"), (None, 401, "{")] {
        let mut request = TestRequest::get().uri("/");
        if let Some(credential) = credential {
            request = request.insert_header(("authorization", credential));
        }
        let response = call_service(&app, request.to_request()).await;
        assert_eq!(response.status().as_u16(), status);
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        assert_eq!((header("x-content-type-options"), header("cache-control")), ("nosniff", "no-store"));
        if status == 401 {
            assert_eq!(header("content-type"), "application/problem+json");
            assert!(header("www-authenticate").starts_with("Basic "));
        }
        assert!(read_body(response).await.starts_with(body.as_bytes()));
    }
}

#[actix_web::test]
async fn the_client_has_the_address_that_the_trusted_proxy_forwards() {
    let proxies = TrustedProxies::new(["10.0.0.0/8"]).unwrap();
    let stack = Stack::builder().trusted_proxies(proxies).authenticate(auth()).build().unwrap();
    let app = App::new().app_data(web::Data::new(stack)).wrap(from_fn(authenticate)).route("/", web::get().to(address));
    let app = init_service(app).await;
    let request = TestRequest::get().uri("/").peer_addr("10.0.0.1:4711".parse().unwrap());
    let request = request.insert_header(("authorization", ANN)).insert_header(("x-forwarded-for", "203.0.113.9"));
    assert_eq!(read_body(call_service(&app, request.to_request()).await).await, "203.0.113.9");
}
