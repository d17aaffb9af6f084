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
fn a_star_inside_the_first_label_matches_letters_digits_and_hyphens() {
    let set = of(&["https://myapp-*-team.example.app", "https://pr*.b.example.app:8443", "http://*-dev.c.example:*"]);
    for origin in [
        "https://myapp-1-team.example.app",
        "https://myapp-git-main-team.example.app",
        "https://myapp---team.example.app",
        "https://pr7.b.example.app:8443",
        "http://x-dev.c.example",
        "http://x-dev.c.example:9",
    ] {
        assert!(set.contains(origin), "{origin}");
    }
    for origin in [
        "https://myapp--team.example.app",
        "https://myapp-team.example.app",
        "https://myapp-a.b-team.example.app",
        "https://myapp-a_b-team.example.app",
        "https://myapp-A-team.example.app",
        "https://myapp-*-team.example.app",
        "https://evil.myapp-1-team.example.app",
        "https://myapp-1-team.example.app:8443",
        "https://myapp-1-team.example.app.evil.example",
        "https://myapp-1-team.evil.example?-team.example.app",
        "https://myapp-1-team.b.example.app",
        "https://xmyapp-1-team.example.app",
        "https://myapp-1-teamx.example.app",
        "http://myapp-1-team.example.app",
        "https://pr.b.example.app:8443",
        "https://pr7.b.example.app",
        "https://example.app",
    ] {
        assert!(!set.contains(origin), "{origin}");
    }
}

#[test]
fn a_star_elsewhere_in_a_host_is_rejected() {
    for origin in [
        "https://a.b*.example",
        "https://a*b*.example.com",
        "https://*.a*.example.com",
        "https://a*",
        "https://a*:8443",
        "https://*",
        "https://**.example.com",
        "https://a.example/*",
        "https://a@*.example.com",
        "http*://a.example.com",
        "https://1*.0.0.1",
        "https://[*::1]",
        "https://a.example:8*",
        "https://App-*.example.com",
        "https://app-*.example.com/",
        "https://app-*.example.com:443",
    ] {
        rejects(origin, IssueKind::Invalid);
    }
}

#[test]
fn a_pattern_for_one_label_below_a_public_suffix_is_rejected_unless_dangerously_allowed() {
    for pattern in [
        "https://myapp-*-team.vercel.app",
        "https://myapp-*.netlify.app",
        "https://*-me.github.io",
        "https://shop-*.com",
        "https://shop-*.co.uk",
        "https://shop-*.kawasaki.jp",
    ] {
        rejects(pattern, IssueKind::Prohibited);
        assert!(OriginSet::dangerously_with_public_suffixes([pattern]).is_ok(), "{pattern}");
    }
    for pattern in ["https://pr-*.myapp.vercel.app", "http://pr-*.localhost", "http://pr-*.localhost:*"] {
        assert!(OriginSet::new([pattern]).is_ok(), "{pattern}");
    }
}

#[test]
fn origins_of_apps_and_extensions_match_exactly() {
    let members = ["tauri://localhost", "app://obsidian.md", "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb"];
    let set = of(&members);
    assert!(members.iter().all(|origin| set.contains(origin)));
    for origin in [
        "tauri://localhost:1",
        "tauri://localhost/",
        "TAURI://localhost",
        "https://localhost",
        "http://tauri.localhost",
        "app://a.obsidian.md",
        "chrome-extension://bapbdbdomjkkjkaonfhkkikfgjllcleb",
        "null",
    ] {
        assert!(!set.contains(origin), "{origin}");
    }
    assert_eq!(set.unencrypted().count(), 0);
}

#[test]
fn stars_and_pages_without_an_origin_are_rejected_with_a_remedy() {
    let remedy = |origin: &str| OriginSet::new([origin]).unwrap_err().issues()[0].remedy().to_owned();
    for origin in ["chrome-extension://*", "tauri://*.localhost", "tauri://localhost:*", "app://a-*"] {
        rejects(origin, IssueKind::Invalid);
        assert_eq!(remedy(origin), "list each origin, such as chrome-extension://<id>", "{origin}");
    }
    for origin in ["file://", "data:text/html,a", "blob:https://a.example", "about:blank"] {
        rejects(origin, IssueKind::Invalid);
        assert!(remedy(origin).starts_with("serve the page over https"), "{origin}");
    }
    assert_eq!(remedy("null"), "name the origin of the page");
    for origin in ["app://a,b", "tauri://", "app://a%2e"] {
        assert!(remedy(origin).starts_with("write it as the web view sends it"), "{origin}");
    }
}

#[test]
fn unencrypted_members_are_listed_except_loopback_hosts() {
    let unencrypted = ["http://a.example", "http://*.b.example", "http://b-*.b.example", "http://c.example:*"];
    let set = of(&[&unencrypted[..], &["https://a.example", "https://b-*.b.example", "http://[::1]"]].concat());
    let local = of(&["http://localhost:1", "http://127.0.0.1:*", "http://*.localhost", "http://a-*.localhost"]);
    assert_eq!(set.unencrypted().collect::<Vec<_>>(), unencrypted);
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
    for origin in ["https://a.*.example", "https://*", "*.example.com", "https://a*b*.example.com"] {
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

    /// Compares with the definition: the pattern's text around the star, and something without a dot in its place.
    #[test]
    fn a_star_inside_a_label_stands_for_a_part_of_it(
        prefix in "[ab-]{0,2}", suffix in "[ab-]{0,2}", label in "[ab.-]{1,7}", parent in "[ab]\\.[ab]",
    ) {
        let is_one_label = !(prefix.is_empty() && suffix.is_empty());
        let pattern = format!("https://{prefix}*{suffix}.a.b");
        let set = OriginSet::dangerously_with_public_suffixes([pattern]).unwrap();
        let origin = format!("https://{label}.{parent}");
        let middle = label.strip_prefix(&*prefix).and_then(|rest| rest.strip_suffix(&*suffix));
        let is_label = middle.is_some_and(|middle| !middle.is_empty() && !middle.contains('.'));
        let is_below = Origin::parse(&origin).is_ok() && parent == "a.b";
        if is_one_label && (is_below || parent != "a.b") {
            prop_assert_eq!(set.contains(&origin), is_below && is_label, "{}", origin);
        }
    }

    #[test]
    fn an_accepted_origin_of_an_app_is_contained_as_it_is(text in "[a-z+.-]{1,6}://[a-zA-Z0-9._:*/-]{0,9}", other in "[a-z]{1,6}://[a-z.]{0,9}") {
        if !text.starts_with("http") && let Ok(set) = OriginSet::new([&text]) {
            prop_assert!(set.contains(&text) && !text.contains('*'));
            prop_assert_eq!(set.contains(&other), other == text);
        }
    }

    #[test]
    fn no_text_causes_a_panic(text in "\\PC{0,40}") {
        let _ = OriginSet::new([&text]).is_ok();
        prop_assert!(!of(&["https://*.foo.com", "http://localhost:*"]).contains(&text));
    }
}
