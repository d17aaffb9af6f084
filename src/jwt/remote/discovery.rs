//! Where an issuer's keys are: at a configured URL, or at the URL in its metadata (RFC 8414, OpenID Connect Discovery).

#[cfg(feature = "shared_signals")]
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::field::origin::Origin;
use crate::http_client::client::SharedHttpClient;
use crate::http_client::url::is_fetchable;
use crate::jwt::remote::fetch::{Document, FetchError, get_document};
use crate::strict_json::{Object, string};
#[cfg(feature = "shared_signals")]
use crate::strict_json::{array, is_null};

/// Where an issuer's JWK Set is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JwksLocation {
    /// At the `jwks_uri` of the issuer's metadata.
    Metadata,
    /// At the `jwks_uri` of the issuer's metadata, which must have the issuer's own scheme, host and port.
    OwnMetadata,
    /// At the `jwks_uri` of the issuer's configuration as a transmitter of security events.
    #[cfg(feature = "shared_signals")]
    SsfConfiguration,
    /// At this URL.
    Url(String),
}

/// Where the keys of an issuer are, and what else its metadata says.
#[derive(Debug)]
pub(crate) struct Located {
    pub(crate) jwks_uri: String,
    /// The `critical_subject_members`, if the configuration of a transmitter was read.
    #[cfg(feature = "shared_signals")]
    pub(crate) critical_members: Option<Arc<[String]>>,
}

impl Located {
    fn at(jwks_uri: String) -> Self {
        Self {
            jwks_uri,
            #[cfg(feature = "shared_signals")]
            critical_members: None,
        }
    }
}

/// Returns where the keys of an issuer are. Its metadata is fetched unless the URL is known.
///
/// # Errors
///
/// Returns [`FetchError`] if the metadata cannot be fetched, or if it names keys that must not be used.
pub(crate) async fn locate(
    client: &SharedHttpClient,
    location: &JwksLocation,
    issuer: &str,
    known_uri: Option<String>,
    timeout: Duration,
) -> Result<Located, FetchError> {
    let uri = match (location, known_uri) {
        (JwksLocation::Url(url), _) => url.clone(),
        (_, Some(uri)) => uri,
        #[cfg(feature = "shared_signals")]
        (JwksLocation::SsfConfiguration, None) => return ssf_configuration(client, issuer).await,
        (JwksLocation::Metadata | JwksLocation::OwnMetadata, None) => {
            jwks_uri(client, issuer, timeout / METADATA_SHARES).await?
        }
    };
    if *location == JwksLocation::OwnMetadata && !has_same_origin(&uri, issuer) {
        return Err(FetchError::OtherHost);
    }
    Ok(Located::at(uri))
}

/// Fetches the issuer's metadata, and returns the URL of its JWK Set.
///
/// The metadata has up to three well-known URLs, which are tried in order. The next one is tried when a response is
/// unusable, and also when none arrives within `head_start`: gateways reset or stall the connection for single paths.
/// An earlier request continues meanwhile, and the first usable metadata is used. All URLs serve the same metadata,
/// which names this issuer.
///
/// # Errors
///
/// Returns the error that explains the most, in the [order](explanation_rank) of these.
pub(crate) async fn jwks_uri(
    client: &SharedHttpClient,
    issuer: &str,
    head_start: Duration,
) -> Result<String, FetchError> {
    let mut urls = well_known_urls(issuer).into_iter();
    // Dropping the set cancels the requests in progress.
    let mut requests = JoinSet::new();
    let mut reported: Option<FetchError> = None;
    loop {
        if let Some(url) = urls.next() {
            let (client, issuer) = (client.clone(), issuer.to_owned());
            requests.spawn(async move { parse_metadata(&get_document(&client, &url).await?, &issuer) });
        }
        let error = match tokio::time::timeout(head_start, requests.join_next()).await {
            Ok(Some(Ok(Ok(uri)))) => return Ok(uri),
            Ok(Some(Ok(Err(error)))) => error,
            // The client panicked.
            Ok(Some(Err(_))) => FetchError::Stopped,
            Ok(None) => return Err(reported.unwrap_or(FetchError::Malformed)),
            Err(_) => continue,
        };
        if reported.as_ref().is_none_or(|reported| explanation_rank(&error) > explanation_rank(reported)) {
            reported = Some(error);
        }
    }
}

/// How much an error explains: metadata of another issuer more than an outage or an unusable document, and those more
/// than a missing document, since issuers have metadata at one of the URLs only.
///
/// A gateway may reject one URL with 403 while the server behind the others is down. That is an outage, and does not
/// mean that there is no such issuer.
fn explanation_rank(error: &FetchError) -> u8 {
    match error {
        FetchError::Status(404) => 0,
        FetchError::OtherIssuer(_) => 3,
        error if error.is_absence() => 1,
        _ => 2,
    }
}

/// Returns the `jwks_uri` of the metadata, which must be that of this issuer.
///
/// # Errors
///
/// Returns [`FetchError::OtherIssuer`] if it names another issuer, and [`FetchError::Url`] if the keys are not at an
/// https URL.
pub(crate) fn parse_metadata(metadata: &Document, issuer: &str) -> Result<String, FetchError> {
    let metadata = Object::parse(&metadata.text).ok_or(FetchError::Malformed)?;
    let text = |name| metadata.get(name).and_then(string).ok_or(FetchError::Malformed);
    // RFC 8414 §3.3: it must be identical to the configured one. Otherwise one tenant of a shared host could publish
    // metadata that replaces the keys of another.
    let own_name = text("issuer")?;
    if own_name != issuer {
        return Err(FetchError::OtherIssuer(own_name.chars().take(MAX_LOGGED_NAME).collect()));
    }
    let uri = text("jwks_uri")?;
    // http is allowed only if the issuer itself is on loopback. The metadata of another issuer could otherwise make the
    // app send requests to services on its own host.
    let allow_http = is_loopback(issuer);
    if is_fetchable(&uri, allow_http) { Ok(uri.into_owned()) } else { Err(FetchError::Url) }
}

