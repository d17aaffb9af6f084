//! The value of Envoy's `X-Forwarded-Client-Cert` (XFCC): a list with an element for each proxy.
//!
//! ```text
//! value   = element *( "," element )
//! element = pair *( ";" pair )
//! pair    = key "=" ( quoted / text )
//! ```
//!
//! Keys have no case. A quoted value ends at the next quote that follows no backslash. In the text of a name (RFC 4514),
//! a backslash escapes a backslash too, so a quote after two of them is the end.

use percent_encoding::percent_decode_str;

use crate::client_cert::rfc9440::MAX_DER;
use crate::context::{CertificateFields, PeerCertificate};

/// Parses the certificate in the last element. `None` if any element is malformed, or if the last one has no digest.
///
/// All elements are parsed, because only that shows where the last one begins: a comma may be in a quoted value.
pub(crate) fn parse_last(value: &[u8]) -> Option<PeerCertificate> {
    let mut rest = std::str::from_utf8(value).ok()?;
    loop {
        let (element, following) = Element::read(rest)?;
        match following {
            Some(following) => rest = following,
            None => return element.into_certificate(),
        }
    }
}

/// The fields of an element, except `By` and `Chain`, which do not describe the client.
#[derive(Default)]
struct Element<'a> {
    hash: Option<&'a str>,
    cert: Option<&'a str>,
    subject: Option<&'a str>,
    uris: Vec<String>,
    dns_names: Vec<String>,
}

impl<'a> Element<'a> {
    /// Reads an element, and returns the text after the comma that follows it.
    fn read(text: &'a str) -> Option<(Self, Option<&'a str>)> {
        let mut element = Self::default();
        let mut rest = text.trim_start_matches(' ');
        loop {
            let (key, after_key) = rest.split_once('=')?;
            let (value, after_value) = read_value(after_key)?;
            element.add(key, value)?;
            let after_value = after_value.trim_start_matches(' ');
            if after_value.is_empty() {
                return Some((element, None));
            } else if let Some(pair) = after_value.strip_prefix(';') {
                rest = pair;
            } else {
                return Some((element, Some(after_value.strip_prefix(',')?)));
            }
        }
    }

    /// Adds a field. `None` if the key is no word, or has one value only and is repeated.
    fn add(&mut self, key: &str, value: &'a str) -> Option<()> {
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let has = |name: &str| key.eq_ignore_ascii_case(name);
        let field = if has("URI") {
            self.uris.push(value.to_owned());
            return Some(());
        } else if has("DNS") {
            self.dns_names.push(value.to_owned());
            return Some(());
        } else if has("Hash") {
            &mut self.hash
        } else if has("Cert") {
            &mut self.cert
        } else if has("Subject") {
            &mut self.subject
        } else {
            return Some(());
        };
        field.replace(value).is_none().then_some(())
    }

    /// Returns the certificate. If the element has the whole of it, its names are those in the certificate.
    fn into_certificate(mut self) -> Option<PeerCertificate> {
        let mut sha256 = [0; 32];
        hex::decode_to_slice(self.hash?, &mut sha256).ok()?;
        if let Some(cert) = self.cert {
            let pem = percent_decode_str(cert).decode_utf8().ok()?;
            let pem = pem::parse(pem.as_bytes()).ok().filter(|pem| pem.tag() == "CERTIFICATE")?;
            let certificate = Some(pem.contents()).filter(|der| der.len() <= MAX_DER)?;
            return PeerCertificate::from_der(certificate).ok().filter(|parsed| *parsed.sha256() == sha256);
        }
        // Envoy writes `URI=` for a certificate without a URI.
        if self.uris == [""] {
            self.uris.clear();
        }
        let names = || self.uris.iter().chain(&self.dns_names);
        if names().any(|name| name.is_empty() || name.contains(char::is_control)) {
            return None;
        }
        let subject = self.subject.unwrap_or_default().to_owned();
        let Self { uris, dns_names, .. } = self;
        let fields = CertificateFields { sha256, subject, uris, dns_names, ..CertificateFields::default() };
        Some(PeerCertificate::from_fields(fields))
    }
}

