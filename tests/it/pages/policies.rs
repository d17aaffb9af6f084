//! Policies with typical mistakes, which must be rejected or linted, and valid ones, which must be accepted.

use portcullis::SecurityHeaders;
use portcullis::headers::{Csp, Directive, Source};

fn builds(csp: Csp) -> bool {
    SecurityHeaders::builder().csp(csp).build().is_ok()
}

fn parse_and_build(policy: &str) -> Result<(), String> {
    let csp = Csp::parse(policy).map_err(|error| error.to_string())?;
    SecurityHeaders::builder().csp(csp).build().map(drop).map_err(|error| error.to_string())
}

#[test]
fn a_missing_semicolon_before_a_directive_is_rejected_or_linted() {
    // Browsers take script-src for a host, so the policy does not limit scripts.
    let policy = "base-uri 'none'; object-src 'none'; img-src 'self' https: script-src 'self'";
    let is_linted = Csp::parse(policy).is_ok_and(|csp| !csp.lints().is_empty());
    assert!(parse_and_build(policy).is_err() || is_linted);
}

#[test]
fn a_scheme_without_its_colon_is_rejected_or_linted() {
    for source in ["https", "http", "data", "blob", "wss"] {
        let csp = Csp::html().set(Directive::ImgSrc, [source]);
        assert!(!csp.lints().is_empty() || !builds(csp), "{source}");
    }
}

/// CSP 3, "Does element match source list": browsers compare digests as base64 text, including the padding.
#[test]
fn a_hash_with_wrong_padding_is_rejected() {
    let digest = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
    assert!(builds(Csp::html().set(Directive::ScriptSrc, [format!("'sha256-{digest}='")])));
    for wrong in [digest.to_owned(), format!("{digest}=="), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=".to_owned()] {
        assert!(!builds(Csp::html().set(Directive::ScriptSrc, [format!("'sha256-{wrong}'")])), "{wrong}");
    }
}

#[test]
fn an_invalid_path_is_rejected() {
    for path in ["/{id}", "/a\\b", "/a\"b", "/<a>", "/a|b", "/%zz", "//a"] {
        assert!(!builds(Csp::html().set(Directive::ImgSrc, [format!("https://a.example{path}")])), "{path}");
    }
}

#[test]
fn a_policy_without_script_src_is_linted() {
    let csp = Csp::parse("base-uri 'none'; object-src 'none'; img-src 'self'").unwrap();
    assert!(!csp.lints().is_empty());
}

#[test]
fn a_nonce_for_attributes_is_linted() {
    for directive in [Directive::ScriptSrcAttr, Directive::StyleSrcAttr] {
        assert!(!Csp::html().set(directive, [Source::Nonce]).lints().is_empty(), "{directive}");
    }
}

#[test]
fn a_relative_report_uri_is_accepted() {
    assert_eq!(parse_and_build("default-src 'self'; report-uri csp-reports"), Ok(()));
}

#[test]
fn a_host_with_a_trailing_dot_is_accepted() {
    assert_eq!(parse_and_build("default-src 'self' example.com."), Ok(()));
}

#[test]
fn an_empty_source_list_is_accepted() {
    assert_eq!(parse_and_build("default-src 'self'; object-src"), Ok(()));
}

