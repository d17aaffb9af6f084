//! A real server on a Unix socket, whose peer has no address: the proxy in front of it is trusted only if it is set.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::routing::get;
use axum::serve::IncomingStream;
use portcullis::rate_limit::Key;
use portcullis::{ClientAddr, Quota, RateLimit, SecurityHeaders, Stack, TrustedProxies};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::support::log_capture::LogCapture;

/// The connect info of a server on a Unix socket, as in axum's example.
#[derive(Clone, Debug)]
struct UdsConnectInfo {
    _user: u32,
}

impl Connected<IncomingStream<'_, UnixListener>> for UdsConnectInfo {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        Self { _user: stream.io().peer_cred().unwrap().uid() }
    }
}

/// Responds with the address of the client, which has two requests.
fn app(proxies: TrustedProxies) -> Router {
    let limit = RateLimit::builder().quota(Quota::per_hour(2).unwrap()).key(Key::ip()).build().unwrap();
    let stack = Stack::builder()
        .trusted_proxies(proxies)
        .security_headers(SecurityHeaders::api().build().unwrap())
        .limit_by_address(limit)
        .build()
        .unwrap();
    Router::new().route("/", get(async |client: ClientAddr| client.to_string())).layer(stack)
}

/// Sends a request as a proxy does. Returns the head of the response and its body.
async fn send(mut stream: impl AsyncReadExt + AsyncWrite + Unpin, forwarded_for: &str) -> (String, String) {
    let forwarded = match forwarded_for {
        "" => String::new(),
        chain => format!("X-Forwarded-For: {chain}\r\nX-Forwarded-Proto: https\r\n"),
    };
    let request = format!("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n{forwarded}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

async fn connect(socket: &Path) -> UnixStream {
    UnixStream::connect(socket).await.unwrap()
}

#[tokio::test]
async fn a_proxy_on_a_unix_socket_reports_address_and_scheme_with_and_without_connect_info() {
    for (n, proxies) in [TrustedProxies::new(["unix:"]), TrustedProxies::hops(1)].into_iter().enumerate() {
        let proxies = proxies.unwrap();
        for has_connect_info in [false, true] {
            let directory = std::env::temp_dir();
            let socket = directory.join(format!("portcullis-{}-{n}-{has_connect_info}.sock", std::process::id()));
            let listener = UnixListener::bind(&socket).unwrap();
            let app = app(proxies.clone());
            let server = tokio::spawn(async move {
                if has_connect_info {
                    axum::serve(listener, app.into_make_service_with_connect_info::<UdsConnectInfo>()).await
                } else {
                    axum::serve(listener, app).await
                }
            });
            let chain = "6.6.6.6, 203.0.113.9";
            for (chain, expected) in [(chain, 200), (chain, 200), (chain, 429), ("203.0.113.10", 200)] {
                let (head, body) = send(connect(&socket).await, chain).await;
                assert_eq!(status(&head), expected, "{head}");
                assert!(head.contains("strict-transport-security"), "{head}");
                assert!(expected == 429 || chain.ends_with(&body), "{body}");
            }
            // Without a forwarded address, the client is unknown, and no other address replaces it.
            let log = LogCapture::start();
            assert_eq!(status(&send(connect(&socket).await, "").await.0), 500);
            assert!(log.text().contains("let the proxy on the Unix socket send X-Forwarded-For"), "{}", log.text());
            server.abort();
            std::fs::remove_file(socket).unwrap();
        }
    }
}

#[tokio::test]
async fn a_unix_socket_is_not_trusted_unless_it_is_set_and_the_log_names_the_setting() {
    let socket = std::env::temp_dir().join(format!("portcullis-{}-untrusted.sock", std::process::id()));
    let all = TrustedProxies::dangerously_trust_networks(["0.0.0.0/0", "::/0"]).unwrap();
    for proxies in [TrustedProxies::none(), TrustedProxies::new(["127.0.0.1"]).unwrap(), all] {
        let listener = UnixListener::bind(&socket).unwrap();
        let app = app(proxies);
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        let log = LogCapture::start();
        let (head, body) = send(connect(&socket).await, "203.0.113.9").await;
        assert_eq!(status(&head), 500, "{head}");
        assert!(!head.contains("strict-transport-security"), "{head}");
        assert!(!body.contains("127.0.0.1"), "{body}");
        assert!(log.text().contains("on a Unix socket, add \"unix:\" to TrustedProxies"), "{}", log.text());
        server.abort();
        std::fs::remove_file(&socket).unwrap();
    }
}

#[tokio::test]
async fn a_server_on_tcp_trusts_no_client_because_unix_sockets_are_trusted() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let app = app(TrustedProxies::new(["unix:"]).unwrap()).into_make_service_with_connect_info::<SocketAddr>();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let (head, body) = send(TcpStream::connect(addr).await.unwrap(), "203.0.113.9").await;
    assert_eq!((status(&head), body.as_str()), (200, "127.0.0.1"));
    assert!(!head.contains("strict-transport-security"), "{head}");
    server.abort();
}

#[tokio::test]
async fn a_server_on_tcp_without_connect_info_trusts_no_client() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let app = app(TrustedProxies::new(["127.0.0.0/8"]).unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let (head, _) = send(TcpStream::connect(addr).await.unwrap(), "203.0.113.9").await;
    assert_eq!(status(&head), 500, "{head}");
    server.abort();
}