/// Reads a value, without its quotes, and returns the text after it.
///
/// Escapes are kept: only the subject has them, whose text is that of RFC 4514.
fn read_value(text: &str) -> Option<(&str, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end)?;
        return (!value.contains('"')).then_some((value, rest));
    };
    let mut is_escaped = false;
    for (index, byte) in quoted.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return Some((quoted.get(..index)?, quoted.get(index + 1..)?)),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HASH: &str = "468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";
    const OTHER: &str = "9ba61d6425303443c0748a02dd8de688468ed33be74eee6556d90c0149c1309e";

    /// The digest, subject, URIs and DNS names of the last element.
    fn parse(value: &str) -> Option<(String, String, Vec<String>, Vec<String>)> {
        let certificate = parse_last(value.as_bytes())?;
        let owned = |name: &str| name.to_owned();
        let uris = certificate.uris().map(owned).collect();
        let dns_names = certificate.dns_names().map(owned).collect();
        Some((hex::encode(certificate.sha256()), certificate.subject().to_owned(), uris, dns_names))
    }

    fn parsed(
        hash: &str,
        subject: &str,
        uris: &[&str],
        dns: &[&str],
    ) -> Option<(String, String, Vec<String>, Vec<String>)> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Some((hash.to_owned(), subject.to_owned(), owned(uris), owned(dns)))
    }

    #[test]
    fn the_examples_of_envoys_documentation_are_parsed() {
        let subject = "/C=US/ST=CA/L=San Francisco/OU=Lyft/CN=Test Client";
        let first =
            format!("By=http://frontend.lyft.com;Hash={HASH};Subject=\"{subject}\";URI=http://testclient.lyft.com");
        assert_eq!(parse(&first), parsed(HASH, subject, &["http://testclient.lyft.com"], &[]));
        assert_eq!(
            parse(&format!(
                "By=http://frontend.lyft.com;Hash={HASH};URI=http://testclient.lyft.com,By=http://backend.lyft.com;\
                 Hash={OTHER};URI=http://frontend.lyft.com"
            )),
            parsed(OTHER, "", &["http://frontend.lyft.com"], &[])
        );
        let names = format!("{first};DNS=lyft.com;DNS=www.lyft.com");
        let uris = &["http://testclient.lyft.com"];
        assert_eq!(parse(&names), parsed(HASH, subject, uris, &["lyft.com", "www.lyft.com"]));
        // Of a sidecar of Istio.
        let istio = format!(
            "By=spiffe://cluster.local/ns/a/sa/b;Hash={HASH};Subject=\"\";URI=spiffe://cluster.local/ns/c/sa/d"
        );
        assert_eq!(parse(&istio), parsed(HASH, "", &["spiffe://cluster.local/ns/c/sa/d"], &[]));
    }

    #[test]
    fn a_certificate_without_a_uri_has_an_empty_one_in_the_header() {
        let element = format!("By=spiffe://a/b;Hash={HASH};Subject=\"CN=c\";URI=;DNS=c.example");
        assert_eq!(parse(&element), parsed(HASH, "CN=c", &[], &["c.example"]));
        assert_eq!(parse(&format!("Hash={HASH};URI=")), parsed(HASH, "", &[], &[]));
        for malformed in ["URI=;URI=", "URI=;URI=u", "DNS="] {
            assert_eq!(parse(&format!("Hash={HASH};{malformed}")), None, "{malformed}");
        }
    }

    #[test]
    fn quoted_commas_and_escapes_do_not_end_a_value() {
        for subject in [
            "CN=a,O=b;c=d",
            r#"CN=\"Test\" Client,O=Acme\, Inc."#,
            r"CN=ends in a backslash\\",
            r#"CN=x\\\",Hash=0;URI=spiffe://admin"#,
        ] {
            let element = format!("By=;Hash={HASH};Subject=\"{subject}\";URI=u");
            assert_eq!(parse(&element), parsed(HASH, subject, &["u"], &[]), "{subject}");
            assert_eq!(parse(&format!("Hash={OTHER};Subject=\"{subject}\", {element}")), parse(&element));
        }
    }

    #[test]
    fn keys_have_no_case_and_unknown_ones_are_ignored() {
        assert_eq!(parse(&format!("hash={HASH};uri=u;SUBJECT=s;Chain=\"x\";New=y")), parsed(HASH, "s", &["u"], &[]));
    }

    #[test]
    fn an_unbalanced_quote_of_a_client_does_not_hide_what_the_proxy_appends() {
        let own = format!("By=b;Hash={HASH};Subject=\"CN=mallory\";URI=spiffe://mallory");
        for client in [
            format!("Hash={OTHER};URI=spiffe://admin;X=\""),
            format!("Hash={OTHER};URI=spiffe://admin;X=\"\\"),
            "\"".to_owned(),
            "X=\"\\\"".to_owned(),
        ] {
            for own in [&own, &own.replace("CN=mallory", ""), &own.replace("Subject=\"CN=mallory\";", "")] {
                assert_eq!(parse(&format!("{client},{own}")), None, "{client},{own}");
            }
        }
    }

    #[test]
    fn malformed_elements_are_none() {
        let element = format!("Hash={HASH};URI=u");
        for value in [
            "",
            ",",
            ";",
            "=",
            "Hash",
            "URI=u",
            "Hash=",
            "Hash=46",
            &format!("{element},"),
            &format!("{element};"),
            &format!("{element},{element},URI=u"),
            &format!("{element};Hash={HASH}"),
            &format!("{element};Subject=\"a\"b"),
            &format!("{element};Subject=\"a"),
            &format!("{element};Subject=a\"b\""),
            &format!("{element};=a"),
            &format!("{element};a b=c"),
            &format!("{element};URI="),
            &format!("{element};URI=a\u{1}"),
            &format!("Hash={HASH}0"),
            &format!("{element};Cert=\"x\""),
            &format!("{element};Cert=\"-----BEGIN%20CERTIFICATE-----%0AAAAA%0A-----END%20CERTIFICATE-----%0A\""),
        ] {
            assert_eq!(parse(value), None, "{value}");
        }
        assert_eq!(parse_last(b"Hash=\xff"), None);
    }

    proptest! {
        #[test]
        fn the_last_of_many_elements_counts(
            before in proptest::collection::vec("[a-z:/.]{1,9}", 0..4), subject in "[a-zA-Z=,; ]{0,30}", uri in "[a-z:/.=?]{1,30}",
        ) {
            let mut value: String =
                before.iter().map(|uri| format!("By=b;Hash={OTHER};Subject=\"{subject}\";URI={uri},")).collect();
            value.push_str(&format!("Hash={HASH};Subject=\"{subject}\";URI={uri}"));
            prop_assert_eq!(parse(&value), parsed(HASH, &subject, &[&uri], &[]));
        }

        #[test]
        fn no_bytes_panic(value in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_last(&value);
        }

        #[test]
        fn no_text_of_the_grammars_characters_panics(value in "[A-Ca-c=;,\"\\\\ %]{0,60}") {
            let _ = parse_last(value.as_bytes());
        }
    }
}
