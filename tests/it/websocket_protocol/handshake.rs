//! Real handshakes with a server of axum, and what its responses select.

use axum::extract::Request as AxumRequest;
use axum::extract::ws::WebSocketUpgrade;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// Sends a handshake with these protocols to a server, and returns the head of the response.
async fn handshake(app: Router, protocols: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let request = format!(
        "GET / HTTP/1.1\r\nHost: api.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: {protocols}\r\n\r\n"
    );
    client.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    server.abort();
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}

#[tokio::test]
async fn the_handler_selects_the_name_and_the_socket_opens() {
    let open = async |user: UserContext, upgrade: WebSocketUpgrade| {
        assert_eq!(user.id(), "user-1");
        upgrade.protocols(["chat", "bearer"]).on_upgrade(async |_| {})
    };
    let app = Router::new().route("/", any(open)).layer(auth().build().unwrap());
    let token = valid_token();
    for (protocols, status, selected) in [
        (format!("bearer, {token}"), "101", Some("bearer")),
        (format!("chat, {}", encoded("bearer", &token)), "101", Some("chat")),
        (format!("bearer, {token}x"), "401", None),
        ("chat".to_owned(), "401", None),
    ] {
        let head = handshake(app.clone(), &protocols).await;
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{head}");
        let line = head.lines().find_map(|line| line.strip_prefix("sec-websocket-protocol: "));
        assert_eq!(line, selected, "{head}");
    }
}

/// Selects the first protocol of the request, as careless apps do.
async fn accept_first(request: AxumRequest) -> Response {
    let protocols = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let first = protocols.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).next().unwrap();
    (axum::http::StatusCode::SWITCHING_PROTOCOLS, [(SEC_WEBSOCKET_PROTOCOL, first.trim().to_owned())]).into_response()
}

#[tokio::test]
async fn an_app_that_selects_the_first_protocol_does_not_return_the_token() {
    let app = Router::new().route("/", any(accept_first)).layer(auth().build().unwrap());
    let token = valid_token();
    let encoded = encoded("bearer", &token);
    for (protocols, selected) in [
        (format!("bearer, {token}"), "bearer"),
        (format!("{encoded}, bearer"), "bearer"),
        (format!("{encoded}, chat"), "chat"),
    ] {
        let response = send(&app, upgrade(), &[&protocols]).await;
        assert_eq!(response.status, 101);
        assert_eq!(response.headers[SEC_WEBSOCKET_PROTOCOL], selected);
    }
}

/// The protocols of a request as they were before the layers, as a host may keep them.
#[derive(Clone)]
struct Received(HeaderMap);

#[tokio::test]
async fn a_response_that_has_the_token_as_a_protocol_loses_the_header() {
    // An outer layer keeps the headers, and an inner one writes each of them into the response.
    let keep = from_fn(async |mut request: AxumRequest, next: Next| {
        let received = Received(request.headers().clone());
        request.extensions_mut().insert(received);
        next.run(request).await
    });
    let echo = async |request: AxumRequest| {
        let Received(headers) = request.extensions().get::<Received>().unwrap();
        let mut response = ().into_response();
        for value in headers.get_all(SEC_WEBSOCKET_PROTOCOL) {
            response.headers_mut().append(SEC_WEBSOCKET_PROTOCOL, value.clone());
        }
        response
    };
    let token = valid_token();
    let user = async |user: UserContext| Ok(user);
    for builder in [auth(), auth().load_user(user)] {
        let app = Router::new().route("/", any(echo)).layer(builder.build().unwrap()).layer(keep.clone());
        for lines in
            [["bearer", &*token], ["chat", &*encoded("bearer", &token)], ["chat", &*format!("bearer, {token}")]]
        {
            let response = send(&app, upgrade(), &lines).await;
            assert_eq!(response.status, 200);
            assert!(!response.headers.contains_key(SEC_WEBSOCKET_PROTOCOL), "{lines:?}");
        }
        // The protocols of another response stay.
        let bearer = format!("Bearer {token}");
        let response = send(&app, upgrade().header("authorization", bearer), &["chat"]).await;
        assert_eq!(response.headers[SEC_WEBSOCKET_PROTOCOL], "chat");
    }
}
