//! `Source`: what a directive lets a page load from, and what of its spelling no browser would heed.

use std::fmt;

use crate::headers::csp::directive::Directive;

/// What a directive lets a page load from (CSP 3 §2.3.1).
///
/// Made of text, `"'self'"`, `"data:"` or `"https://cdn.example.com"`, or named: `Source::SelfOrigin`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The hash of an inline script or sheet, `'sha256-...'`, with 384 or 512 too.
    Hash(String),
    /// `'inline-speculation-rules'`.
    InlineSpeculationRules,
    /// `'none'`: nothing.
    None,
    /// `'nonce-...'`: what bears the nonce of the answer, a [`CspNonce`](crate::CspNonce).
    Nonce,
    /// A host, with or without scheme, port and path; a scheme, `data:`; or `*`.
    Host(String),
    /// `'report-sample'`: reports quote what was blocked.
    ReportSample,
    /// `'self'`: the page's own origin.
    SelfOrigin,
    /// `'strict-dynamic'`: what a trusted script loads; hosts and schemes beside it are then ignored.
    StrictDynamic,
    /// `'unsafe-eval'`: code made of text.
    UnsafeEval,
    /// `'unsafe-hashes'`: the hashes count for attributes too.
    UnsafeHashes,
    /// `'unsafe-inline'`: all that is written into the page, an attacker's too.
    UnsafeInline,
    /// `'wasm-unsafe-eval'`: WebAssembly.
    WasmUnsafeEval,
}

impl From<&str> for Source {
    fn from(text: &str) -> Self {
        if let Some((_, keyword)) = KEYWORDS.iter().find(|(name, _)| is_quoted(text, name)) {
            return keyword.clone();
        }
        match hash_of(text) {
            Some(_) => Self::Hash(text.trim_matches('\'').to_owned()),
            None => Self::Host(text.to_owned()),
        }
    }
}

impl From<String> for Source {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl Source {
    /// Why no browser would heed it, and what to write instead.
    pub(super) fn fault(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Hash(text) if hash_of(&format!("'{text}'")).is_none() => {
                Some(("no hash", "write sha256-, sha384- or sha512- and the digest in base64"))
            }
            Self::Host(text) => fault_of(text),
            _ => None,
        }
    }

    /// Whether browsers ignore it in this directive.
    pub(super) fn is_idle_in(&self, directive: Directive) -> bool {
        match self {
            Self::None | Self::Host(_) | Self::SelfOrigin => false,
            Self::InlineSpeculationRules | Self::StrictDynamic | Self::UnsafeEval | Self::WasmUnsafeEval => {
                !directive.is_of_scripts()
            }
            // An attribute bears no nonce.
            Self::Nonce if matches!(directive, Directive::ScriptSrcAttr | Directive::StyleSrcAttr) => true,
            Self::Hash(_) | Self::Nonce | Self::ReportSample | Self::UnsafeHashes | Self::UnsafeInline => {
                !directive.is_of_scripts() && !directive.is_of_styles()
            }
        }
    }
}

/// As it is sent; a nonce without its value.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hash(text) => write!(f, "'{text}'"),
            Self::Nonce => f.write_str("'nonce-...'"),
            Self::Host(text) => f.write_str(text),
            keyword => {
                let name = KEYWORDS.iter().find(|(_, known)| known == keyword).map_or("none", |(name, _)| name);
                write!(f, "'{name}'")
            }
        }
    }
}

fn is_quoted(text: &str, name: &str) -> bool {
    unquoted(text).is_some_and(|inner| inner.eq_ignore_ascii_case(name))
}

fn unquoted(text: &str) -> Option<&str> {
    text.strip_prefix('\'')?.strip_suffix('\'')
}

/// The digest of a hash in quotes, by its algorithm's length (CSP 3 §2.3.1, `hash-source`).
fn hash_of(text: &str) -> Option<&str> {
    let (algorithm, digest) = unquoted(text)?.split_once('-')?;
    let (_, len) = HASHES.iter().find(|(name, _)| name.eq_ignore_ascii_case(algorithm))?;
    let bare = digest.trim_end_matches('=');
    let is_base64 = bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte));
    let is_padded = digest.len() == len.div_ceil(3) * 4;
    let is_whole = bare.len() == (len * 4).div_ceil(3);
    // The last letter has bits to spare, which are zero (RFC 4648 §3.5): browsers compare texts.
    let last = bare.bytes().last().and_then(|last| ALPHABET.iter().position(|letter| *letter == url_unsafe(last)));
    let spare = if len % 3 == 0 { 1 } else { 4_usize.pow(3 - *len as u32 % 3) };
    (is_base64 && is_padded && is_whole && last.is_some_and(|last| last % spare == 0)).then_some(digest)
}

