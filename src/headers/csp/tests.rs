//! Tests of `Csp`: rendering, validation and parsing.

use super::{Csp, Directive, Source};
use crate::error::{ConfigError, ConfigIssues, IssueKind};

fn sent(csp: &Csp, nonce: Option<&str>, is_upgraded: bool) -> String {
    let value = csp.rendered().value(nonce, is_upgraded);
    value.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

fn issues(csp: &Csp) -> Vec<(IssueKind, String)> {
    let mut issues = ConfigIssues::default();
    csp.validate("csp", &["reports"], &mut issues);
    let error = issues.into_result(|| ()).err();
    error.iter().flat_map(ConfigError::issues).map(|issue| (issue.kind(), issue.to_string())).collect()
}

/// Returns the only issue.
#[track_caller]
fn issue(csp: &Csp) -> (IssueKind, String) {
    let found = issues(csp);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

#[test]
fn the_api_policy_allows_nothing() {
    let expected = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    assert_eq!(sent(&Csp::api(), None, false), expected);
    assert_eq!(sent(&Csp::api(), Some("unused"), true), expected);
    assert_eq!(issues(&Csp::api()), []);
}

#[test]
fn the_html_policy_allows_what_has_the_nonce() {
    let (head, tail) = (
        "default-src 'none'; base-uri 'none'; connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors \
         'none'; img-src 'self'; manifest-src 'self'; script-src ",
        "style-src 'self'",
    );
    assert_eq!(
        sent(&Csp::html(), Some("abc"), false),
        format!("{head}'nonce-abc' 'strict-dynamic'; {tail} 'nonce-abc'")
    );
    assert_eq!(sent(&Csp::html(), None, false), format!("{head}'strict-dynamic'; {tail}"));
    assert_eq!(issues(&Csp::html()), []);
}

#[test]
fn a_directive_with_only_a_nonce_allows_nothing_without_it() {
    let csp = Csp::new().set(Directive::ScriptSrc, [Source::Nonce]);
    assert_eq!(sent(&csp, None, false), "script-src 'none'");
    assert_eq!(sent(&csp, Some("abc"), false), "script-src 'nonce-abc'");
}

#[test]
fn the_upgrade_is_sent_if_it_is_set_and_the_transport_allows_it() {
    let csp = Csp::html().upgrade_insecure_requests();
    for nonce in [None, Some("abc")] {
        assert!(sent(&csp, nonce, true).ends_with("; upgrade-insecure-requests"));
        assert!(!sent(&csp, nonce, false).contains("upgrade"));
        assert!(!sent(&Csp::html(), nonce, true).contains("upgrade"));
    }
    let alone = Csp::new().upgrade_insecure_requests();
    assert_eq!(
        (sent(&alone, None, true).as_str(), sent(&alone, None, false).as_str()),
        ("upgrade-insecure-requests", "")
    );
    assert_eq!(issues(&alone), []);
}

#[test]
fn set_replaces_sources_and_add_adds_sources() {
    let csp = Csp::new().set(Directive::ImgSrc, ["'none'"]).add(Directive::ImgSrc, ["'self'"]);
    assert_eq!(sent(&csp, None, false), "img-src 'self'");
    let csp = csp.add(Directive::ImgSrc, ["data:"]).add(Directive::FontSrc, ["'self'"]);
    assert_eq!(sent(&csp, None, false), "img-src 'self' data:; font-src 'self'");
    let csp = csp.set(Directive::ImgSrc, ["*"]).without(Directive::FontSrc);
    assert_eq!(sent(&csp, None, false), "img-src *");
}

#[test]
fn directives_without_source_lists_are_rendered() {
    let csp = Csp::new()
        .sandbox(["allow-forms", "allow-scripts"])
        .trusted_types(["one", "'allow-duplicates'"])
        .require_trusted_types()
        .report_to("reports")
        .report_uri("/csp");
    let expected = "sandbox allow-forms allow-scripts; trusted-types one 'allow-duplicates'; \
                    require-trusted-types-for 'script'; report-uri /csp; report-to reports";
    assert_eq!(sent(&csp, None, false), expected);
    assert_eq!(issues(&csp), []);
    assert_eq!(sent(&Csp::new().sandbox([""; 0]), None, false), "sandbox");
}

#[test]
fn a_policy_has_a_nonce_if_a_directive_has_one() {
    assert!(Csp::html().rendered().has_nonce());
    assert!(
        !Csp::api().rendered().has_nonce()
            && !Csp::helmet().rendered().has_nonce()
            && !Csp::owasp().rendered().has_nonce()
    );
    assert!(Csp::helmet().rendered().has_upgrade() && !Csp::html().rendered().has_upgrade());
}

#[test]
fn none_beside_other_sources_is_rejected() {
    let (kind, text) = issue(&Csp::new().set(Directive::ImgSrc, ["'none'", "data:"]));
    assert_eq!(kind, IssueKind::Prohibited);
    assert_eq!(
        text,
        r#"csp "img-src": 'none' cannot be combined with other sources; remove either 'none' or the other sources"#
    );
}

#[test]
fn an_invalid_source_is_reported_with_its_directive() {
    let (kind, text) = issue(&Csp::new().set(Directive::ImgSrc, ["self"]));
    assert_eq!(kind, IssueKind::Invalid);
    assert!(text.starts_with(r#"csp "img-src self": without quotes"#), "{text}");
}

#[test]
fn a_duplicate_directive_is_rejected() {
    let error = Csp::parse("img-src a.example; font-src b.example; IMG-SRC c.example").unwrap_err();
    assert_eq!(error.issues().len(), 1);
    assert_eq!((error.issues()[0].kind(), error.issues()[0].value()), (IssueKind::Duplicate, Some("img-src")));
}

#[test]
fn report_to_with_an_undefined_endpoint_is_rejected() {
    assert_eq!(issues(&Csp::api().report_to("reports")), []);
    let (kind, text) = issue(&Csp::api().report_to("elsewhere"));
    assert_eq!(kind, IssueKind::Missing);
    assert!(text.contains("elsewhere") && text.contains("add_reporting_endpoint"), "{text}");
}

#[test]
fn values_that_could_end_a_directive_or_the_header_are_rejected() {
    for csp in [
        Csp::api().sandbox(["a;b"]),
        Csp::api().sandbox([""]),
        Csp::api().trusted_types(["a b"]),
        Csp::api().trusted_types(["a,b"]),
        Csp::api().report_uri("/a b"),
        Csp::api().report_uri("/a;script-src *"),
        Csp::api().report_uri("mailto:a@b"),
        Csp::api().report_uri("ftp://a.example/"),
        Csp::api().set(Directive::ImgSrc, ["a.example;script-src"]),
        Csp::api().set(Directive::ImgSrc, ["\n"]),
    ] {
        assert_eq!(issue(&csp).0, IssueKind::Invalid, "{csp:?}");
    }
    for uri in ["/csp", "https://a.example/csp?b=c"] {
        assert_eq!(issues(&Csp::api().report_uri(uri)), [], "{uri}");
    }
}

#[test]
fn an_empty_policy_is_rejected() {
    assert_eq!(issue(&Csp::new()).0, IssueKind::Missing);
    assert_eq!(issue(&Csp::api().set(Directive::ImgSrc, [Source::None; 0])).0, IssueKind::Missing);
    for text in ["", " ; ;\t"] {
        assert_eq!(Csp::parse(text).unwrap_err().issues()[0].kind(), IssueKind::Missing, "{text:?}");
    }
}

#[test]
fn a_rendered_policy_parses_to_the_same_policy() {
    let text = "default-src 'self'; script-src 'self' 'unsafe-inline' https://a.example; sandbox allow-forms; trusted-types x; \
                require-trusted-types-for 'script'; report-uri /csp; report-to reports; upgrade-insecure-requests";
    assert_eq!(sent(&Csp::parse(text).unwrap(), None, true), text);
    assert_eq!(Csp::parse(" default-src\t'none' ;; ").unwrap(), Csp::new().set(Directive::DefaultSrc, ["'none'"]));
}

#[test]
fn an_obsolete_directive_is_rejected() {
    let error = Csp::parse("default-src 'self'; block-all-mixed-content").unwrap_err();
    let issue = &error.issues()[0];
    assert_eq!((issue.kind(), issue.remedy()), (IssueKind::Prohibited, "remove it"));
}

#[test]
fn an_empty_source_list_allows_nothing() {
    assert_eq!(sent(&Csp::parse("img-src").unwrap(), None, false), "img-src 'none'");
}

#[test]
fn display_prints_the_policy_as_it_is_sent() {
    let csp = Csp::new().set(Directive::ScriptSrc, [Source::Nonce]).upgrade_insecure_requests();
    assert_eq!(csp.to_string(), "script-src 'nonce-...'; upgrade-insecure-requests");
    assert_eq!((Csp::api().to_string(), Csp::new().to_string()), (sent(&Csp::api(), None, false), String::new()));
    for csp in [Csp::api(), Csp::html(), Csp::owasp(), Csp::helmet()] {
        assert_eq!(csp.to_string().parse(), Ok(csp));
    }
}

#[test]
fn unsafe_inline_beside_a_nonce_is_not_sent_without_the_nonce() {
    let loose = [Source::SelfOrigin, Source::Nonce, Source::UnsafeInline];
    let csp = Csp::new().set(Directive::ScriptSrc, loose).set(Directive::StyleSrc, ["'unsafe-inline'"]);
    assert_eq!(sent(&csp, None, false), "script-src 'self'; style-src 'unsafe-inline'");
    assert!(sent(&csp, Some("abc"), false).starts_with("script-src 'self' 'nonce-abc' 'unsafe-inline'"));
}

#[test]
fn an_unknown_directive_is_reported_by_name() {
    for (text, name) in [
        ("default-src 'self'; script-scr 'self'", "script-scr"),
        ("require-trusted-types-for script", "require-trusted-types-for"),
        ("report-to a b", "report-to"),
        ("report-uri", "report-uri"),
        ("upgrade-insecure-requests 1", "upgrade-insecure-requests"),
    ] {
        let error = Csp::parse(text).unwrap_err();
        let issue = &error.issues()[0];
        assert_eq!((issue.kind(), issue.value()), (IssueKind::Unknown, Some(name)), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn an_accepted_policy_renders_to_one_line_of_known_directives(text in "[a-z'; :/.*-]{0,60}|(default-src|img-src|report-uri|sandbox|report-to)[ a-z';:/.,*\\n-]{0,40}") {
        if let Ok(csp) = Csp::parse(&text) && issues(&csp).is_empty() {
            let sent = sent(&csp, Some("abc"), true);
            proptest::prop_assert_eq!(Csp::parse(&sent), Ok(csp));
        }
    }
}
