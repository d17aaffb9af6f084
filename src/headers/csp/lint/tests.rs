//! Tests of the lints.

use super::*;

fn clean() -> Csp {
    Csp::new().set(Directive::DefaultSrc, ["'none'"]).set(Directive::BaseUri, ["'none'"])
}

#[test]
fn a_good_policy_has_no_lints() {
    assert_eq!(clean().lints(), []);
    assert_eq!(Csp::api().lints(), []);
    assert_eq!(Csp::html().lints(), []);
}

#[test]
fn each_lint_is_found() {
    let script = Directive::ScriptSrc;
    let ignored = |directive, source| Lint::SourceIgnored { directive, source };
    for (csp, expected) in [
        (clean().without(Directive::BaseUri), Lint::BaseUriMissing),
        (clean().without(Directive::DefaultSrc).set(script, ["'self'"]), Lint::ObjectSrcMissing),
        (clean().without(Directive::DefaultSrc).set(Directive::ObjectSrc, ["'none'"]), Lint::ScriptSrcMissing),
        (
            clean().set(script, [Source::Nonce, Source::UnsafeInline]),
            Lint::UnsafeInlineBesideNonce { directive: script },
        ),
        (clean().set(script, ["'strict-dynamic'"]), Lint::StrictDynamicAlone { directive: script }),
        (
            clean().set(script, [Source::Nonce, Source::StrictDynamic, Source::SelfOrigin]),
            ignored(script, Source::SelfOrigin),
        ),
        (clean().set(Directive::ImgSrc, [Source::Nonce]), ignored(Directive::ImgSrc, Source::Nonce)),
    ] {
        assert_eq!(csp.lints(), [expected]);
    }
    let without_default = clean().without(Directive::DefaultSrc).set(Directive::ObjectSrc, ["'none'"]);
    assert_eq!(without_default.set(script, ["'none'"]).lints(), []);
}

#[test]
fn a_policy_is_too_long_from_4097_bytes() {
    let of = |bytes: usize| {
        let len_with_one_byte = clean().set(Directive::ImgSrc, ["a"]).rendered().max_len();
        clean().set(Directive::ImgSrc, ["a".repeat(bytes - len_with_one_byte + 1)])
    };
    assert_eq!(of(4_096).lints(), []);
    assert_eq!(of(4_097).lints(), [Lint::TooLong { bytes: 4_097 }]);
}

/// Returns the lints of a policy that has everything else that it needs.
fn lints(text: &str) -> Vec<String> {
    let base = if text.contains("base-uri") { "" } else { "; base-uri 'none'" };
    Csp::parse(&format!("{text}{base}")).unwrap().lints().iter().map(ToString::to_string).collect()
}

const HASH: &str = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='";

#[test]
fn unsafe_inline_for_scripts_is_found_where_it_has_an_effect() {
    for (text, directive) in [
        ("default-src 'self' 'unsafe-inline'", "default-src"),
        ("default-src 'self'; script-src 'self' 'UNSAFE-INLINE'", "script-src"),
        ("default-src 'self'; script-src 'self'; script-src-elem 'unsafe-inline'", "script-src-elem"),
        ("default-src 'self'; script-src 'self'; script-src-attr 'unsafe-inline'", "script-src-attr"),
        ("default-src 'self'; script-src 'unsafe-inline'; script-src-elem 'self'", "script-src"),
        ("default-src 'self' 'unsafe-inline'; script-src-attr 'none'", "default-src"),
    ] {
        assert_eq!(lints(text), [format!("'unsafe-inline' in {directive}: every injected script runs")], "{text}");
    }
    for text in [
        "default-src 'self'; style-src 'self' 'unsafe-inline'",
        "default-src 'self' 'unsafe-inline'; script-src 'self'",
        "default-src 'unsafe-inline'; script-src-elem 'self'; script-src-attr 'none'",
        "default-src 'self'; script-src 'unsafe-inline'; script-src-elem 'self'; script-src-attr 'none'",
        &format!("default-src 'self'; script-src 'unsafe-inline' {HASH}"),
        &format!("default-src 'self'; script-src 'unsafe-inline' 'strict-dynamic' {HASH}"),
    ] {
        assert_eq!(lints(text), [""; 0], "{text}");
    }
}

#[test]
fn a_source_that_matches_every_host_is_found_for_scripts_plugins_and_base_elements() {
    for (text, directive, source) in [
        ("default-src *; script-src 'self'; object-src 'none'", "default-src", "*"),
        ("default-src https:", "default-src", "https:"),
        ("default-src https:; script-src 'self'", "default-src", "https:"),
        ("default-src 'self'; script-src 'self' *", "script-src", "*"),
        ("default-src 'self'; script-src HTTPS:", "script-src", "HTTPS:"),
        ("default-src 'self'; script-src https://*", "script-src", "https://*"),
        ("default-src 'self'; script-src *:443", "script-src", "*:443"),
        ("default-src 'self'; script-src http://*:*/a.js", "script-src", "http://*:*/a.js"),
        ("default-src 'self'; script-src-elem http:", "script-src-elem", "http:"),
        ("default-src 'self'; object-src *", "object-src", "*"),
        ("default-src 'self'; base-uri *", "base-uri", "*"),
        ("default-src 'nonce-...' 'strict-dynamic' *", "default-src", "*"),
    ] {
        let expected = format!("{source} in {directive} matches every host, including an attacker's");
        assert_eq!(lints(text), [expected], "{text}");
    }
    for text in [
        "default-src https:; script-src 'self'; object-src 'none'",
        "default-src 'self'; img-src *; frame-ancestors *; connect-src https: wss:",
        "default-src 'self'; script-src *.example.com https://*.example.com:*",
        "default-src 'self'; script-src *; script-src-elem 'self'",
        "default-src 'nonce-...' 'strict-dynamic' https: data:; object-src 'none'",
    ] {
        assert_eq!(lints(text), [""; 0], "{text}");
    }
}

#[test]
fn data_urls_for_scripts_are_found() {
    for (text, directive) in [
        ("default-src 'self' data:", "default-src"),
        ("default-src 'self'; script-src DATA:", "script-src"),
        ("default-src 'self'; script-src-elem data:", "script-src-elem"),
        ("default-src 'self'; object-src data:", "object-src"),
    ] {
        let expected = format!("data: in {directive}: the URL of an injected element contains the script itself");
        assert_eq!(lints(text), [expected], "{text}");
    }
    assert_eq!(lints("default-src 'self' data:; script-src 'self' blob:; object-src 'none'; img-src data:"), [""; 0]);
}

#[test]
fn javascript_urls_are_ignored_by_browsers() {
    for directive in ["script-src", "script-src-elem", "script-src-attr", "frame-src", "object-src"] {
        let text = format!("default-src 'self'; {directive} JavaScript:");
        assert_eq!(lints(&text), [format!("browsers ignore JavaScript: in {directive}")], "{text}");
    }
}

#[test]
fn strict_dynamic_disables_urls_only_for_scripts() {
    let ignored = ["browsers ignore 'self' in script-src"];
    assert_eq!(lints("default-src 'none'; script-src 'nonce-...' 'strict-dynamic' 'self'"), ignored);
    assert_eq!(lints("default-src 'nonce-...' 'strict-dynamic' 'self'"), [""; 0]);
}
