//! Where an issuer's keys are: its metadata (RFC 8414, OpenID Connect Discovery), or a URL that is told.

use crate::field::origin::Origin;
use crate::jwt::remote::fetch::{Document, FetchError, HttpClient};
use crate::jwt::strict_json::{Object, string};

/// Where an issuer's JWK Set is found.
#[derive(Clone, Debug)]
pub(crate) enum JwksLocation {
    /// By the issuer's metadata.
    Metadata,
    /// At this URL.
    Url(String),
}

/// The URL of the issuer's JWK Set, by its metadata: RFC 8414's path insertion, OpenID's insertion, OpenID's append.
///
/// A form that does not answer with this issuer's metadata gives way to the next; a client that cannot get through
/// does not, since it would not get through to the next either.
pub(crate) async fn jwks_uri(client: &HttpClient, issuer: &str) -> Result<String, FetchError> {
    let mut fault = FetchError::Malformed;
    for url in well_known(issuer) {
        let read = match client.document(&url).await {
            Ok(document) => read(&document, issuer),
            Err(fault @ FetchError::Client(_)) => return Err(fault),
            Err(fault) => Err(fault),
        };
        match read {
            Ok(uri) => return Ok(uri),
            // A form that is not there tells less than one that names another issuer.
            Err(_) if matches!(fault, FetchError::Issuer(_)) => {}
            Err(next) => fault = next,
        }
    }
    Err(fault)
}

fn read(metadata: &Document, issuer: &str) -> Result<String, FetchError> {
    let metadata = Object::parse(&metadata.text).ok_or(FetchError::Malformed)?;
    let text = |name| metadata.get(name).and_then(string).ok_or(FetchError::Malformed);
    // RFC 8414 §3.3: identical, by simple string comparison.
    let told = text("issuer")?;
    if told != issuer {
        return Err(FetchError::Issuer(told.chars().take(200).collect()));
    }
    let uri = text("jwks_uri")?;
    let may_be_plain = is_loopback(issuer);
    if is_fetchable(&uri, may_be_plain) { Ok(uri.into_owned()) } else { Err(FetchError::Url) }
}

/// RFC 8414 §3.1, and OpenID Connect Discovery §4.1, where the path of the issuer comes first.
fn well_known(issuer: &str) -> Vec<String> {
    // An issuer that is no URL was refused at build.
    let Ok((origin, rest)) = Origin::of_url(issuer) else { return Vec::new() };
    let (origin, path) = (origin.text(), rest.strip_suffix('/').unwrap_or(rest));
    let mut urls = vec![
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
        format!("{origin}/.well-known/openid-configuration{path}"),
    ];
    if !path.is_empty() {
        urls.push(format!("{origin}{path}/.well-known/openid-configuration"));
    }
    urls
}

/// Whether keys may be fetched from this URL: by https, or, where `may_be_plain`, from loopback.
pub(crate) fn is_fetchable(url: &str, may_be_plain: bool) -> bool {
    Origin::of_url(url).is_ok_and(|(origin, rest)| {
        let is_plain_text = rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        is_plain_text && (origin.is_https() || may_be_plain && origin.is_loopback())
    })
}

pub(crate) fn is_loopback(url: &str) -> bool {
    Origin::of_url(url).is_ok_and(|(origin, _)| origin.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_urls_come_in_the_order_of_rfc_8414() {
        assert_eq!(
            well_known("https://a.example/tenant1"),
            [
                "https://a.example/.well-known/oauth-authorization-server/tenant1",
                "https://a.example/.well-known/openid-configuration/tenant1",
                "https://a.example/tenant1/.well-known/openid-configuration",
            ]
        );
        assert_eq!(
            well_known("https://a.example/"),
            [
                "https://a.example/.well-known/oauth-authorization-server",
                "https://a.example/.well-known/openid-configuration",
            ]
        );
    }

    #[test]
    fn the_metadata_must_name_the_very_issuer_and_https_keys() {
        let of = |issuer: &str, uri: &str| {
            let text = format!(r#"{{"issuer":"{issuer}","jwks_uri":"{uri}"}}"#);
            read(&Document { text, max_age: None }, "https://a.example")
        };
        assert_eq!(of("https://a.example", "https://k.example/k"), Ok("https://k.example/k".to_owned()));
        for near in ["https://a.example/", "https://A.example", "https://a.example:443", "http://a.example", ""] {
            assert_eq!(of(near, "https://k.example/k"), Err(FetchError::Issuer(near.to_owned())), "{near}");
        }
        for uri in ["http://k.example/k", "http://127.0.0.1/k", "ftp://k.example", "k", "https://u@k.example/k"] {
            assert_eq!(of("https://a.example", uri), Err(FetchError::Url), "{uri}");
        }
    }

    #[test]
    fn plain_http_is_for_loopback_alone() {
        for (url, plain, expected) in [
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
            assert_eq!(is_fetchable(url, plain), expected, "{url}");
        }
    }
}
