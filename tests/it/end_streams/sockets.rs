//! `UserContext::ended`, on a WebSocket of axum and by itself.

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use portcullis::UserContext;
use portcullis::revocation::{Ended, Revocation};
use portcullis::testing::{as_anonymous, as_user};
use tokio::sync::mpsc;

use super::connection::Connection;
use super::*;

/// Sends nothing, and closes when the credential ends.
pub(super) async fn open_socket(user: UserContext, upgrade: WebSocketUpgrade) -> axum::response::Response {
    let ended = user.ended();
    upgrade.on_upgrade(async move |mut socket: WebSocket| {
        let _ = ended.await;
        let frame = CloseFrame { code: 3000, reason: "ended".into() };
        let _ = socket.send(Message::Close(Some(frame))).await;
    })
}

/// What opens a WebSocket.
pub(super) const UPGRADE: &str = "GET /socket HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";

#[tokio::test]
async fn a_websocket_is_closed_with_code_3000_at_the_expiry_and_at_a_revocation() {
    for revokes in [false, true] {
        let clock = clock();
        let revocations = revocations(&clock);
        let auth = auth(&clock).revocations(&revocations).build().unwrap();
        let app = Router::new().route("/socket", any(open_socket)).layer(EndStreams::new().end_downloads()).layer(auth);
        let mut client = Connection::open(app, UPGRADE).await;
        let head = client.read_until("\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        if revokes {
            revocations.revoke_by(Revocation::subject(ISSUER, "ann")).await.unwrap();
        } else {
            clock.advance(LIFETIME + LEEWAY);
        }
        assert_is_closed(&mut client).await;
    }
}

/// Asserts that the server closes a WebSocket. RFC 6455 §5.5.1: a final close frame, its length, and the code.
pub(super) async fn assert_is_closed(client: &mut Connection) {
    let frame: [u8; 4] = client.read().await;
    assert_eq!((frame[0], u16::from_be_bytes([frame[2], frame[3]])), (0x88, 3000));
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
    let clock = clock();
    let revocations = revocations(&clock);
    let user = user_of(auth(&clock).revocations(&revocations).leeway(Duration::from_secs(10)).build().unwrap()).await;
    let mut task = tokio::spawn(user.ended());
    clock.advance(LIFETIME + Duration::from_secs(9));
    timeout(Duration::from_secs(30), &mut task).await.unwrap_err();
    clock.advance(Duration::from_secs(1));
    assert_eq!(timeout(SOON, task).await.unwrap().unwrap(), Ended::Expired);

    clock.set_wall(*START);
    let mut task = tokio::spawn(user.ended());
    timeout(Duration::from_secs(30), &mut task).await.unwrap_err();
    revocations.revoke_by(Revocation::subject(ISSUER, "ann")).await.unwrap();
    assert_eq!(timeout(SOON, task).await.unwrap().unwrap(), Ended::Revoked);
    // Also of a clone of the user, and at once.
    assert_eq!(user.clone().ended().await, Ended::Revoked);
}

#[tokio::test(start_paused = true)]
async fn ended_needs_no_revocations() {
    let clock = clock();
    let user = user_of(auth(&clock).build().unwrap()).await;
    let task = tokio::spawn(user.ended());
    clock.advance(LIFETIME + LEEWAY);
    assert_eq!(timeout(SOON, task).await.unwrap().unwrap(), Ended::Expired);
}

/// Returns the user of a request that only this layer has authenticated.
async fn user_behind(layer: portcullis::testing::AsUser) -> Option<UserContext> {
    let (sender, mut users) = mpsc::unbounded_channel();
    let handler = any(async move |user: Option<UserContext>| drop(sender.send(user)));
    send(Router::new().route("/", handler).layer(layer), "").await;
    users.recv().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_user_made_by_hand_ends_at_its_expiry_by_the_clock_of_the_system_without_leeway() {
    let hour = Duration::from_secs(3_600);
    let now = std::time::SystemTime::now();
    let ann = UserContext::new("ann").with_issuer(ISSUER);
    for (expires_at, ends) in [(None, false), (Some(now + hour), false), (Some(now), true)] {
        let ann = expires_at.map_or_else(|| ann.clone(), |time| ann.clone().with_expires_at(time));
        let behind_a_layer = user_behind(as_user(ann.clone())).await.unwrap();
        for user in [ann, behind_a_layer] {
            let ended = timeout(hour / 6, user.ended()).await.ok();
            assert_eq!(ended, ends.then_some(Ended::Expired));
        }
    }
    assert!(user_behind(as_anonymous()).await.is_none(), "an anonymous caller has no credential that could end");
}

#[tokio::test(start_paused = true)]
async fn revocations_end_a_user_made_by_hand_only_through_their_own_watch() {
    let clock = clock();
    let revocations = revocations(&clock);
    let ann = UserContext::new("ann").with_issuer(ISSUER);
    let (mut by_itself, by_watch) = (tokio::spawn(ann.ended()), tokio::spawn(revocations.watch(&ann)));
    tokio::task::yield_now().await;
    revocations.revoke_by(Revocation::subject(ISSUER, "ann")).await.unwrap();
    assert_eq!(timeout(SOON, by_watch).await.unwrap().unwrap(), Ended::Revoked);
    timeout(Duration::from_secs(3_600), &mut by_itself).await.unwrap_err();
}