#[test]
fn policies_of_real_sites_are_accepted() {
    let mut errors = Vec::new();
    for policy in REAL_SITES {
        errors.extend(parse_and_build(policy).err().map(|error| format!("{error}\n   in {policy}")));
    }
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

/// Policies that sites send, some of them shortened.
const REAL_SITES: [&str; 9] = [
    // GitHub
    "default-src 'none'; base-uri 'self'; child-src github.githubassets.com github.com/assets-cdn/worker/ github.com/assets/ gist.github.com/assets-cdn/worker/; connect-src 'self' uploads.github.com www.githubstatus.com collector.github.com raw.githubusercontent.com api.github.com github-cloud.s3.amazonaws.com github-production-repository-file-5c1aeb.s3.amazonaws.com *.rel.tunnels.api.visualstudio.com wss://*.rel.tunnels.api.visualstudio.com objects-origin.githubusercontent.com copilot-proxy.githubusercontent.com wss://alive.github.com; font-src github.githubassets.com; form-action 'self' github.com gist.github.com; frame-ancestors 'none'; frame-src viewscreen.githubusercontent.com notebooks.githubusercontent.com; img-src 'self' data: blob: github.githubassets.com media.githubusercontent.com *.githubusercontent.com; manifest-src 'self'; media-src github.com user-images.githubusercontent.com/ secured-user-images.githubusercontent.com/; script-src github.githubassets.com; style-src 'unsafe-inline' github.githubassets.com; upgrade-insecure-requests; worker-src github.githubassets.com github.com/assets-cdn/worker/ github.com/assets/ gist.github.com/assets-cdn/worker/",
    // MDN
    "default-src 'self'; script-src 'report-sample' 'self' 'wasm-unsafe-eval' https://www.google-analytics.com/analytics.js https://www.googletagmanager.com/gtag/js assets.codepen.io production-assets.codepen.io 'sha256-x6Tv+AdV5e6dcolO0TEo+3BG4H2nG2ACjyG8mz6QCes=' 'sha256-GA8+DpFnqAM/vwERTpb5zyLUaN5KnOhctfTsqWfhaUA='; style-src 'report-sample' 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; connect-src 'self' updates.developer.allizom.org www.google-analytics.com stats.g.doubleclick.net https://api.stripe.com; font-src 'self'; frame-src 'self' interactive-examples.mdn.mozilla.net https://www.youtube-nocookie.com *.mdnplay.dev; img-src 'self' data: *.githubusercontent.com; manifest-src 'self'; media-src 'self' archive.org videos.cdn.mozilla.net; child-src 'self'; worker-src 'self'",
    // Google's strict policy with a hash
    "script-src 'strict-dynamic' 'sha256-x6Tv+AdV5e6dcolO0TEo+3BG4H2nG2ACjyG8mz6QCes=' 'unsafe-inline' https: http:; object-src 'none'; base-uri 'none'; require-trusted-types-for 'script'; report-uri https://csp.withgoogle.com/csp/gws/other-hp",
    // Like accounts.google.com: only Trusted Types and a report path
    "require-trusted-types-for 'script';report-uri /v3/signin/_/AccountsSignInUi/cspreport",
    // mozilla.org
    "img-src 'self' data: mozilla.org www.googletagmanager.com www.google-analytics.com; script-src 'self' 'unsafe-inline' 'unsafe-eval' *.mozilla.net *.mozilla.org *.mozilla.com; default-src 'self' *.mozilla.net *.mozilla.org *.mozilla.com; frame-src accounts.firefox.com https://accounts.firefox.com/; child-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self' o1069899.ingest.sentry.io",
    // Dropbox-like
    "object-src 'self' https://cfl.dropboxstatic.com/static/; font-src https://* data:; media-src https://* blob:; connect-src https://* ws://127.0.0.1:*/ws blob: wss://dsimports.dropbox.com/; frame-src https://* carousel: dbapi-6: itms-apps: itms-appss:; base-uri 'self'; form-action https://docs.google.com/document/fsip/ 'self' https://www.dropbox.com/",
    // Facebook-like
    "default-src * data: blob: 'self' 'wasm-unsafe-eval'; script-src *.facebook.com *.fbcdn.net 'unsafe-inline' blob: data: 'self' 'wasm-unsafe-eval'; upgrade-insecure-requests",
    // Wikimedia-like: a report path with a query
    "script-src 'unsafe-eval' blob: 'self' meta.wikimedia.org *.wikimedia.org *.wikipedia.org 'unsafe-inline' auth.wikimedia.org; default-src 'self' data: blob: upload.wikimedia.org https://commons.wikimedia.org; style-src 'self' data: blob: *.wikimedia.org 'unsafe-inline'; object-src 'none'; report-uri /w/api.php?action=cspreport&format=json",
    // helmet
    "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';script-src-attr 'none';style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests",
];
