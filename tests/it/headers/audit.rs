//! The grades of the presets.

use portcullis::SecurityHeaders;
use portcullis::headers::{Csp, Directive, Grade};

#[test]
fn the_api_and_html_presets_lose_no_points() {
    for builder in [SecurityHeaders::api(), SecurityHeaders::html()] {
        let audit = builder.build().unwrap().audit();
        assert!(audit.modifiers().iter().all(|modifier| modifier.points() >= 0), "{audit}");
        assert!(audit.score() >= 140, "{audit}");
        assert_eq!(audit.grade(), Grade::APlus, "{audit}");
    }
}

#[test]
fn every_preset_gets_an_a_plus() {
    for builder in [SecurityHeaders::owasp(), SecurityHeaders::helmet()] {
        let audit = builder.build().unwrap().audit();
        assert_eq!(audit.grade(), Grade::APlus, "{audit}");
    }
}

#[test]
fn an_unsafe_policy_lowers_the_grade() {
    let unsafe_csp = Csp::html().set(Directive::ScriptSrc, ["'self'", "'unsafe-inline'"]);
    let audit = SecurityHeaders::html().csp(unsafe_csp).build().unwrap().audit();
    let modifier = audit.modifiers().iter().find(|modifier| modifier.test() == "content-security-policy").unwrap();
    assert_eq!((modifier.result(), modifier.points()), ("csp-implemented-with-unsafe-inline", -20), "{audit}");
    assert!(audit.grade() < Grade::A, "{audit}");
    assert!(SecurityHeaders::builder().build().unwrap().audit().grade() < Grade::B);
}