/// The letter of base64 for that of base64url (RFC 4648 §5).
fn url_unsafe(letter: u8) -> u8 {
    match letter {
        b'-' => b'+',
        b'_' => b'/',
        letter => letter,
    }
}

fn fault_of(text: &str) -> Option<(&'static str, &'static str)> {
    let is_keyword = |text: &str| KEYWORDS.iter().any(|(name, _)| name.eq_ignore_ascii_case(text));
    if text.is_empty() {
        return Some(("an empty source", "leave it out"));
    }
    if text.bytes().any(|byte| matches!(byte, b';' | b',') || !byte.is_ascii_graphic()) {
        return Some(("a source has no semicolon, comma, space or control character", "give each source by itself"));
    }
    if is_keyword(text) || hash_of(&format!("'{text}'")).is_some() || text.starts_with("nonce-") {
        return Some(("a keyword without its quotes is the name of a host", "write it in single quotes, as 'self'"));
    }
    if SCHEMES.contains(&text) {
        return Some(("a scheme without its colon is the name of a host", "write the colon, as data:"));
    }
    if Directive::named(text).is_some() || OTHER_DIRECTIVES.contains(&text) {
        return Some((
            "a directive's name among the sources is the name of a host",
            "part the directives by a semicolon",
        ));
    }
    if text.starts_with("'nonce-") {
        return Some((
            "a nonce that every answer shares protects nothing",
            "take it out and say .add(Directive::ScriptSrc, [Source::Nonce])",
        ));
    }
    if text.contains('\'') {
        return Some(("no keyword of CSP", "see Source for those there are"));
    }
    (!is_scheme_source(text) && !is_host_source(text))
        .then_some(("neither a host nor a scheme", "write https://cdn.example.com, *.example.com or data:"))
}

fn is_scheme_source(text: &str) -> bool {
    text.strip_suffix(':').is_some_and(is_scheme)
}

/// RFC 3986 §3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// CSP 3 §2.3.1, `host-source`; addresses in brackets are no hosts there.
fn is_host_source(text: &str) -> bool {
    let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let labels = host.strip_prefix("*.").unwrap_or(host);
    let labels = labels.strip_suffix('.').unwrap_or(labels);
    let is_label =
        |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    scheme.is_none_or(is_scheme)
        && (host == "*" || labels.split('.').all(is_label))
        && port
            .is_none_or(|port| port == "*" || port.parse::<u16>().is_ok() && port.bytes().all(|b| b.is_ascii_digit()))
        && !path.starts_with("//")
        && path.bytes().all(is_of_a_path)
        && path.split('%').skip(1).all(|after| after.as_bytes().first_chunk().is_some_and(is_hexadecimal))
}

fn is_hexadecimal(digits: &[u8; 2]) -> bool {
    digits.iter().all(u8::is_ascii_hexdigit)
}

/// RFC 3986 §3.3, `pchar`, and the slash; what CSP would take for its own is refused before.
fn is_of_a_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+=:@%".contains(&byte)
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const SCHEMES: [&str; 8] = ["blob", "data", "filesystem", "http", "https", "mediastream", "ws", "wss"];
const OTHER_DIRECTIVES: [&str; 6] =
    ["report-to", "report-uri", "require-trusted-types-for", "sandbox", "trusted-types", "upgrade-insecure-requests"];

const HASHES: [(&str, usize); 3] = [("sha256", 32), ("sha384", 48), ("sha512", 64)];

