//! `Connection`: a connection of Ann to a server of an app, over HTTP/1.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;

/// A connection to a server, which runs until this is dropped.
pub(super) struct Connection {
    stream: TcpStream,
    server: JoinSet<()>,
}

impl Connection {
    /// Starts a server of an app, and sends it a request with the token of Ann. The lines are what the request has
    /// besides the token, without the last line break.
    pub(super) async fn open(app: Router, lines: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, app).await.unwrap() });
        let request = format!("{lines}\r\nHost: a\r\nAuthorization: {}\r\n\r\n", token("ann"));
        stream.write_all(request.as_bytes()).await.unwrap();
        Self { stream, server }
    }

    /// Reads up to this text, and returns what was read.
    pub(super) async fn read_until(&mut self, end: &str) -> String {
        let mut received = Vec::new();
        while !received.ends_with(end.as_bytes()) {
            received.push(self.stream.read_u8().await.unwrap());
        }
        String::from_utf8(received).unwrap()
    }

    /// Reads this many bytes.
    pub(super) async fn read<const LENGTH: usize>(&mut self) -> [u8; LENGTH] {
        let mut received = [0; LENGTH];
        timeout(LATEST, self.stream.read_exact(&mut received)).await.unwrap().unwrap();
        received
    }

    /// Reads until the server closes or resets the connection.
    pub(super) async fn rest(&mut self) -> String {
        let mut rest = String::new();
        let _ = timeout(LATEST, self.stream.read_to_string(&mut rest)).await.unwrap();
        rest
    }

    /// Closes the connection, and returns the server.
    pub(super) fn disconnect(self) -> JoinSet<()> {
        self.server
    }
}

/// How long a test waits for what happens within a second by another clock.
const LATEST: Duration = Duration::from_secs(30);
