//! Entry points to private parsers for the fuzz targets (`--cfg fuzzing`). Each panics if an invariant is violated.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::LazyLock;

use http::header::{AUTHORIZATION, COOKIE, FORWARDED};
use http::{HeaderMap, HeaderName, HeaderValue, Request};

#[cfg(feature = "api_key")]
use crate::api_key::fuzzing as api_keys;
#[cfg(feature = "back_channel_logout")]
use crate::back_channel_logout::fuzzing as back_channel_logout;
#[cfg(feature = "client_cert")]
use crate::client_cert::{rfc9440, xfcc};
use crate::context::TrustedProxies;
use crate::field::bearer::{Bearer, BearerError, authorization};
use crate::field::challenge::{Challenge, is_quotable};
use crate::field::cookie::{DuplicateCookie, cookie as read_cookie, is_cookie_name};
use crate::field::forwarded::{Hop, canonical, forwarded_hops, x_forwarded_for};
use crate::field::origin::Origin;
pub use crate::field::websocket_token::fuzzing::websocket_token;
use crate::gate::{CredentialSource, CredentialSources};
#[cfg(feature = "introspection")]
pub use crate::introspection::fuzzing::introspection_response;
use crate::jwt::fuzzing as jwt;
#[cfg(feature = "keys")]
pub use crate::keys::fuzzing::sealed_value;
#[cfg(feature = "one_time_tokens")]
pub use crate::one_time_tokens::fuzzing::one_time_token;
#[cfg(feature = "passwords")]
pub use crate::password::fuzzing::*;
#[cfg(feature = "login_protection")]
pub use crate::rate_limit::fuzzing::login_protection;
#[cfg(all(feature = "redis", feature = "revocation"))]
use crate::revocation::redis::entry::{decode, encode};
#[cfg(feature = "session")]
use crate::session::fuzzing as sessions;
#[cfg(feature = "shared_signals")]
pub use crate::shared_signals::fuzzing::security_event;

/// Reads `Authorization` headers: a token is everything after the scheme, and a `Bearer` scheme is never missed.
pub fn bearer(data: &[u8]) {
    let Some(mut headers) = headers(&AUTHORIZATION, data) else { return };
    let authorization = authorization(&mut headers).map(|value| value.cloned());
    let bearer = authorization.as_ref().map(|value| value.as_ref().and_then(Bearer::of)).map_err(|error| *error);
    let lines: Vec<&[u8]> = headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes).collect();
    match (bearer.and_then(|bearer| bearer.map(Bearer::token).transpose()), lines.as_slice()) {
        (Ok(Some(token)), [line]) => {
            let body = token.trim_end_matches('=');
            let is_token68 = |c: char| c.is_ascii_alphanumeric() || "-._~+/".contains(c);
            assert!(!body.is_empty() && body.chars().all(is_token68), "the token is not token68");
            let before = line.strip_suffix(token.as_bytes()).expect("a token ends its header");
            let scheme = before.strip_suffix(b" ").expect("a space before a token");
            assert!(scheme.trim_ascii_end().eq_ignore_ascii_case(b"Bearer") && !scheme.contains(&b'\t'));
        }
        (Ok(None), [line]) => {
            let word = line.trim_ascii_start().split(|byte| b" \t,=\"".contains(byte)).next();
            assert!(word.is_none_or(|word| !word.eq_ignore_ascii_case(b"Bearer")), "a Bearer header was missed");
        }
        (Ok(token), _) => assert!(token.is_none() && lines.is_empty(), "one of several headers was used"),
        (Err(error), _) => assert!(error == BearerError::Repeated || lines.len() == 1),
    }
}

