//! `Client`: the built-in HTTP client. The only file that names hyper's client.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, USER_AGENT};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Empty};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, crypto};

use crate::field::origin::is_loopback_authority;
use crate::jwt::remote::fetch::{Fetch, MAX_BODY};

/// The built-in client: HTTP/1.1, TLS with the certificates of the platform, no redirects, two seconds to connect.
///
/// A redirect could lead to another host or to http. The keys there would be trusted like those of the issuer.
///
/// The environment variables `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` select a proxy, as for curl. A loopback host is
/// never reached through a proxy, because there the name would be that of another host.
pub(crate) struct Client {
    tls: Arc<ClientConfig>,
    proxies: Matcher,
}

impl Client {
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

impl Fetch for Client {
    async fn get(&self, url: &str) -> Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>> {
        let uri: Uri = url.parse()?;
        match self.proxy(&uri) {
            None => get(self.connector(), uri).await,
            Some(proxy) => {
                let mut tunnel = Tunnel::new(proxy.uri().clone(), self.connector());
                if let Some(credentials) = proxy.basic_auth() {
                    tunnel = tunnel.with_auth(credentials.clone());
                }
                get(HttpsConnector::from((tunnel, Arc::clone(&self.tls))), uri).await
            }
        }
    }
}

/// Sends a GET request over a new connection. Documents are fetched so rarely that the server would close an idle
/// connection before the next fetch.
async fn get<C>(connector: C, uri: Uri) -> Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let client: legacy::Client<C, Empty<Bytes>> =
        legacy::Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = uri;
    request.headers_mut().insert(ACCEPT, const { HeaderValue::from_static("application/json") });
    // Some servers compress unless the request forbids it (RFC 9110 §12.5.3).
    request.headers_mut().insert(ACCEPT_ENCODING, const { HeaderValue::from_static("identity") });
    request.headers_mut().insert(USER_AGENT, const { HeaderValue::from_static(USER_AGENT_NAME) });
    let (head, mut body) = client.request(request).await?.into_parts();
    // Read in frames, so that an endless body takes no memory beyond the limit. `HttpClient` rejects one above it.
    let mut received = Vec::new();
    while received.len() <= MAX_BODY
        && let Some(frame) = body.frame().await
    {
        if let Some(data) = frame?.data_ref() {
            received.extend_from_slice(data);
        }
    }
    Ok(Response::from_parts(head, received))
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

const USER_AGENT_NAME: &str = concat!("portcullis/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_of_the_environment_is_not_used_for_loopback_hosts() {
        let proxies = Matcher::builder().all("http://proxy.example:3128").build();
        let client = Client::with_proxies(proxies).unwrap();
        let is_proxied = |uri| client.proxy(&Uri::from_static(uri)).is_some();
        assert!(is_proxied("https://auth.example.com/jwks"));
        for uri in ["http://localhost:8080/", "http://127.0.0.1:1/", "http://127.9.9.9/", "http://[::1]:1/"] {
            assert!(!is_proxied(uri), "{uri}");
        }
    }
}
