//! The grades that an auditor gives the presets.

use portcullis::SecurityHeaders;
use portcullis::headers::{Csp, Directive, Grade};

#[test]
fn the_presets_of_the_crate_lose_no_point() {
    for builder in [SecurityHeaders::api(), SecurityHeaders::html()] {
        let audit = builder.build().unwrap().audit();
        assert!(audit.modifiers().iter().all(|modifier| modifier.points() >= 0), "{audit}");
        assert!(audit.score() >= 140, "{audit}");
        assert_eq!(audit.grade(), Grade::APlus, "{audit}");
    }
}

#[test]
fn no_preset_has_less_than_an_a_plus() {
    for builder in [SecurityHeaders::owasp(), SecurityHeaders::helmet()] {
        let audit = builder.build().unwrap().audit();
        assert_eq!(audit.grade(), Grade::APlus, "{audit}");
    }
}

#[test]
fn what_opens_a_page_costs_the_grade() {
    let open = Csp::html().set(Directive::ScriptSrc, ["'self'", "'unsafe-inline'"]);
    let audit = SecurityHeaders::html().csp(open).build().unwrap().audit();
    let said = audit.modifiers().iter().find(|modifier| modifier.test() == "content-security-policy").unwrap();
    assert_eq!((said.result(), said.points()), ("csp-implemented-with-unsafe-inline", -20), "{audit}");
    assert!(audit.grade() < Grade::A, "{audit}");
    assert!(SecurityHeaders::builder().build().unwrap().audit().grade() < Grade::B);
}