/// Fetches the configuration of a transmitter (Shared Signals Framework 1.0 §7).
///
/// # Errors
///
/// Returns [`FetchError`] if the request fails, or as [`parse_metadata`] does.
#[cfg(feature = "shared_signals")]
async fn ssf_configuration(client: &SharedHttpClient, issuer: &str) -> Result<Located, FetchError> {
    // Does not fail here: `build()` rejects an issuer that is not a URL.
    let (origin, rest) = Origin::of_url(issuer).map_err(|_| FetchError::Url)?;
    let path = rest.strip_suffix('/').unwrap_or(rest);
    let url = format!("{}/.well-known/ssf-configuration{path}", origin.text());
    let document = get_document(client, &url).await?;
    let jwks_uri = parse_metadata(&document, issuer)?;
    let critical_members = critical_members(&document.text).ok_or(FetchError::Malformed)?;
    Ok(Located { jwks_uri, critical_members: Some(critical_members) })
}

/// Returns the `critical_subject_members`, which are empty if absent. `None` if they are not strings.
#[cfg(feature = "shared_signals")]
fn critical_members(configuration: &str) -> Option<Arc<[String]>> {
    let Some(names) = Object::parse(configuration)?.get("critical_subject_members").filter(|names| !is_null(names))
    else {
        return Some(Arc::default());
    };
    array(names)?.into_iter().map(|name| string(name.get()).map(|name| name.into_owned())).collect()
}

/// Returns the URLs of the metadata: with the well-known part before the issuer's path (RFC 8414 §3.1), then after it
/// (OpenID Connect Discovery §4.1).
fn well_known_urls(issuer: &str) -> Vec<String> {
    // Does not fail here: `build()` rejects an issuer that is not a URL.
    let Ok((origin, rest)) = Origin::of_url(issuer) else { return Vec::new() };
    let origin = origin.text();
    let path = rest.strip_suffix('/').unwrap_or(rest);
    let mut urls = vec![
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
        format!("{origin}/.well-known/openid-configuration{path}"),
    ];
    if !path.is_empty() {
        urls.push(format!("{origin}{path}/.well-known/openid-configuration"));
    }
    urls
}

/// Whether two URLs have the same scheme, host and port.
pub(crate) fn has_same_origin(a: &str, b: &str) -> bool {
    matches!((Origin::of_url(a), Origin::of_url(b)), (Ok((a, _)), Ok((b, _))) if a == b)
}

fn is_loopback(url: &str) -> bool {
    Origin::of_url(url).is_ok_and(|(origin, _)| origin.is_loopback())
}

// Of five shares of the timeout, one each goes to the first two URLs of the metadata before the next one is tried. The
// last URL and the key set have the rest.
const METADATA_SHARES: u32 = 5;
// The name is chosen by whatever server responded, and is escaped and shortened for the log.
const MAX_LOGGED_NAME: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_urls_are_in_the_order_of_rfc_8414() {
        assert_eq!(
            well_known_urls("https://a.example/tenant1"),
            [
                "https://a.example/.well-known/oauth-authorization-server/tenant1",
                "https://a.example/.well-known/openid-configuration/tenant1",
                "https://a.example/tenant1/.well-known/openid-configuration",
            ]
        );
        assert_eq!(
            well_known_urls("https://a.example/"),
            [
                "https://a.example/.well-known/oauth-authorization-server",
                "https://a.example/.well-known/openid-configuration",
            ]
        );
    }

    #[test]
    fn the_metadata_must_have_the_same_issuer_and_an_https_jwks_uri() {
        let parse = |issuer: &str, uri: &str| {
            let text = format!(r#"{{"issuer":"{issuer}","jwks_uri":"{uri}"}}"#);
            parse_metadata(&Document { text, max_age: None }, "https://a.example")
        };
        assert_eq!(parse("https://a.example", "https://k.example/k"), Ok("https://k.example/k".to_owned()));
        for other in ["https://a.example/", "https://A.example", "https://a.example:443", "http://a.example", ""] {
            assert_eq!(parse(other, "https://k.example/k"), Err(FetchError::OtherIssuer(other.to_owned())), "{other}");
        }
        for uri in ["http://k.example/k", "http://127.0.0.1/k", "ftp://k.example", "k", "https://u@k.example/k"] {
            assert_eq!(parse("https://a.example", uri), Err(FetchError::Url), "{uri}");
        }
    }

    #[test]
    fn http_is_allowed_for_loopback_only() {
        for (url, allow_http, expected) in [
            ("https://a.example/k", false, true),
            ("http://127.0.0.1:9/k", true, true),
            ("http://[::1]:9/k", true, true),
            ("http://localhost/k", true, true),
            ("http://127.0.0.1:9/k", false, false),
            ("http://a.example/k", true, false),
            ("http://127.0.0.1.a.example/k", true, false),
            ("https://a.example/k#f", false, false),
            ("https://a.example/k k", false, false),
            ("https://a.example/k\r\n", false, false),
            ("https://a.example/\u{e9}", false, false),
        ] {
            assert_eq!(is_fetchable(url, allow_http), expected, "{url}");
        }
    }
}
