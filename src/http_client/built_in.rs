//! `BuiltInClient`: the HTTP client of the feature `fetch`. The only file that names hyper's client.

use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, USER_AGENT};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::rt::{Read, Write};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use rustls::{ClientConfig, crypto};
use tower_service::Service;

use crate::field::origin::is_loopback_authority;
use crate::http_client::client::{HttpClient, MAX_BODY};

/// The built-in client: HTTP/1.1, TLS with the certificates of the platform, no redirects, two seconds to connect.
///
/// A redirect could lead to another host or to http. The keys at its end would be trusted like those of the issuer.
///
/// The variables `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` are honored as curl does. A loopback host is never reached
/// through a proxy, because there it would be another host.
pub(crate) struct BuiltInClient {
    tls: Arc<ClientConfig>,
    proxies: Matcher,
}

impl BuiltInClient {
    /// Creates a client with the proxies of the environment.
    ///
    /// # Errors
    ///
    /// Returns the error of rustls if the platform's certificates cannot be loaded.
    pub(crate) fn new() -> Result<Self, rustls::Error> {
        Self::with_proxies(Matcher::from_env())
    }

    fn with_proxies(proxies: Matcher) -> Result<Self, rustls::Error> {
        // Named explicitly, because rustls cannot choose if the app's dependencies enable a second provider.
        let provider = Arc::new(crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .try_with_platform_verifier()?
            .with_no_client_auth();
        Ok(Self { tls: Arc::new(tls), proxies })
    }

    fn proxy(&self, uri: &Uri) -> Option<Intercept> {
        let is_loopback = uri.authority().is_some_and(|authority| is_loopback_authority(authority.as_str()));
        if is_loopback { None } else { self.proxies.intercept(uri) }
    }

    /// Connects to the host of a URI: by TCP, and by TLS if the scheme is https.
    fn connector(&self) -> HttpsConnector<HttpConnector> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        (tcp, Arc::clone(&self.tls)).into()
    }
}

impl HttpClient for BuiltInClient {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>> {
        match self.proxy(request.uri()) {
            None => send(self.connector(), request).await,
            Some(proxy) => {
                let mut tunnel = Tunnel::new(proxy.uri().clone(), self.connector());
                if let Some(credentials) = proxy.basic_auth() {
                    tunnel = tunnel.with_auth(credentials.clone());
                }
                send(HttpsConnector::from((tunnel, Arc::clone(&self.tls))), request).await
            }
        }
    }
}

/// Sends a request over a new connection. Documents are fetched so rarely that the server would close an idle
/// connection before the next fetch.
///
/// The connection is part of the future: if the timeout drops it, the connection is closed. In a separate task, it
/// would stay open for as long as a server sends informational responses.
async fn send<C>(mut connector: C, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>>
where
    C: Service<Uri, Response: Read + Write + Unpin + Send, Error: Into<Box<dyn Error + Send + Sync>>, Future: Send>
        + Send,
{
    let uri = request.uri().clone();
    let request = with_path_as_target(request)?;
    poll_fn(|context| connector.poll_ready(context)).await.map_err(Into::into)?;
    let stream = connector.call(uri).await.map_err(Into::into)?;
    let (mut sender, connection) = http1::handshake(stream).await?;
    let exchange = async {
        let (head, mut body) = sender.send_request(request).await?.into_parts();
        // Read in frames, so that an endless body takes no memory beyond the limit. The caller rejects one above it.
        let mut received = Vec::new();
        while received.len() <= MAX_BODY
            && let Some(frame) = body.frame().await
        {
            if let Some(data) = frame?.data_ref() {
                received.extend_from_slice(data);
            }
        }
        Ok(Response::from_parts(head, received))
    };
    let mut connection = pin!(connection);
    let mut exchange = pin!(exchange);
    let mut is_closed = false;
    poll_fn(|context| {
        // An error of the connection ends the exchange too, which reports it.
        is_closed = is_closed || connection.as_mut().poll(context).is_ready();
        exchange.as_mut().poll(context)
    })
    .await
}

/// The request with its path as the target (RFC 9112 §3.2.1), with `Host`, and with `User-Agent` if it has none.
fn with_path_as_target(request: Request<Vec<u8>>) -> Result<Request<Full<Bytes>>, http::Error> {
    let (mut head, body) = request.into_parts();
    let host = head.uri.authority().map_or("", Authority::as_str);
    head.headers.insert(HOST, HeaderValue::try_from(host)?);
    let user_agent = const { HeaderValue::from_static(USER_AGENT_NAME) };
    head.headers.entry(USER_AGENT).or_insert(user_agent);
    head.uri = head.uri.path_and_query().map_or("/", PathAndQuery::as_str).parse()?;
    Ok(Request::from_parts(head, Full::from(body)))
}

impl fmt::Debug for BuiltInClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuiltInClient").finish_non_exhaustive()
    }
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