/// Reads `Authorization` headers by the sources of two gates. Each credential is what follows the scheme, no key is
/// missed, and the gate of tokens finds every token that the bearer parser finds.
pub fn credentials(data: &[u8]) {
    static KEYS: LazyLock<CredentialSources> = LazyLock::new(|| {
        let sources = [CredentialSource::scheme("ApiKey"), CredentialSource::bearer_with_prefix("live_")];
        CredentialSources::new(sources).expect("valid sources")
    });
    static TOKENS: LazyLock<CredentialSources> =
        LazyLock::new(|| CredentialSources::new([CredentialSource::bearer_jwt()]).expect("a valid source"));

    let Some(mut headers) = headers(&AUTHORIZATION, data) else { return };
    let lines: Vec<Vec<u8>> = headers.get_all(AUTHORIZATION).iter().map(|line| line.as_bytes().to_vec()).collect();
    match (KEYS.read(&mut headers), lines.as_slice()) {
        (Ok(Some(key)), [line]) => {
            assert!(key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b','), "the key is one word");
            let before = line.strip_suffix(key.as_bytes()).expect("a key ends its header");
            let scheme = before.strip_suffix(b" ").expect("a space before a key").trim_ascii_end();
            let is_bearer = scheme.eq_ignore_ascii_case(b"Bearer") && key.starts_with("live_");
            assert!(is_bearer || scheme.eq_ignore_ascii_case(b"ApiKey"), "another scheme was read");
        }
        (Ok(None), [line]) => {
            let word = line.trim_ascii_start().split(|byte| b" \t,=\"".contains(byte)).next();
            assert!(word.is_none_or(|word| !word.eq_ignore_ascii_case(b"ApiKey")), "an API key was missed");
        }
        (Ok(key), _) => assert!(key.is_none() && lines.is_empty(), "one of several headers was used"),
        (Err(_), _) => assert!(!lines.is_empty()),
    }
    assert!(headers.values().all(HeaderValue::is_sensitive));

    let authorization = authorization(&mut headers).map(|value| value.cloned());
    let token = authorization.as_ref().ok().and_then(|value| Bearer::of(value.as_ref()?)?.token().ok());
    if let Some(token) = token {
        assert_eq!(TOKENS.read(&mut headers.clone()), Ok(Some(token)), "both parsers find the same token");
    }
}

/// Writes a challenge from a realm, error code, description and scopes, one per line. It has only the characters and
/// parameters of RFC 6750 §3.
pub fn challenge(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (realm, code, description) = (line(), line(), line());
    let scopes: Vec<&str> = lines.collect();
    let header = Challenge::new("Bearer", realm, []).with_error(code, description, scopes.iter().copied());
    let text = header.to_str().expect("a challenge is visible ASCII");
    // No value contains a quote, so quotes separate names from values.
    let parts: Vec<&str> = text.split('"').collect();
    let names: Vec<&str> = parts.iter().step_by(2).copied().collect();
    let values: Vec<&str> = parts.iter().skip(1).step_by(2).copied().collect();
    let mut expected = vec!["Bearer realm=", ", error="];
    expected.extend((!description.is_empty()).then_some(", error_description="));
    let is_scope_token = |scope: &&str| !scope.is_empty() && scope.bytes().all(|b| b.is_ascii_graphic() && is_value(b));
    let scopes: Vec<&str> = scopes.into_iter().filter(is_scope_token).collect();
    expected.extend((!scopes.is_empty()).then_some(", scope="));
    expected.push("");
    assert_eq!(names, expected, "a parameter is missing, repeated or injected");
    assert!(values.iter().all(|value| value.bytes().all(is_value)), "a byte that RFC 6750 §3 does not allow");
    assert!(!is_quotable(realm) || values[0] == realm, "a valid realm was changed");
    assert!(scopes.is_empty() || values.last() == Some(&scopes.join(" ").as_str()), "scopes were changed");
}

/// Parses a token, or the JSON of its header.
pub fn token(data: &[u8]) {
    jwt::token(data);
}

/// Parses a pattern for the names of issuers, and matches a name with it.
pub fn issuer_pattern(data: &[u8]) {
    jwt::issuer_pattern(data);
}

/// Reads an issuer's metadata.
pub fn metadata(data: &[u8]) {
    jwt::metadata(data);
}

