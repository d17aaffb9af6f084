//! The client for the URL of a server, what TLS to it needs, and how it opens a connection.

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo};
use tokio::task::JoinSet;

use crate::error::{ConfigIssue, IssueKind};
use crate::store::failure::Failure;
use crate::store::setting_names::SettingNames;

/// Returns the client for a URL that was passed to the setting `names.url`.
pub(crate) fn open(url: &str, names: &SettingNames) -> Result<Client, ConfigIssue> {
    // The URL and the parser's message are left out: they may contain a password.
    let issue = |reason, remedy: String| ConfigIssue::new(names.url, IssueKind::Invalid, reason, remedy);
    let asks_for_tls = TLS_SCHEMES.iter().any(|scheme| url.starts_with(scheme));
    if asks_for_tls && cfg!(not(feature = "redis_tls")) {
        let remedy = "enable the feature `redis_tls` of portcullis".to_owned();
        return Err(issue("a rediss:// URL asks for TLS, which is not compiled in", remedy));
    }
    let invalid_url = |_| issue("not the URL of a Redis server", "write redis://host:port".to_owned());
    let info = url.into_connection_info().map_err(invalid_url)?;
    if let ConnectionAddr::TcpTls { insecure: true, .. } = info.addr() {
        let remedy = format!("remove `#insecure`; for a private certificate authority, use {}", names.client);
        return Err(issue("the URL turns off the verification of the server's certificate", remedy));
    }
    // `CLIENT SETINFO` would need one more permission.
    let settings = info.redis_settings().clone().set_skip_set_lib_name();
    Client::open(info.set_redis_settings(settings)).map_err(invalid_url)
}

/// Opens a connection of its own, without a time limit: the caller has a deadline, or waits as long as it takes.
///
/// The connection has no limit for responses either, so it can be used for commands that block.
pub(crate) async fn connect(client: Client) -> Result<MultiplexedConnection, Failure> {
    // In a separate task: opening a socket panics if the runtime has no I/O driver, and a TLS handshake if there is no
    // cryptography provider. A `JoinSet` aborts its tasks when it is dropped.
    let mut attempt = JoinSet::new();
    attempt.spawn(async move {
        ensure_crypto_provider(&client);
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        client.get_multiplexed_async_connection_with_config(&config).await
    });
    match attempt.join_next().await {
        Some(Ok(result)) => Ok(result?),
        Some(Err(_)) | None => Err(Failure::panicked()),
    }
}

pub(crate) fn is_tls(client: &Client) -> bool {
    matches!(client.get_connection_info().addr(), ConnectionAddr::TcpTls { .. })
}

/// Makes rustls usable by the crate `redis`, which takes the provider of the process.
///
/// Without one, rustls takes that of its features if these name a single one, and panics if they name several, which
/// other crates of the app decide. It is chosen at the first connection, so that the app can choose first.
#[cfg(feature = "redis_tls")]
fn ensure_crypto_provider(client: &Client) {
    use rustls::crypto::{self, CryptoProvider};

    if is_tls(client) && CryptoProvider::get_default().is_none() {
        // Fails only if another thread was faster.
        let _ = crypto::aws_lc_rs::default_provider().install_default();
    }
}

#[cfg(not(feature = "redis_tls"))]
fn ensure_crypto_provider(_: &Client) {}

/// `valkeys` is the name of Valkey for the same.
const TLS_SCHEMES: [&str; 2] = ["rediss:", "valkeys:"];