const USER_AGENT_NAME: &str = concat!("portcullis/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn the_request_names_the_host_and_has_the_path_as_its_target() {
        for (uri, host, target) in [
            ("https://auth.example.com/a/jwks?b=c", "auth.example.com", "/a/jwks?b=c"),
            ("http://[::1]:8080/", "[::1]:8080", "/"),
            ("https://auth.example.com", "auth.example.com", "/"),
        ] {
            let request = with_path_as_target(Request::get(uri).body(Vec::new()).unwrap()).unwrap();
            assert_eq!(
                (&request.headers()[HOST], &*request.uri().to_string()),
                (&HeaderValue::from_static(host), target)
            );
        }
    }

    /// Starts a server that responds with this text and then another one without end. Its task ends when the client has
    /// closed the connection.
    async fn endless_server(start: &'static str, rest: &'static str) -> (String, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
            stream.write_all(start.as_bytes()).await.unwrap();
            if rest.is_empty() {
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
            while !rest.is_empty() && stream.write_all(rest.as_bytes()).await.is_ok() {}
        });
        (url, server)
    }

    #[tokio::test]
    async fn a_request_that_times_out_closes_its_connection_whatever_the_server_sends() {
        for (start, rest) in [
            ("", ""),
            ("", "HTTP/1.1 103 Early Hints\r\n\r\n"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", ""),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n ", ""),
        ] {
            let (url, server) = endless_server(start, rest).await;
            let client = BuiltInClient::with_proxies(Matcher::builder().build()).unwrap();
            let outcome = tokio::time::timeout(
                Duration::from_millis(50),
                client.send(Request::get(&*url).body(Vec::new()).unwrap()),
            )
            .await;
            assert!(outcome.is_err(), "{start:?} {rest:?}");
            tokio::time::timeout(Duration::from_secs(30), server).await.expect("the connection is open").unwrap();
        }
    }

    #[tokio::test]
    async fn an_endless_body_is_read_up_to_the_limit_and_closes_the_connection() {
        let (url, server) = endless_server("HTTP/1.1 200 OK\r\n\r\n", "                                ").await;
        let client = BuiltInClient::with_proxies(Matcher::builder().build()).unwrap();
        let response = client.send(Request::get(&*url).body(Vec::new()).unwrap()).await.unwrap();
        assert!(response.body().len() > MAX_BODY && response.body().len() < 8 * MAX_BODY);
        server.await.unwrap();
    }

    #[test]
    fn a_proxy_of_the_environment_is_not_used_for_loopback_hosts() {
        let proxies = Matcher::builder().all("http://proxy.example:3128").build();
        let client = BuiltInClient::with_proxies(proxies).unwrap();
        let is_proxied = |uri| client.proxy(&Uri::from_static(uri)).is_some();
        assert!(is_proxied("https://auth.example.com/jwks"));
        for uri in ["http://localhost:8080/", "http://127.0.0.1:1/", "http://127.9.9.9/", "http://[::1]:1/"] {
            assert!(!is_proxied(uri), "{uri}");
        }
    }
}