/// Parses a URL and returns its origin, which is a prefix of the URL and parses to itself.
#[must_use]
pub fn origin(data: &[u8]) -> Option<&str> {
    let url = std::str::from_utf8(data).ok()?;
    let (origin, rest) = Origin::of_url(url).ok()?;
    let text = origin.text();
    let port = url.strip_prefix(text).and_then(|after| after.strip_suffix(rest)).expect("origin, port, rest");
    assert!(
        ["", if origin.is_https() { ":443" } else { ":80" }].contains(&port),
        "more than a default port was omitted"
    );
    assert!(rest.is_empty() || rest.starts_with(['/', '?', '#']));
    assert_eq!(origin.is_https(), text.starts_with("https://"));
    assert_eq!(Origin::of_url(text), Ok((origin, "")));
    Some(text)
}

/// Reads forwarding headers: hops are bounded and canonical, and no content displaces the hop that a proxy appends.
pub fn forwarded(data: &[u8]) {
    let appended = Some(IpAddr::from([192, 0, 2, 1]));
    let last = data.split(|byte| *byte == b'\n').next_back().unwrap_or_default();
    for (name, entry) in [(HeaderName::from_static("x-forwarded-for"), "192.0.2.1"), (FORWARDED, "for=192.0.2.1")] {
        let Some(mut headers) = headers(&name, data) else { return };
        let is_x_header = name != FORWARDED;
        let read = |headers: &HeaderMap| -> Vec<_> {
            let address = |hop: Option<Hop>| hop.map(|hop| hop.address);
            if is_x_header {
                x_forwarded_for(headers).collect()
            } else {
                forwarded_hops(headers).map(address).collect()
            }
        };
        let hops = read(&headers);
        assert!(hops.len() <= MAX_HOPS, "more hops than the bound");
        assert!(hops.iter().flatten().all(|ip| canonical(*ip) == *ip));

        let joined = HeaderValue::from_bytes(&[last, b", ", entry.as_bytes()].concat()).expect("valid header values");
        let nearest = read(&HeaderMap::from_iter([(name.clone(), joined)]))[0];
        // Malformed quoting makes the whole line one malformed hop, at which reading stops.
        let is_malformed = nearest.is_none() && !is_x_header && last.contains(&b'"');
        assert!(is_malformed || nearest == appended, "the hop at the end of the line was displaced");

        headers.append(&name, HeaderValue::from_static(entry));
        let more = read(&headers);
        assert_eq!(more[0], appended, "the hop of the last line was displaced");
        assert_eq!(more[1..], hops[..hops.len().min(MAX_HOPS - 1)]);
    }
}

