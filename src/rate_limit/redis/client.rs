//! The client for the URL of a server, and what TLS to it needs.

use redis::{Client, ConnectionAddr, IntoConnectionInfo};

use crate::error::{ConfigError, ConfigIssue, IssueKind};

/// Returns the client for the URL that was passed to `RedisStore::connect`.
pub(super) fn open(url: &str) -> Result<Client, ConfigError> {
    // The URL and the parser's message are left out: they may contain a password.
    let issue = |reason, remedy| ConfigIssue::new("RedisStore::connect", IssueKind::Invalid, reason, remedy).into();
    let asks_for_tls = TLS_SCHEMES.iter().any(|scheme| url.starts_with(scheme));
    if asks_for_tls && cfg!(not(feature = "redis_tls")) {
        let remedy = "enable the feature `redis_tls` of portcullis";
        return Err(issue("a rediss:// URL asks for TLS, which is not compiled in", remedy));
    }
    let invalid_url = |_| issue("not the URL of a Redis server", "write redis://host:port");
    let info = url.into_connection_info().map_err(invalid_url)?;
    if let ConnectionAddr::TcpTls { insecure: true, .. } = info.addr() {
        let remedy = "remove `#insecure`; for a private certificate authority, use RedisStore::from_client";
        return Err(issue("the URL turns off the verification of the server's certificate", remedy));
    }
    // `CLIENT SETINFO` would need one more permission.
    let settings = info.redis_settings().clone().set_skip_set_lib_name();
    Client::open(info.set_redis_settings(settings)).map_err(invalid_url)
}

pub(super) fn is_tls(client: &Client) -> bool {
    matches!(client.get_connection_info().addr(), ConnectionAddr::TcpTls { .. })
}

/// Makes rustls usable by the crate `redis`, which takes the provider of the process.
///
/// Without one, rustls takes that of its features if these name a single one, and panics if they name several, which
/// other crates of the app decide. It is chosen at the first connection, so that the app can choose first.
#[cfg(feature = "redis_tls")]
pub(super) fn ensure_crypto_provider(client: &Client) {
    use rustls::crypto::{self, CryptoProvider};

    if is_tls(client) && CryptoProvider::get_default().is_none() {
        // Fails only if another thread was faster.
        let _ = crypto::aws_lc_rs::default_provider().install_default();
    }
}

#[cfg(not(feature = "redis_tls"))]
pub(super) fn ensure_crypto_provider(_: &Client) {}

/// `valkeys` is the name of Valkey for the same.
const TLS_SCHEMES: [&str; 2] = ["rediss:", "valkeys:"];