const KEYWORDS: [(&str, Source); 9] = [
    ("inline-speculation-rules", Source::InlineSpeculationRules),
    ("none", Source::None),
    ("report-sample", Source::ReportSample),
    ("self", Source::SelfOrigin),
    ("strict-dynamic", Source::StrictDynamic),
    ("unsafe-eval", Source::UnsafeEval),
    ("unsafe-hashes", Source::UnsafeHashes),
    ("unsafe-inline", Source::UnsafeInline),
    ("wasm-unsafe-eval", Source::WasmUnsafeEval),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIGEST: &str = "47DEQpj8HBSa-_TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    #[test]
    fn keywords_and_hashes_are_told_from_hosts() {
        for (name, keyword) in KEYWORDS {
            assert_eq!(Source::from(format!("'{name}'")), keyword);
            assert_eq!(Source::from(format!("'{}'", name.to_uppercase())), keyword);
            assert_eq!(keyword.to_string(), format!("'{name}'"));
            assert_eq!(keyword.fault(), None);
        }
        let hash = Source::from(format!("'sha256-{DIGEST}'"));
        assert_eq!(hash, Source::Hash(format!("sha256-{DIGEST}")));
        assert_eq!((hash.to_string(), hash.fault()), (format!("'sha256-{DIGEST}'"), None));
        assert_eq!(Source::Nonce.fault(), None);
    }

    #[test]
    fn hosts_and_schemes_are_taken() {
        for text in [
            "*",
            "data:",
            "https:",
            "web+app:",
            "example.com",
            "*.example.com",
            "https://example.com",
            "https://*.example.com:8443/scripts/a.js",
            "http://localhost:*",
            "wss://example.com/",
            "127.0.0.1:3000",
            "localhost",
            "example.com.",
            "https://example.com/a%20b/~c",
        ] {
            assert_eq!(Source::from(text).fault(), None, "{text}");
            assert_eq!(Source::from(text).to_string(), text);
        }
    }

    #[test]
    fn what_no_browser_would_heed_is_found() {
        for (text, said) in [
            ("", "empty"),
            ("self", "quotes"),
            ("NONE", "quotes"),
            ("unsafe-inline", "quotes"),
            ("nonce-abc", "quotes"),
            ("'nonce-abc'", "every answer shares"),
            ("'selfish'", "no keyword"),
            ("'self", "no keyword"),
            ("a.example; script-src *", "semicolon"),
            ("a.example\nx: y", "semicolon"),
            ("a.example,b.example", "semicolon"),
            ("b\u{e4}r.example", "semicolon"),
            ("https://", "neither"),
            ("https://a.example?b", "neither"),
            ("https://a.example/b?c", "neither"),
            ("https://a.example/b#c", "neither"),
            ("a.*.example", "neither"),
            ("*example.com", "neither"),
            ("https://user@a.example", "neither"),
            ("https://[::1]", "neither"),
            ("a.example:99999", "neither"),
            ("a.example:+1", "neither"),
            ("https://a.example/%zz", "neither"),
            ("https://a.example/%2", "neither"),
            ("https://a.example//b", "neither"),
            ("https://a.example/{b}", "neither"),
            ("data", "colon"),
            ("script-src", "directive"),
            ("report-uri", "directive"),
            ("1:", "neither"),
            (":", "neither"),
            ("1http://a.example", "neither"),
        ] {
            let fault = Source::from(text).fault();
            assert!(fault.is_some_and(|(reason, _)| reason.contains(said)), "{text}: {fault:?}");
        }
        let bare = format!("sha256-{DIGEST}");
        assert!(Source::from(bare.as_str()).fault().is_some_and(|(reason, _)| reason.contains("quotes")));
        for digest in [
            "",
            "abc",
            &DIGEST[1..],
            &format!("{DIGEST}=="),
            "47DEQpj8HBSa!_TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "47DEQpj8HBSa-_TImW+5JCeuQeRkm5NMpJWZG3hSuFV=",
            DIGEST.trim_end_matches('='),
        ] {
            assert!(Source::Hash(format!("sha256-{digest}")).fault().is_some(), "{digest}");
            assert!(Source::Hash(format!("sha512-{digest}")).fault().is_some(), "{digest}");
        }
        assert!(Source::Hash(format!("md5-{DIGEST}")).fault().is_some());
        let of = |name: &str, len: usize, end: &str| Source::Hash(format!("{name}-{}{end}", "A".repeat(len))).fault();
        assert_eq!((of("sha384", 64, ""), of("sha512", 85, "g==")), (None, None));
        assert!(of("sha512", 85, "h==").is_some() && of("sha384", 63, "").is_some());
        assert_eq!(of("sha384", 63, "/"), None);
    }

    #[test]
    fn keywords_of_scripts_and_styles_are_idle_elsewhere() {
        for (directive, source, is_idle) in [
            (Directive::ImgSrc, Source::Nonce, true),
            (Directive::FrameAncestors, Source::UnsafeInline, true),
            (Directive::StyleSrc, Source::StrictDynamic, true),
            (Directive::StyleSrc, Source::Nonce, false),
            (Directive::ScriptSrcElem, Source::StrictDynamic, false),
            (Directive::DefaultSrc, Source::UnsafeEval, false),
            (Directive::StyleSrcAttr, Source::Hash(String::new()), false),
            (Directive::FormAction, Source::SelfOrigin, false),
            (Directive::ImgSrc, Source::Host("data:".to_owned()), false),
            (Directive::ImgSrc, Source::None, false),
        ] {
            assert_eq!(source.is_idle_in(directive), is_idle, "{directive} {source}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_ends_no_directive_and_no_line(text in "\\PC{0,24}") {
            let source = Source::from(text.as_str());
            if source.fault().is_none() {
                prop_assert!(source.to_string().bytes().all(|byte| byte.is_ascii_graphic() && byte != b';' && byte != b','));
            }
        }
    }
}