/// Finds the client behind proxies. The data is the peer's address, then forwarding headers.
///
/// What a client sends has no effect once its proxy has appended the client's address, and an untrusted peer is the
/// client itself.
pub fn client_address(data: &[u8]) {
    static NETWORKS: LazyLock<TrustedProxies> = LazyLock::new(|| {
        TrustedProxies::new(["10.0.0.0/8", "192.0.2.128/25", "2001:db8::/32"]).expect("valid networks")
    });
    static UNIX: LazyLock<TrustedProxies> = LazyLock::new(|| TrustedProxies::new(["unix:"]).expect("a valid item"));
    static HOPS: LazyLock<[TrustedProxies; 2]> =
        LazyLock::new(|| [1, 2].map(|count| TrustedProxies::hops(count).expect("a valid number")));

    let (peer, lines) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len()));
    let peer = std::str::from_utf8(peer).ok().and_then(|peer| peer.parse().ok());
    let lines = lines.strip_prefix(b"\n").unwrap_or_default();
    for name in [X_FORWARDED_FOR, FORWARDED] {
        let Some(headers) = headers(&name, lines) else { return };
        if let Some(peer) = peer {
            let alone = client(&NETWORKS, Some(peer), HeaderMap::new());
            let is_trusted = alone != client(&NETWORKS, Some(peer), with_hops(HeaderMap::new(), &name, &[UNTRUSTED]));
            assert!(
                is_trusted || client(&NETWORKS, Some(peer), headers.clone()) == alone,
                "an untrusted peer is the client, whatever it sends"
            );
        }
        let found = client(&NETWORKS, TRUSTED, headers.clone());
        assert_eq!(found, canonical(found), "the address is in its canonical form");
        let [one, two] = &*HOPS;
        // The nearest proxy appends the address of its peer, which is then the client: nothing before it counts.
        for (proxies, peer, appended, expected) in [
            (&*NETWORKS, TRUSTED, &[UNTRUSTED][..], UNTRUSTED),
            (&*NETWORKS, TRUSTED, &[UNTRUSTED, "[2001:db8::2]", "192.0.2.200"], UNTRUSTED),
            (&*NETWORKS, TRUSTED, &["unknown", "10.9.9.9"], "10.9.9.9"),
            (&*NETWORKS, TRUSTED, &["unknown"], "10.0.0.1"),
            (&*UNIX, None, &[UNTRUSTED], UNTRUSTED),
            (one, TRUSTED, &[UNTRUSTED], UNTRUSTED),
            (one, None, &["10.9.9.9"], "10.9.9.9"),
            (two, TRUSTED, &[UNTRUSTED, "198.51.100.7"], UNTRUSTED),
            (two, TRUSTED, &["unknown", "198.51.100.7"], "198.51.100.7"),
        ] {
            let headers = with_hops(headers.clone(), &name, appended);
            assert_eq!(client(proxies, peer, headers).to_string(), expected, "{appended:?}");
        }
    }
}

/// Returns the client of a request from this peer; a Unix socket has none.
fn client(proxies: &TrustedProxies, peer: Option<IpAddr>, headers: HeaderMap) -> IpAddr {
    let proxies = proxies.clone();
    let proxies = if headers.contains_key(FORWARDED) { proxies.use_forwarded_header() } else { proxies };
    let mut head = Request::new(()).into_parts().0;
    head.headers = headers;
    if let Some(peer) = peer {
        head.extensions.insert(SocketAddr::from((peer, 443)));
    }
    proxies.client(&head).expect("the client is known").ip()
}

/// Appends one line for each hop, as a proxy writes it.
fn with_hops(mut headers: HeaderMap, name: &HeaderName, addresses: &[&str]) -> HeaderMap {
    for address in addresses {
        let text = if *name == FORWARDED { format!("for=\"{address}\"") } else { (*address).to_owned() };
        headers.append(name, HeaderValue::try_from(text).expect("visible ASCII"));
    }
    headers
}

/// Reads a cookie. The data is its name, then `Cookie` headers. A value is visible ASCII and unique, and an appended
/// cookie is found.
pub fn cookie(data: &[u8]) {
    let (name, lines) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len()));
    let Some(name) = std::str::from_utf8(name).ok().filter(|name| is_cookie_name(name)) else { return };
    let Some(mut headers) = headers(&COOKIE, lines.strip_prefix(b"\n").unwrap_or_default()) else { return };
    let start = format!("{name}=");
    let pairs = headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let count = pairs.filter(|pair| pair.trim_ascii().starts_with(start.as_bytes())).count();
    let found = read_cookie(&headers, name).map(|value| value.map(str::to_owned));
    match &found {
        Ok(Some(value)) => assert!(count == 1 && value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';')),
        Ok(None) => assert_eq!(count, 0, "a cookie was missed"),
        Err(DuplicateCookie) => assert!(count > 1),
    }
    let appended = HeaderValue::from_str(&format!("{start}value")).expect("a cookie's name is visible ASCII");
    headers.append(COOKIE, appended);
    let expected = if count == 0 { Ok(Some("value")) } else { Err(DuplicateCookie) };
    assert_eq!(read_cookie(&headers, name), expected);
}

