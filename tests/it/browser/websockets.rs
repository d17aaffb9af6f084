//! WebSockets whose token expires.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::{Html, Response};
use axum::routing::{any, get};
use portcullis::testing::{FakeClock, TokenBuilder};
use portcullis::{Issuer, JwtAuth, UserContext};
use serde_json::json;

use super::{Chromium, Site};

const ISSUER: &str = "https://auth.example.com";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

async fn open(user: UserContext, upgrade: WebSocketUpgrade) -> Response {
    upgrade.protocols(["bearer"]).on_upgrade(|socket| serve(socket, user))
}

async fn open_by_message(State(auth): State<JwtAuth>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |mut socket| {
        let Some(Ok(Message::Text(token))) = socket.recv().await else { return };
        match auth.verify(&token).await {
            Ok(user) => serve(socket, user).await,
            Err(denial) => close(socket, denial.code()).await,
        }
    })
}

async fn serve(mut socket: WebSocket, user: UserContext) {
    socket.send(Message::Text("hello".into())).await.unwrap();
    let _ = user.ended().await;
    close(socket, "the login has ended").await;
}

async fn close(mut socket: WebSocket, reason: &'static str) {
    socket.send(Message::Close(Some(CloseFrame { code: 3000, reason: reason.into() }))).await.unwrap();
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn an_expired_token_closes_the_socket_with_code_3000_and_opens_no_other() {
    let clock = FakeClock::new();
    let auth = JwtAuth::builder().issuer(Issuer::hs256(ISSUER, SECRET).first_party()).audience("api");
    let auth = auth.websocket_protocol("bearer").clock(clock.clock()).build().unwrap();
    let app = Router::new().route("/socket", any(open)).layer(auth.clone());
    let app = app.route("/socket-by-message", any(open_by_message).with_state(auth));
    let site = Site::of(app.route("/", get(async || Html("<!doctype html><title>Prices</title>"))));
    let token = TokenBuilder::first_party(ISSUER, SECRET, "ann").audience("api");
    let token = token.expires_in(Duration::from_secs(300)).sign();

    let browser = Chromium::start();
    let tab = browser.open(&site.url("/"));
    tab.run(&format!(
        "window.open_socket = (path, protocols, message) => new Promise((resolve) => {{
            const socket = new WebSocket(location.origin.replace('http', 'ws') + path, protocols);
            const is_closed = new Promise((closed) => {{
                socket.onclose = ({{ code, reason }}) => {{ closed([code, reason]); resolve({{ data: 'closed', is_closed }}); }};
            }});
            socket.onopen = () => message && socket.send(message);
            socket.onmessage = ({{ data }}) => resolve({{ data, is_closed }});
        }});
        window.open_both = () => Promise.all([
            open_socket('/socket', ['bearer', '{token}']),
            open_socket('/socket-by-message', [], '{token}'),
        ]);
        window.ends_of = (sockets) => Promise.all(sockets.map((socket) => socket.is_closed));"
    ));
    assert_eq!(
        tab.run("open_both().then((sockets) => { window.sockets = sockets; return sockets.map(({ data }) => data); })"),
        json!(["hello", "hello"])
    );
    // The lifetime of the token, and the leeway.
    clock.advance(Duration::from_secs(361));
    let ended = json!([3000, "the login has ended"]);
    assert_eq!(tab.run("ends_of(sockets)"), json!([ended, ended]));
    assert_eq!(tab.run("open_both().then(ends_of)"), json!([[1006, ""], [3000, "token_expired"]]));
}
