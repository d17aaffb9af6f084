//! `UserContext::ended`, on a WebSocket of axum and by itself.

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use portcullis::UserContext;
use portcullis::revocation::{Ended, Revocation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::*;

/// Sends nothing, and closes when the credential ends.
async fn open_socket(user: UserContext, upgrade: WebSocketUpgrade) -> axum::response::Response {
    let ended = user.ended();
    upgrade.on_upgrade(async move |mut socket: WebSocket| {
        let _ = ended.await;
        let frame = CloseFrame { code: 3000, reason: "ended".into() };
        let _ = socket.send(Message::Close(Some(frame))).await;
    })
}

#[tokio::test]
async fn a_websocket_is_closed_with_code_3000_at_the_expiry_and_at_a_revocation() {
    for revokes in [false, true] {
        let clock = FakeClock::new();
        let revocations = revocations(&clock);
        let auth = auth(&clock).revocations(&revocations).build().unwrap();
        let app = Router::new().route("/", any(open_socket)).layer(EndStreams::new().end_downloads()).layer(auth);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        let request = format!(
            "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            token("ann")
        );
        client.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        if revokes {
            revocations.revoke_by(Revocation::subject(ISSUER, "ann")).await.unwrap();
        } else {
            clock.advance(LIFETIME + LEEWAY);
        }
        // RFC 6455 §5.5.1: a final close frame, its length, and the code.
        let mut frame = [0; 4];
        timeout(Duration::from_secs(30), client.read_exact(&mut frame)).await.unwrap().unwrap();
        assert_eq!((frame[0], u16::from_be_bytes([frame[2], frame[3]])), (0x88, 3000));
        server.abort();
    }
}

/// Returns the user of a request with a token.
async fn user_of(auth: JwtAuth) -> UserContext {
    let (sender, mut users) = mpsc::unbounded_channel();
    let handler = any(async move |user: UserContext| drop(sender.send(user)));
    send(Router::new().route("/", handler).layer(auth), &token("ann")).await;
    users.recv().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn ended_resolves_at_the_expiry_and_the_leeway_and_at_a_revocation() {
    let clock = FakeClock::new();
    let revocations = revocations(&clock);
    let user = user_of(auth(&clock).revocations(&revocations).leeway(Duration::from_secs(10)).build().unwrap()).await;
    let mut task = tokio::spawn(user.ended());
    clock.advance(LIFETIME + Duration::from_secs(9));
    timeout(Duration::from_secs(30), &mut task).await.unwrap_err();
    clock.advance(Duration::from_secs(1));
    assert_eq!(timeout(SOON, task).await.unwrap().unwrap(), Ended::Expired);

    clock.set_wall(std::time::SystemTime::now());
    let mut task = tokio::spawn(user.ended());
    timeout(Duration::from_secs(30), &mut task).await.unwrap_err();
    revocations.revoke_by(Revocation::subject(ISSUER, "ann")).await.unwrap();
    assert_eq!(timeout(SOON, task).await.unwrap().unwrap(), Ended::Revoked);
    // Also of a clone of the user, and at once.
    assert_eq!(user.clone().ended().await, Ended::Revoked);
}

#[tokio::test(start_paused = true)]
async fn ended_needs_no_revocations_and_without_an_expiry_never_resolves() {
    let clock = FakeClock::new();
    let user = user_of(auth(&clock).build().unwrap()).await;
    let task = tokio::spawn(user.ended());
    clock.advance(LIFETIME + LEEWAY);
    assert_eq!(timeout(SOON, task).await.unwrap().unwrap(), Ended::Expired);
    timeout(Duration::from_secs(86_400 * 365), UserContext::new("ann").ended()).await.unwrap_err();
}
