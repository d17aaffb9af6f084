//! The handlers of the sockets, which end with the login.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use portcullis::{JwtAuth, UserContext};
use tokio::time::{interval, timeout};

/// The token is a subprotocol of the request, so the layer has checked it.
pub(crate) async fn open(user: UserContext, upgrade: WebSocketUpgrade) -> Response {
    // The token is no longer among the protocols. The browser expects the response to have one.
    upgrade.protocols(["bearer"]).on_upgrade(|socket| serve(socket, user))
}

/// The token is the first message, so anyone can open this socket and has ten seconds to send it.
pub(crate) async fn open_by_message(
    State(auth): State<JwtAuth>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.max_message_size(16 * 1024).on_upgrade(async move |mut socket| {
        let Ok(Some(Ok(Message::Text(token)))) =
            timeout(Duration::from_secs(10), socket.recv()).await
        else {
            return close(socket, POLICY_VIOLATION, "send a token first").await;
        };
        match auth.verify(&token).await {
            Ok(user) => serve(socket, user).await,
            // The keys of the issuer are unavailable, for example.
            Err(denial) if denial.status().is_server_error() => {
                close(socket, TRY_AGAIN_LATER, "try again later").await;
            }
            Err(_) => close(socket, UNAUTHORIZED, "the token is not valid").await,
        }
    })
}

/// Serves a socket until the client leaves or the login ends.
async fn serve(mut socket: WebSocket, user: UserContext) {
    tokio::select! {
        _ = user.ended() => close(socket, UNAUTHORIZED, "log in again").await,
        _ = send_numbers(&mut socket) => {}
    }
}

/// Sends a number each second, and ignores what the client sends.
async fn send_numbers(socket: &mut WebSocket) -> Result<(), axum::Error> {
    let mut seconds = interval(Duration::from_secs(1));
    let mut number = 0;
    loop {
        tokio::select! {
            _ = seconds.tick() => {
                socket.send(Message::Text(number.to_string().into())).await?;
                number += 1;
            }
            message = socket.recv() => if message.transpose()?.is_none() { return Ok(()) },
        }
    }
}

async fn close(mut socket: WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: reason.into() };
    // The client may be gone. One that reads nothing must not keep the socket open.
    let _ = timeout(Duration::from_secs(5), socket.send(Message::Close(Some(frame)))).await;
}

/// "Unauthorized" (IANA).
const UNAUTHORIZED: u16 = 3000;
/// "Policy Violation" (RFC 6455).
const POLICY_VIOLATION: u16 = 1008;
/// "Try Again Later" (IANA).
const TRY_AGAIN_LATER: u16 = 1013;
