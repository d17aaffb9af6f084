//! axum-server on a Unix socket, whose proxy is trusted only if `TrustedProxies` has `unix:`.

use std::io;
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use portcullis::rate_limit::Key;
use portcullis::{ClientAddr, Quota, RateLimit, Stack, TrustedProxies};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

fn app(proxies: TrustedProxies) -> Router {
    let limit = RateLimit::builder().quota(Quota::per_hour(2).unwrap()).key(Key::ip()).build().unwrap();
    let stack = Stack::builder().trusted_proxies(proxies).limit_by_address(limit).build().unwrap();
    Router::new().route("/", get(async |client: ClientAddr| client.to_string())).layer(stack)
}

/// The log of this thread, on which the server runs too.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The status and the body of the responses to requests with these values of `X-Forwarded-For`, and the log.
async fn responses(name: &str, proxies: TrustedProxies, chains: &[&str]) -> (Vec<(u16, String)>, String) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
    let guard = tracing_subscriber::util::SubscriberInitExt::set_default(subscriber);
    let socket = std::env::temp_dir().join(format!("portcullis-hosts-{}-{name}.sock", std::process::id()));
    let listener = UnixListener::bind(&socket).unwrap();
    let server = axum_server::from_unix(listener).unwrap().serve(app(proxies).into_make_service());
    let server = tokio::spawn(server);
    let mut responses = Vec::new();
    for chain in chains {
        let mut stream = UnixStream::connect(&socket).await.unwrap();
        let request =
            format!("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nX-Forwarded-For: {chain}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        responses.push((head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned()));
    }
    server.abort();
    std::fs::remove_file(socket).unwrap();
    drop(guard);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    (responses, log)
}

#[tokio::test]
async fn a_trusted_proxy_reports_the_address() {
    let chains = ["6.6.6.6, 203.0.113.9", "203.0.113.9", "203.0.113.9", "203.0.113.10"];
    let (responses, _) = responses("trusted", TrustedProxies::new(["unix:"]).unwrap(), &chains).await;
    let statuses: Vec<u16> = responses.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [200, 200, 429, 200]);
    assert_eq!((&*responses[0].1, &*responses[3].1), ("203.0.113.9", "203.0.113.10"));
}

#[tokio::test]
async fn without_the_setting_the_response_is_500_and_the_log_names_the_setting() {
    let (responses, log) = responses("untrusted", TrustedProxies::new(["127.0.0.1"]).unwrap(), &["203.0.113.9"]).await;
    assert_eq!(responses[0].0, 500);
    assert!(!responses[0].1.contains("127.0.0.1"), "{responses:?}");
    assert!(log.contains("unix:") && log.contains("to TrustedProxies"), "{log}");
}
