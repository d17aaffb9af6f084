//! What a policy says, what of it is refused, and how it is read.

use super::*;

fn sent(csp: &Csp, nonce: Option<&str>, is_upgraded: bool) -> String {
    let value = csp.rendered().value(nonce, is_upgraded);
    value.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

fn problems(csp: &Csp) -> Vec<(IssueKind, String)> {
    let mut problems = ConfigIssues::default();
    csp.judge("csp", &["reports"], &mut problems);
    let error = problems.into_result(|| ()).err();
    let found = error.iter().flat_map(ConfigError::issues);
    found.map(|problem| (problem.kind(), problem.to_string())).collect()
}

/// The one problem.
fn problem(csp: &Csp) -> (IssueKind, String) {
    let found = problems(csp);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

#[test]
fn the_policy_of_an_api_closes_everything() {
    let expected = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    assert_eq!(sent(&Csp::api(), None, false), expected);
    assert_eq!(sent(&Csp::api(), Some("unused"), true), expected);
    assert_eq!(problems(&Csp::api()), []);
}

#[test]
fn the_policy_of_a_page_lets_in_what_bears_the_nonce() {
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
    assert_eq!(problems(&Csp::html()), []);
}

#[test]
fn a_directive_that_asks_for_the_nonce_alone_lets_nothing_in_without_it() {
    let csp = Csp::new().set(Directive::ScriptSrc, [Source::Nonce]);
    assert_eq!(sent(&csp, None, false), "script-src 'none'");
    assert_eq!(sent(&csp, Some("abc"), false), "script-src 'nonce-abc'");
}

#[test]
fn the_upgrade_is_sent_where_it_is_asked_for_and_may_be() {
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
    assert_eq!(problems(&alone), []);
}

#[test]
fn what_is_set_replaces_and_what_is_added_is_added() {
    let csp = Csp::new().set(Directive::ImgSrc, ["'none'"]).add(Directive::ImgSrc, ["'self'"]);
    assert_eq!(sent(&csp, None, false), "img-src 'self'");
    let csp = csp.add(Directive::ImgSrc, ["data:"]).add(Directive::FontSrc, ["'self'"]);
    assert_eq!(sent(&csp, None, false), "img-src 'self' data:; font-src 'self'");
    let csp = csp.set(Directive::ImgSrc, ["*"]).without(Directive::FontSrc);
    assert_eq!(sent(&csp, None, false), "img-src *");
}

#[test]
fn the_other_directives_are_rendered() {
    let csp = Csp::new()
        .sandbox(["allow-forms", "allow-scripts"])
        .trusted_types(["one", "'allow-duplicates'"])
        .require_trusted_types()
        .report_to("reports")
        .report_uri("/csp");
    let expected = "sandbox allow-forms allow-scripts; trusted-types one 'allow-duplicates'; \
                    require-trusted-types-for 'script'; report-uri /csp; report-to reports";
    assert_eq!(sent(&csp, None, false), expected);
    assert_eq!(problems(&csp), []);
    assert_eq!(sent(&Csp::new().sandbox([""; 0]), None, false), "sandbox");
}

#[test]
fn a_policy_has_a_nonce_where_a_directive_asks_for_one() {
    assert!(Csp::html().rendered().has_nonce());
    assert!(
        !Csp::api().rendered().has_nonce()
            && !Csp::helmet().rendered().has_nonce()
            && !Csp::owasp().rendered().has_nonce()
    );
    assert!(Csp::helmet().rendered().has_upgrade() && !Csp::html().rendered().has_upgrade());
}

#[test]
fn none_beside_others_is_refused() {
    let (fault, text) = problem(&Csp::new().set(Directive::ImgSrc, ["'none'", "data:"]));
    assert_eq!(fault, IssueKind::Prohibited);
    assert_eq!(text, r#"csp "img-src": 'none' stands beside other sources; leave 'none' out, or the others"#);
}

#[test]
fn a_source_that_no_browser_would_heed_is_refused_with_its_directive() {
    let (fault, text) = problem(&Csp::new().set(Directive::ImgSrc, ["self"]));
    assert_eq!(fault, IssueKind::Invalid);
    assert!(text.starts_with(r#"csp "img-src self": a keyword without its quotes"#), "{text}");
}

#[test]
fn a_directive_twice_is_refused() {
    let error = Csp::parse("img-src a.example; font-src b.example; IMG-SRC c.example").unwrap_err();
    assert_eq!(error.issues().len(), 1);
    assert_eq!((error.issues()[0].kind(), error.issues()[0].value()), (IssueKind::Duplicate, Some("img-src")));
}

#[test]
fn reports_without_an_endpoint_are_refused() {
    assert_eq!(problems(&Csp::api().report_to("reports")), []);
    let (fault, text) = problem(&Csp::api().report_to("elsewhere"));
    assert_eq!(fault, IssueKind::Missing);
    assert!(text.contains("elsewhere") && text.contains("add_reporting_endpoint"), "{text}");
}

#[test]
fn what_could_end_a_directive_or_the_field_is_refused() {
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
        assert_eq!(problem(&csp).0, IssueKind::Invalid, "{csp:?}");
    }
    for uri in ["/csp", "https://a.example/csp?b=c"] {
        assert_eq!(problems(&Csp::api().report_uri(uri)), [], "{uri}");
    }
}

#[test]
fn a_policy_that_says_nothing_is_refused() {
    assert_eq!(problem(&Csp::new()).0, IssueKind::Missing);
    assert_eq!(problem(&Csp::api().set(Directive::ImgSrc, [Source::None; 0])).0, IssueKind::Missing);
    for text in ["", " ; ;\t"] {
        assert_eq!(Csp::parse(text).unwrap_err().issues()[0].kind(), IssueKind::Missing, "{text:?}");
    }
}

#[test]
fn a_policy_is_read_as_it_is_sent() {
    let text = "default-src 'self'; script-src 'self' 'unsafe-inline' https://a.example; sandbox allow-forms; trusted-types x; \
                require-trusted-types-for 'script'; report-uri /csp; report-to reports; upgrade-insecure-requests";
    assert_eq!(sent(&Csp::parse(text).unwrap(), None, true), text);
    assert_eq!(Csp::parse(" default-src\t'none' ;; ").unwrap(), Csp::new().set(Directive::DefaultSrc, ["'none'"]));
}

#[test]
fn a_directive_that_browsers_dropped_is_to_be_left_out() {
    let error = Csp::parse("default-src 'self'; block-all-mixed-content").unwrap_err();
    let problem = &error.issues()[0];
    assert_eq!((problem.kind(), problem.remedy()), (IssueKind::Prohibited, "leave it out"));
}

#[test]
fn a_list_of_nothing_lets_nothing_in() {
    assert_eq!(sent(&Csp::parse("img-src").unwrap(), None, false), "img-src 'none'");
}

#[test]
fn a_policy_is_shown_as_it_is_sent() {
    let csp = Csp::new().set(Directive::ScriptSrc, [Source::Nonce]).upgrade_insecure_requests();
    assert_eq!(csp.to_string(), "script-src 'nonce-...'; upgrade-insecure-requests");
    assert_eq!((Csp::api().to_string(), Csp::new().to_string()), (sent(&Csp::api(), None, false), String::new()));
}

#[test]
fn what_a_nonce_overrules_is_not_let_in_without_one() {
    let loose = [Source::SelfOrigin, Source::Nonce, Source::UnsafeInline];
    let csp = Csp::new().set(Directive::ScriptSrc, loose).set(Directive::StyleSrc, ["'unsafe-inline'"]);
    assert_eq!(sent(&csp, None, false), "script-src 'self'; style-src 'unsafe-inline'");
    assert!(sent(&csp, Some("abc"), false).starts_with("script-src 'self' 'nonce-abc' 'unsafe-inline'"));
}

#[test]
fn a_directive_that_csp_does_not_know_is_named() {
    for (text, name) in [
        ("default-src 'self'; script-scr 'self'", "script-scr"),
        ("require-trusted-types-for script", "require-trusted-types-for"),
        ("report-to a b", "report-to"),
        ("report-uri", "report-uri"),
        ("upgrade-insecure-requests 1", "upgrade-insecure-requests"),
    ] {
        let error = Csp::parse(text).unwrap_err();
        let problem = &error.issues()[0];
        assert_eq!((problem.kind(), problem.value()), (IssueKind::Unknown, Some(name)), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn whatever_is_read_and_accepted_is_one_line_of_known_directives(text in "[a-z'; :/.*-]{0,60}|(default-src|img-src|report-uri|sandbox|report-to)[ a-z';:/.,*\\n-]{0,40}") {
        if let Ok(csp) = Csp::parse(&text) && problems(&csp).is_empty() {
            let sent = sent(&csp, Some("abc"), true);
            proptest::prop_assert_eq!(Csp::parse(&sent), Ok(csp));
        }
    }
}
