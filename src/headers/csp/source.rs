//! `Source`: one entry of a directive's source list, and why an entry is invalid.

#[cfg(test)]
mod tests;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::headers::csp::directive::Directive;

/// One entry of a source list (CSP 3 §2.3.1).
///
/// Create it from text, for example `"'self'"`, `"data:"` or `"https://cdn.example.com"`, or use a variant:
/// `Source::SelfOrigin`. Keywords and hashes have single quotes, as in the header; without them, browsers read a
/// keyword as the name of a host. The text `'nonce-...'`, with three dots, is [`Source::Nonce`].
///
/// ```
/// use portcullis::SecurityHeaders;
/// use portcullis::headers::{Csp, Directive, Source};
///
/// assert_eq!(Source::from("'self'"), Source::SelfOrigin);
/// assert_eq!(Source::from("'nonce-...'"), Source::Nonce);
///
/// // Without quotes, `self` is a host. Such mistakes are rejected:
/// let csp = Csp::html().set(Directive::ImgSrc, ["self"]);
/// let error = SecurityHeaders::html().csp(csp).build().unwrap_err();
/// assert_eq!(error.issues()[0].value(), Some("img-src self"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The hash of an inline script or style: `'sha256-...'`, `'sha384-...'` or `'sha512-...'`, without the quotes.
    #[non_exhaustive]
    Hash {
        /// The algorithm and the digest in base64, as in `sha256-...`.
        text: String,
    },
    /// `'inline-speculation-rules'`: inline speculation rules.
    InlineSpeculationRules,
    /// `'none'`: nothing.
    None,
    /// `'nonce-...'`: elements with the nonce of the response, a [`CspNonce`](crate::CspNonce).
    Nonce,
    /// A host with an optional scheme, port and path; a scheme such as `data:`; or `*`.
    #[non_exhaustive]
    Host {
        /// The host or scheme as it is sent.
        text: String,
    },
    /// `'report-sample'`: violation reports quote the blocked code.
    ReportSample,
    /// `'self'`: the page's own origin.
    SelfOrigin,
    /// `'strict-dynamic'`: scripts loaded by an allowed script. Browsers then ignore hosts and schemes.
    StrictDynamic,
    /// `'unsafe-eval'`: code created from text.
    UnsafeEval,
    /// `'unsafe-hashes'`: hashes also allow inline event handlers and `style` attributes.
    UnsafeHashes,
    /// `'unsafe-inline'`: all inline code, including injected code.
    UnsafeInline,
    /// `'wasm-unsafe-eval'`: compilation of WebAssembly.
    WasmUnsafeEval,
}

/// Never fails: text that is neither a keyword nor a hash becomes a [`Source::Host`], which is validated when the layer
/// is built. The case of keywords does not matter (CSP 3 §2.3.1).
impl From<&str> for Source {
    fn from(text: &str) -> Self {
        if let Some((_, keyword)) = KEYWORDS.iter().find(|(name, _)| is_quoted(text, name)) {
            return keyword.clone();
        }
        match unquoted(text) {
            Some(hash) if is_hash(hash) => Self::Hash { text: hash.to_owned() },
            _ => Self::Host { text: text.to_owned() },
        }
    }
}

impl From<String> for Source {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl Source {
    /// Returns why browsers would not accept the source, and the remedy.
    pub(super) fn invalid_reason(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Hash { text } if !is_hash(text) => {
                Some(("not a hash", "write sha256-, sha384- or sha512- followed by the digest in base64"))
            }
            Self::Host { text } => invalid_host_reason(text),
            _ => None,
        }
    }

    /// Whether the source matches every host, for the lints. A port or a path may limit it further.
    pub(super) fn is_any_host(&self) -> bool {
        let Self::Host { text } = self else { return false };
        let after_scheme = text.split_once("://").map_or(&**text, |(_, after)| after);
        after_scheme.split([':', '/']).next() == Some("*")
    }

    /// Whether the source is this scheme, such as `data:` for `data`.
    pub(super) fn is_scheme(&self, scheme: &str) -> bool {
        let Self::Host { text } = self else { return false };
        text.strip_suffix(':').is_some_and(|text| text.eq_ignore_ascii_case(scheme))
    }

    /// Whether browsers ignore the source in this directive, for the lints.
    pub(super) fn is_ignored_in(&self, directive: Directive) -> bool {
        match self {
            // Browsers treat a `javascript:` URL as inline code, and fetch none. Only forms compare it with a list.
            Self::Host { .. } if self.is_scheme("javascript") => directive != Directive::FormAction,
            Self::None | Self::Host { .. } | Self::SelfOrigin => false,
            Self::InlineSpeculationRules | Self::StrictDynamic | Self::UnsafeEval | Self::WasmUnsafeEval => {
                !directive.governs_scripts()
            }
            // Attributes cannot have a nonce.
            Self::Nonce if matches!(directive, Directive::ScriptSrcAttr | Directive::StyleSrcAttr) => true,
            Self::Hash { .. } | Self::Nonce | Self::ReportSample | Self::UnsafeHashes | Self::UnsafeInline => {
                !directive.governs_scripts() && !directive.governs_styles()
            }
        }
    }
}

/// Formats the source as it is sent, with `...` for a nonce.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hash { text } => write!(f, "'{text}'"),
            Self::Host { text } => f.write_str(text),
            keyword => {
                let name = KEYWORDS.iter().find(|(_, known)| known == keyword).map_or("none", |(name, _)| name);
                write!(f, "'{name}'")
            }
        }
    }
}

/// Whether the text is this keyword in single quotes, in any case.
fn is_quoted(text: &str, name: &str) -> bool {
    unquoted(text).is_some_and(|inner| inner.eq_ignore_ascii_case(name))
}

