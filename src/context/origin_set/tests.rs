//! Tests of the set of origins.

use proptest::prelude::*;

use super::*;

fn of(origins: &[&str]) -> OriginSet {
    OriginSet::new(origins).unwrap()
}

#[track_caller]
fn refused(origin: &str, fault: IssueKind) {
    let error = OriginSet::new([origin]).unwrap_err();
    let [problem] = error.issues() else { panic!("{error}") };
    assert_eq!((problem.setting(), problem.value(), problem.kind()), ("origins", Some(origin), fault));
}

#[test]
fn members_are_in_the_set_and_no_others() {
    let set = of(&["https://a.example", "http://localhost:3000", "https://[::1]:8443"]);
    for origin in ["https://a.example", "http://localhost:3000", "https://[::1]:8443"] {
        assert!(set.contains(origin), "{origin}");
    }
    for origin in ["", "null", "*", "https://A.example", "http://a.example", "https://b.a.example", "a.example"] {
        assert!(!set.contains(origin), "{origin}");
    }
}

#[test]
fn a_pattern_matches_below_its_domain_at_any_depth_and_not_itself() {
    let set = of(&["https://*.foo.com"]);
    assert!(set.contains("https://a.foo.com") && set.contains("https://a.b.c.d.foo.com"));
    for origin in
        ["https://foo.com", "https://barfoo.com", "https://.foo.com", "https://a.foo.com.b", "http://a.foo.com"]
    {
        assert!(!set.contains(origin), "{origin}");
    }
}

#[test]
fn a_long_parent_does_not_hide_a_short_one() {
    let set = of(&["https://*.a.b.c.foo.com", "https://*.bar.com:8443", "https://*.x.bar.com"]);
    assert!(set.contains("https://z.a.b.c.foo.com") && !set.contains("https://z.b.c.foo.com"));
    assert!(set.contains("https://z.bar.com:8443") && set.contains("https://z.x.bar.com:8443"));
    assert!(set.contains("https://z.x.bar.com") && !set.contains("https://z.bar.com"));
}

#[test]
fn a_port_is_any_only_where_it_is_asked_for() {
    let set = of(&["http://localhost:*", "https://*.foo.com:*", "https://[::1]:*"]);
    for origin in
        ["http://localhost", "http://localhost:9", "https://a.foo.com:9", "https://a.foo.com", "https://[::1]:9"]
    {
        assert!(set.contains(origin), "{origin}");
    }
    for origin in ["http://localhost:", "http://localhost:80", "http://localhost:99999", "https://foo.com:9"] {
        assert!(!set.contains(origin), "{origin}");
    }
}

#[test]
fn a_port_beside_any_port_is_refused() {
    for origin in ["https://a.example:8443:*", "https://*.foo.com:8443:*", "http://localhost:*:*"] {
        refused(origin, IssueKind::Invalid);
    }
}

#[test]
fn a_set_that_is_over_public_suffixes_is_dangerous() {
    for pattern in
        ["https://*.com", "https://*.co.uk", "https://*.github.io", "https://*.kawasaki.jp", "https://*.unheardof"]
    {
        refused(pattern, IssueKind::Prohibited);
        assert!(OriginSet::dangerously_with_public_suffixes([pattern]).is_ok());
    }
    for pattern in [
        "https://*.example.com",
        "https://*.city.kawasaki.jp",
        "https://*.mythic-beasts.com",
        "https://*.app.github.io",
        "http://*.localhost",
        "http://*.localhost:*",
    ] {
        assert!(OriginSet::new([pattern]).is_ok(), "{pattern}");
    }
    let set = OriginSet::dangerously_with_public_suffixes(["https://*.com"]).unwrap();
    assert!(set.contains("https://evil.com") && !set.contains("https://com"));
}

#[test]
fn what_is_plain_is_known_but_for_loopback() {
    let set =
        of(&["https://a.example", "http://a.example", "http://*.b.example", "http://c.example:*", "http://[::1]"]);
    let local = of(&["http://localhost:1", "http://127.0.0.1:*", "http://*.localhost"]);
    assert_eq!(set.plain().collect::<Vec<_>>(), ["http://a.example", "http://*.b.example", "http://c.example:*"]);
    assert_eq!(local.plain().count(), 0);
}

#[test]
fn an_origin_over_326_bytes_is_in_no_set() {
    let set = of(&["https://*.foo.com"]);
    assert!(!set.contains(&format!("https://{}foo.com", "a.".repeat(200))));
    assert!(!set.contains(&"a".repeat(1_000_000)));
}

#[test]
fn a_star_alone_is_told_from_one_in_the_wrong_place() {
    let reason = |origin: &str| OriginSet::new([origin]).unwrap_err().issues()[0].reason().to_owned();
    assert_eq!(reason("*"), "a star is no origin");
    for origin in ["https://a.*.example", "https://*", "*.example.com", "https://a*.example.com"] {
        assert_ne!(reason(origin), "a star is no origin", "{origin}");
    }
}

#[test]
fn clones_share_one_set() {
    let set = of(&["https://a.example"]);
    assert!(Arc::ptr_eq(&set.0, &set.clone().0));
}

proptest! {
    #[test]
    fn whatever_a_set_takes_without_a_star_it_contains(text in "https?://[a-z0-9.:*/-]{1,14}") {
        if let Ok(set) = OriginSet::new([&text]) {
            prop_assert!(text.contains('*') || set.contains(&text));
        }
    }

    #[test]
    fn whatever_a_set_takes_matches_what_its_stars_stand_for(text in "https?://([*][.])?[a-z0-9.-]{1,9}(:[0-9*]{1,3}){0,2}") {
        if let Ok(set) = OriginSet::dangerously_with_public_suffixes([&text]) {
            let origin = text.replace("://*.", "://x.").replace(":*", ":8123");
            prop_assert!(set.contains(&origin), "{}", origin);
        }
    }

    #[test]
    fn below_a_domain_is_what_ends_in_a_dot_and_it(host in "[a-c.]{1,12}", parent in "[a-c]{1,2}\\.[a-c]{1,2}") {
        let set = OriginSet::dangerously_with_public_suffixes([format!("https://*.{parent}")]).unwrap();
        let origin = format!("https://{host}");
        let is_below = host.ends_with(&format!(".{parent}")) && Origin::parse(&origin).is_ok();
        prop_assert_eq!(set.contains(&origin), is_below);
    }

    #[test]
    fn no_text_makes_a_set_panic(text in "\\PC{0,40}") {
        let _ = OriginSet::new([&text]).is_ok();
        prop_assert!(!of(&["https://*.foo.com", "http://localhost:*"]).contains(&text));
    }
}
