//! Tests of `OriginSet`.

use proptest::prelude::*;

use super::*;

fn of(origins: &[&str]) -> OriginSet {
    OriginSet::new(origins).unwrap()
}

#[track_caller]
fn rejects(origin: &str, kind: IssueKind) {
    let error = OriginSet::new([origin]).unwrap_err();
    let [issue] = error.issues() else { panic!("{error}") };
    assert_eq!((issue.setting(), issue.value(), issue.kind()), ("OriginSet::new", Some(origin), kind));
}

#[test]
fn only_members_are_in_the_set() {
    let set = of(&["https://a.example", "http://localhost:3000", "https://[::1]:8443"]);
    for origin in ["https://a.example", "http://localhost:3000", "https://[::1]:8443"] {
        assert!(set.contains(origin), "{origin}");
    }
    for origin in ["", "null", "*", "https://A.example", "http://a.example", "https://b.a.example", "a.example"] {
        assert!(!set.contains(origin), "{origin}");
    }
}

#[test]
fn a_pattern_matches_subdomains_at_any_depth_but_not_the_domain() {
    let set = of(&["https://*.foo.com"]);
    assert!(set.contains("https://a.foo.com") && set.contains("https://a.b.c.d.foo.com"));
    for origin in
        ["https://foo.com", "https://barfoo.com", "https://.foo.com", "https://a.foo.com.b", "http://a.foo.com"]
    {
        assert!(!set.contains(origin), "{origin}");
    }
}

#[test]
fn long_and_short_parent_domains_both_match() {
    let set = of(&["https://*.a.b.c.foo.com", "https://*.bar.com:8443", "https://*.x.bar.com"]);
    assert!(set.contains("https://z.a.b.c.foo.com") && !set.contains("https://z.b.c.foo.com"));
    assert!(set.contains("https://z.bar.com:8443") && set.contains("https://z.x.bar.com:8443"));
    assert!(set.contains("https://z.x.bar.com") && !set.contains("https://z.bar.com"));
}

#[test]
fn any_port_matches_only_with_a_star_as_the_port() {
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
fn a_port_together_with_any_port_is_rejected() {
    for origin in ["https://a.example:8443:*", "https://*.foo.com:8443:*", "http://localhost:*:*"] {
        rejects(origin, IssueKind::Invalid);
    }
}

#[test]
fn patterns_below_public_suffixes_are_rejected_unless_dangerously_allowed() {
    for pattern in
        ["https://*.com", "https://*.co.uk", "https://*.github.io", "https://*.kawasaki.jp", "https://*.unheardof"]
    {
        rejects(pattern, IssueKind::Prohibited);
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
fn unencrypted_members_are_listed_except_loopback_hosts() {
    let set =
        of(&["https://a.example", "http://a.example", "http://*.b.example", "http://c.example:*", "http://[::1]"]);
    let local = of(&["http://localhost:1", "http://127.0.0.1:*", "http://*.localhost"]);
    assert_eq!(set.unencrypted().collect::<Vec<_>>(), ["http://a.example", "http://*.b.example", "http://c.example:*"]);
    assert_eq!(local.unencrypted().count(), 0);
}

#[test]
fn an_origin_over_326_bytes_is_never_in_a_set() {
    let set = of(&["https://*.foo.com"]);
    assert!(!set.contains(&format!("https://{}foo.com", "a.".repeat(200))));
    assert!(!set.contains(&"a".repeat(1_000_000)));
}

#[test]
fn a_star_alone_has_its_own_reason() {
    let reason = |origin: &str| OriginSet::new([origin]).unwrap_err().issues()[0].reason().to_owned();
    assert_eq!(reason("*"), "a star is not an origin");
    for origin in ["https://a.*.example", "https://*", "*.example.com", "https://a*.example.com"] {
        assert_ne!(reason(origin), "a star is not an origin", "{origin}");
    }
}

#[test]
fn clones_share_one_set() {
    let set = of(&["https://a.example"]);
    assert!(Arc::ptr_eq(&set.0, &set.clone().0));
}

proptest! {
    #[test]
    fn an_accepted_origin_without_a_star_is_contained(text in "https?://[a-z0-9.:*/-]{1,14}") {
        if let Ok(set) = OriginSet::new([&text]) {
            prop_assert!(text.contains('*') || set.contains(&text));
        }
    }

    #[test]
    fn an_accepted_pattern_matches_with_its_stars_replaced(
        text in "https?://([*][.])?[a-z0-9.-]{1,9}(:[0-9*]{1,3}){0,2}",
    ) {
        if let Ok(set) = OriginSet::dangerously_with_public_suffixes([&text]) {
            let origin = text.replace("://*.", "://x.").replace(":*", ":8123");
            prop_assert!(set.contains(&origin), "{}", origin);
        }
    }

    #[test]
    fn a_subdomain_ends_with_a_dot_and_the_domain(host in "[a-c.]{1,12}", parent in "[a-c]{1,2}\\.[a-c]{1,2}") {
        let set = OriginSet::dangerously_with_public_suffixes([format!("https://*.{parent}")]).unwrap();
        let origin = format!("https://{host}");
        let is_below = host.ends_with(&format!(".{parent}")) && Origin::parse(&origin).is_ok();
        prop_assert_eq!(set.contains(&origin), is_below);
    }

    #[test]
    fn no_text_causes_a_panic(text in "\\PC{0,40}") {
        let _ = OriginSet::new([&text]).is_ok();
        prop_assert!(!of(&["https://*.foo.com", "http://localhost:*"]).contains(&text));
    }
}