fn unquoted(text: &str) -> Option<&str> {
    text.strip_prefix('\'')?.strip_suffix('\'')
}

/// Whether the text is an algorithm and a digest of its length (CSP 3 §2.3.1, `hash-source`).
///
/// Browsers compare the text of digests, so the padding must be there and unused bits must be zero (RFC 4648 §3.5).
fn is_hash(text: &str) -> bool {
    let Some((algorithm, digest)) = text.split_once('-') else { return false };
    let Some((_, len)) = HASH_LENS.iter().find(|(name, _)| name.eq_ignore_ascii_case(algorithm)) else { return false };
    // CSP accepts both alphabets of RFC 4648, even in one digest. No engine of `base64` does.
    let standard = digest.replace('-', "+").replace('_', "/");
    STANDARD.decode(standard).is_ok_and(|digest| digest.len() == *len)
}

/// Returns why the text is not a host or scheme, and the remedy.
///
/// The header would be valid with most of these texts, and browsers would ignore them or treat them as a host that no
/// server has. So the likely mistakes come first, each with its own remedy, and the grammar last.
fn invalid_host_reason(text: &str) -> Option<(&'static str, &'static str)> {
    let lower = text.to_ascii_lowercase();
    let is_keyword = KEYWORDS.iter().any(|(name, _)| *name == lower);
    if text.is_empty() {
        return Some(("empty source", "remove it"));
    }
    if text.bytes().any(|byte| matches!(byte, b';' | b',') || !byte.is_ascii_graphic()) {
        return Some(("a semicolon, comma, space or control character in a source", "pass each source separately"));
    }
    if is_keyword || is_hash(text) || lower.starts_with("nonce-") {
        return Some(("without quotes, browsers treat a keyword as a host", "write it in single quotes, as in 'self'"));
    }
    if SCHEMES.contains(&&*lower) {
        return Some(("without a colon, browsers treat a scheme as a host", "add the colon, as in data:"));
    }
    if Directive::from_name(text).is_some() || OTHER_DIRECTIVES.contains(&&*lower) {
        return Some((
            "in a source list, browsers treat the name of a directive as a host",
            "separate directives with a semicolon",
        ));
    }
    if lower.starts_with("'nonce-") {
        return Some((
            "a nonce that all responses share protects nothing",
            "write 'nonce-...' with three dots, or use Source::Nonce: each response then has its own nonce",
        ));
    }
    if text.contains('\'') {
        return Some(("unknown keyword", "use a keyword that Source lists"));
    }
    if !is_scheme_source(text) && !is_host_source(text) {
        return Some((
            "neither a host nor a scheme",
            "write for example https://cdn.example.com, *.example.com or data:",
        ));
    }
    None
}

fn is_scheme_source(text: &str) -> bool {
    text.strip_suffix(':').is_some_and(is_scheme)
}

/// Whether the text is a `scheme` (RFC 3986 §3.1).
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Whether the text is a `host-source` (CSP 3 §2.3.1). It cannot be an IPv6 address.
fn is_host_source(text: &str) -> bool {
    let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    scheme.is_none_or(is_scheme) && is_host(host) && port.is_none_or(is_port) && is_path(path)
}

/// `host-part = "*" / [ "*." ] 1*host-char *( "." 1*host-char ) [ "." ]` (CSP 3 §2.3.1).
fn is_host(host: &str) -> bool {
    let labels = host.strip_prefix("*.").unwrap_or(host);
    let labels = labels.strip_suffix('.').unwrap_or(labels);
    let is_label =
        |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    host == "*" || labels.split('.').all(is_label)
}

/// `port-part = 1*DIGIT / "*"` (CSP 3 §2.3.1). `parse` alone would accept a plus sign.
fn is_port(port: &str) -> bool {
    port == "*" || port.parse::<u16>().is_ok() && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// `path-part = path-absolute` (RFC 3986 §3.3). It may be empty and must not start with two slashes.
fn is_path(path: &str) -> bool {
    let is_escaped = |after_percent: &str| match after_percent.as_bytes() {
        [high, low, ..] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit(),
        _ => false,
    };
    !path.starts_with("//") && path.bytes().all(is_path_byte) && path.split('%').skip(1).all(is_escaped)
}

/// Whether the byte is a `pchar` (RFC 3986 §3.3) or a slash. `;` and `,` were rejected earlier.
fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+=:@%".contains(&byte)
}

/// The schemes that people write without the colon. None of them is likely to be the name of a host.
const SCHEMES: [&str; 9] = ["blob", "data", "filesystem", "http", "https", "javascript", "mediastream", "ws", "wss"];
/// The directives that [`Directive`] does not have, because they have no source list.
const OTHER_DIRECTIVES: [&str; 6] =
    ["report-to", "report-uri", "require-trusted-types-for", "sandbox", "trusted-types", "upgrade-insecure-requests"];

/// The hash algorithms and the lengths of their digests in bytes.
const HASH_LENS: [(&str, usize); 3] = [("sha256", 32), ("sha384", 48), ("sha512", 64)];

const KEYWORDS: [(&str, Source); 10] = [
    ("inline-speculation-rules", Source::InlineSpeculationRules),
    // A real nonce is base64 and has no dots.
    ("nonce-...", Source::Nonce),
    ("none", Source::None),
    ("report-sample", Source::ReportSample),
    ("self", Source::SelfOrigin),
    ("strict-dynamic", Source::StrictDynamic),
    ("unsafe-eval", Source::UnsafeEval),
    ("unsafe-hashes", Source::UnsafeHashes),
    ("unsafe-inline", Source::UnsafeInline),
    ("wasm-unsafe-eval", Source::WasmUnsafeEval),
];