/// Reads the key of a certificate or public key in DER or PEM.
pub fn certificate(data: &[u8]) {
    jwt::certificate(data);
}

/// Parses a `Client-Cert` header: the certificate is what the base64 of the header decodes to.
#[cfg(feature = "client_cert")]
pub fn client_cert(data: &[u8]) {
    if let Some(certificate) = rfc9440::parse(data) {
        let text = data.trim_ascii().trim_ascii_start();
        assert!(text.starts_with(b":") && text.ends_with(b":") && !text.contains(&b','));
        assert!(certificate.der().is_some_and(|der| der.len() <= text.len()));
    }
}

/// Parses an `X-Forwarded-Client-Cert` header. What a client sends cannot hide or change the element that a proxy
/// appends.
#[cfg(feature = "client_cert")]
pub fn forwarded_client_cert(data: &[u8]) {
    let _ = xfcc::parse_last(data);
    let hash = "468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";
    for own in [
        format!(",By=b;Hash={hash};Subject=\"CN=a,O=b\";URI=own"),
        format!(",By=b;Hash={hash};Subject=\"\";URI=own"),
        format!(",Hash={hash};URI=own"),
    ] {
        if let Some(certificate) = xfcc::parse_last(&[data, own.as_bytes()].concat()) {
            assert_eq!(certificate.uri(), Some("own"));
        }
    }
}

/// Parses a JWK Set, or an object of PEM texts.
pub fn jwks(data: &[u8]) {
    jwt::jwks(data);
}

/// Reads a user by a claim map. The data is the map's claims, then the payload of a token.
pub fn claim_map(data: &[u8]) {
    jwt::claim_map(data);
}

/// Parses the payload of a token.
pub fn claims(data: &[u8]) {
    jwt::claims(data);
}

/// Parses the text of an API key: the part after the prefix, or all of it.
#[cfg(feature = "api_key")]
pub fn api_key(data: &[u8]) {
    std::str::from_utf8(data).map(api_keys::key).unwrap_or_default();
}

/// Reads the stored record of an API key.
#[cfg(feature = "api_key")]
pub fn api_key_record(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        api_keys::record(text);
    }
}

/// Reads the cookie and the stored record of a session.
#[cfg(feature = "session")]
pub fn session(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        sessions::cookie(text);
        sessions::record(text);
    }
}

/// Returns the paths to which a login page redirects, if the text is the requested path or the query.
#[cfg(feature = "session")]
pub fn return_paths(data: &[u8]) -> Vec<String> {
    std::str::from_utf8(data).map(sessions::return_paths).unwrap_or_default()
}

/// Reads the form of a back-channel logout, and the claims of a logout token.
#[cfg(feature = "back_channel_logout")]
pub fn logout_token(data: &[u8]) {
    back_channel_logout::form(data);
    if let Ok(text) = std::str::from_utf8(data) {
        back_channel_logout::claims(text);
    }
}

/// Decodes an entry of the stream of revocations: it is rejected, or encodes to the same bytes.
#[cfg(all(feature = "redis", feature = "revocation"))]
pub fn revocation_entry(data: &[u8]) {
    if let Ok(record) = decode(data) {
        assert_eq!(encode(&record), data, "two texts of one record");
    }
}

/// Returns one header for each line of `data`; `None` if a line is not a valid header value.
fn headers(name: &HeaderName, data: &[u8]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    if data.is_empty() {
        return Some(headers);
    }
    for line in data.split(|byte| *byte == b'\n') {
        headers.append(name, HeaderValue::from_bytes(line).ok()?);
    }
    Some(headers)
}

/// Whether a byte is `%x20-21 / %x23-5B / %x5D-7E` (RFC 6750 §3).
fn is_value(byte: u8) -> bool {
    matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

const MAX_HOPS: usize = 64;
/// A peer that is a proxy.
const TRUSTED: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));
/// An address that is none of a proxy, and that a mutation rarely finds.
const UNTRUSTED: &str = "203.0.113.251";
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
