//! Errors of `build()`: all issues at once, each with its setting, its value and its remedy.

use portcullis::rate_limit::{Algorithm, Key, Limit, MemoryStore, OutagePolicy, RateLimitBuilder};
use portcullis::{ConfigError, IssueKind, Quota, RateLimit, Tier, Tiers};

use super::{per_seconds, seconds};

fn tier(name: &str) -> Tier {
    Tiers::ascending(["basic", "professional"]).unwrap().get(name).unwrap()
}

fn limit_by_tier(basic: Quota, professional: Quota) -> Limit {
    Limit::by_tier("a", [(tier("basic"), basic), (tier("professional"), professional)])
}

fn builder_with(limit: Limit) -> RateLimitBuilder {
    RateLimit::builder().limit(limit).key(Key::global())
}

fn valid_limit() -> Limit {
    Limit::new("a", per_seconds(5, 60))
}

/// Builds, expects an error, and checks that its text contains every issue.
fn build_error(builder: RateLimitBuilder) -> ConfigError {
    let error = builder.build().unwrap_err();
    let text = error.to_string();
    for issue in error.issues() {
        assert!(!issue.reason().is_empty() && !issue.remedy().is_empty(), "{issue}");
        assert!(text.contains(&issue.to_string()), "{text}");
    }
    error
}

/// Builds and expects one issue. Returns its setting, its limit or value, its kind and its text.
fn only_issue(builder: RateLimitBuilder) -> (&'static str, Option<String>, IssueKind, String) {
    let error = build_error(builder);
    let [issue] = error.issues() else { panic!("{error}") };
    (issue.setting(), issue.limit().or(issue.value()).map(str::to_owned), issue.kind(), issue.to_string())
}

#[test]
fn valid_settings_build() {
    let longest = seconds(366 * 86_400);
    for limit in [
        valid_limit(),
        valid_limit()
            .key(Key::user())
            .by_route()
            .on_routes(["/", "/{*rest}"])
            .only_failures()
            .on_outage(OutagePolicy::local(0.25)),
        valid_limit().cost(5),
        valid_limit().block_for(seconds(1)),
        valid_limit().block_for(seconds(1)).escalate_to(longest),
        valid_limit().block_for(longest).escalate_to(longest),
        limit_by_tier(per_seconds(5, 60), per_seconds(500, 60)),
        limit_by_tier(per_seconds(500, 60), per_seconds(5, 60)),
        Limit::new("a", per_seconds(128, 60).algorithm(Algorithm::SlidingLog)),
        Limit::new(" ~\"\\", per_seconds(1, 60)),
    ] {
        let name = format!("{limit:?}");
        assert!(builder_with(limit).build().is_ok(), "{name}");
    }
    let eight = (0..8).fold(RateLimit::builder().key(Key::global()), |builder, n| {
        builder.add_limit(Limit::new(format!("limit {n}"), per_seconds(1, 60)))
    });
    assert!(eight.build().is_ok());
}

#[test]
fn every_invalid_setting_is_reported_with_its_remedy() {
    let quota = per_seconds(5, 60);
    for (limit, setting, remedy) in [
        (valid_limit().cost(6), "cost", "lower the cost or raise the quota"),
        (limit_by_tier(per_seconds(5, 60), per_seconds(500, 60)).cost(6), "cost", "lower the cost or raise the quota"),
        (valid_limit().block_for(seconds(0)), "block_for", "more than zero"),
        (valid_limit().escalate_to(seconds(9)), "block_for", "more than zero"),
        (valid_limit().block_for(seconds(10)).escalate_to(seconds(9)), "escalate_to", "block_for or more"),
        (valid_limit().block_for(seconds(366 * 86_400 + 1)), "block_for", "a shorter one"),
        (valid_limit().block_for(seconds(1)).escalate_to(seconds(366 * 86_400 + 1)), "escalate_to", "a shorter one"),
        (
            Limit::new("a", per_seconds(129, 60).algorithm(Algorithm::SlidingLog)),
            "algorithm",
            "use rate_limit::Algorithm::SlidingWindow",
        ),
        (limit_by_tier(quota, per_seconds(5, 61)), "by_tier", "use one window for all tiers"),
        (limit_by_tier(quota, quota.algorithm(Algorithm::FixedWindow)), "by_tier", "by one algorithm"),
        (Limit::by_tier("a", [(tier("basic"), quota), (tier("basic"), quota)]), "by_tier", "one quota per tier"),
        (Limit::by_tier("a", []), "by_tier", "set a quota for at least one tier"),
        (valid_limit().on_routes(["reports"]), "on_routes", "as in the router"),
        (valid_limit().on_routes([""]), "on_routes", "as in the router"),
        (valid_limit().on_routes(["/reports/:id"]), "on_routes", "as in the router: /reports/{id}"),
        (valid_limit().on_routes(["/files/*rest"]), "on_routes", "as in the router"),
        (valid_limit().on_routes(["get /reports"]), "on_routes", "one method in upper case"),
        (valid_limit().on_routes([""; 0]), "on_routes", "name at least one route"),
        (valid_limit().on_outage(OutagePolicy::local(0.0)), "on_outage", "at most 1, for example 0.25"),
        (valid_limit().on_outage(OutagePolicy::local(1.01)), "on_outage", "at most 1, for example 0.25"),
        (valid_limit().on_outage(OutagePolicy::local(f64::NAN)), "on_outage", "at most 1, for example 0.25"),
        (valid_limit().key(Key::ip().ipv6_prefix(0)), "ipv6_prefix", "from 1 to 128"),
        (valid_limit().key(Key::user().or(Key::ip().ipv6_prefix(129))), "ipv6_prefix", "from 1 to 128"),
        (valid_limit().key(Key::global().or(Key::user())), "key", "put it last"),
        (valid_limit().key(Key::ip().or(Key::user())), "key", "put it last"),
    ] {
        let (reported, value, kind, text) = only_issue(builder_with(limit));
        assert_eq!((reported, value.as_deref(), kind), (setting, Some("a"), IssueKind::Invalid), "{text}");
        assert!(text.contains(remedy), "{text}");
    }
}

#[test]
fn a_limit_name_must_be_printable_ascii_and_not_empty() {
    for name in ["", "a\n", "a\tb", "\u{7f}", "gr\u{fc}n"] {
        let (setting, value, kind, text) = only_issue(builder_with(Limit::new(name, per_seconds(1, 60))));
        assert_eq!((setting, value.as_deref(), kind), ("Limit::new", Some(name), IssueKind::Invalid), "{text}");
    }
}

#[test]
fn one_limit_is_required_and_eight_are_allowed() {
    let (setting, value, kind, text) = only_issue(RateLimit::builder().key(Key::global()));
    assert_eq!((setting, value, kind), ("limit", None, IssueKind::Missing));
    assert!(text.contains(".quota(Quota::per_minute(60)?)"), "{text}");
    let nine = (0..9).fold(RateLimit::builder().key(Key::global()), |builder, n| {
        builder.add_limit(Limit::new(format!("limit {n}"), per_seconds(1, 60)))
    });
    let (setting, _, kind, text) = only_issue(nine);
    assert_eq!((setting, kind), ("add_limit", IssueKind::Invalid));
    assert!(text.contains("more than eight") && text.contains("a second RateLimit"), "{text}");
}

#[test]
fn a_key_is_required_for_each_limit_if_the_layer_has_none() {
    let limit_with_key = || Limit::new("keyed", per_seconds(1, 60)).key(Key::global());
    let (setting, value, kind, text) =
        only_issue(RateLimit::builder().limit(valid_limit()).add_limit(limit_with_key()));
    assert_eq!((setting, value.as_deref(), kind), ("key", Some("a"), IssueKind::Missing));
    assert!(text.contains("Key::user()"), "{text}");
    assert!(RateLimit::builder().limit(limit_with_key()).build().is_ok());
}

#[test]
fn a_duplicate_limit_name_is_reported() {
    let (setting, value, kind, _) =
        only_issue(builder_with(valid_limit()).add_limit(Limit::new("a", per_seconds(9, 3600))));
    assert_eq!((setting, value.as_deref(), kind), ("add_limit", Some("a"), IssueKind::Duplicate));
}

#[test]
fn an_exempt_route_must_begin_with_a_slash() {
    for route in ["health", "", "*", " /health"] {
        let (setting, value, kind, _) = only_issue(builder_with(valid_limit()).exempt([route]));
        assert_eq!((setting, value.as_deref(), kind), ("exempt", Some(route), IssueKind::Invalid));
    }
}

#[test]
fn all_issues_are_reported_at_once() {
    let builder = RateLimit::builder()
        .limit(Limit::new("", per_seconds(129, 60).algorithm(Algorithm::SlidingLog)).cost(500).on_routes(["a", "b"]))
        .add_limit(Limit::new("", per_seconds(1, 60)).block_for(seconds(9)).escalate_to(seconds(1)))
        .exempt(["health"]);
    let error = build_error(builder);
    let mut settings: Vec<_> = error.issues().iter().map(portcullis::ConfigIssue::setting).collect();
    settings.sort_unstable();
    let expected = [
        "Limit::new",
        "Limit::new",
        "add_limit",
        "algorithm",
        "cost",
        "escalate_to",
        "exempt",
        "key",
        "key",
        "on_routes",
        "on_routes",
    ];
    assert_eq!(settings, expected, "{error}");
}

#[test]
fn an_empty_builder_reports_the_limit_and_the_key() {
    let settings = |builder| {
        let error = build_error(builder);
        error.issues().iter().map(|issue| (issue.setting(), issue.kind())).collect::<Vec<_>>()
    };
    assert_eq!(settings(RateLimit::builder()), [("limit", IssueKind::Missing), ("key", IssueKind::Missing)]);
    let unreachable = RateLimit::builder().key(Key::global().or(Key::user()).ipv6_prefix(0)).exempt(["health"]);
    let expected = [
        ("limit", IssueKind::Missing),
        ("key", IssueKind::Invalid),
        ("ipv6_prefix", IssueKind::Invalid),
        ("exempt", IssueKind::Invalid),
    ];
    assert_eq!(settings(unreachable), expected);
}

#[test]
fn a_shadow_limit_cannot_block() {
    for limit in [valid_limit().shadow().block_for(seconds(60)), valid_limit().block_for(seconds(60)).shadow()] {
        let (setting, value, kind, text) = only_issue(builder_with(limit));
        assert_eq!((setting, value.as_deref(), kind), ("block_for", Some("a"), IssueKind::Invalid), "{text}");
    }
}

#[test]
fn a_route_that_axum_does_not_accept_is_reported() {
    for route in ["/:id", "/*path", "/{id", "/{}", "/{id}s", "/{*path}/list"] {
        assert_eq!(only_issue(builder_with(valid_limit()).exempt([route])).0, "exempt", "{route}");
        assert_eq!(only_issue(builder_with(valid_limit().on_routes([route]))).0, "on_routes", "{route}");
    }
}

#[test]
fn a_memory_store_of_an_absurd_size_is_reported() {
    for max_bytes in [0, 1_000, usize::MAX] {
        let builder = builder_with(valid_limit()).store(MemoryStore::with_max_bytes(max_bytes));
        let issue = only_issue(builder);
        assert_eq!((issue.0, issue.2), ("MemoryStore::with_max_bytes", IssueKind::Invalid), "{max_bytes}");
    }
}

#[test]
fn another_quota_under_a_name_of_the_store_is_reported() {
    let store = MemoryStore::new();
    let build = |limit: Limit| builder_with(limit).store(store.clone()).build();
    let layers = [Limit::new("a", per_seconds(5, 60)), limit_by_tier(per_seconds(5, 60), per_seconds(9, 60))];
    let tiers = Tiers::ascending(["basic", "gold", "professional"]).unwrap();
    let with_tiers = |quotas: &[(&str, u32)]| {
        Limit::by_tier("a", quotas.iter().map(|(name, units)| (tiers.get(name).unwrap(), per_seconds(*units, 60))))
    };
    let [single, by_tier] = layers.map(|limit| (limit.clone(), limit));
    for (stored, equal, others) in [
        (
            single.0,
            [single.1, Limit::new("a", per_seconds(5, 60).algorithm(Algorithm::SlidingLog)).cost(2).by_route()],
            vec![
                (Limit::new("a", per_seconds(6, 60)), "5/min sliding_log"),
                (Limit::new("a", per_seconds(5, 61)), "5/min sliding_log"),
                (Limit::new("a", per_seconds(5, 60).algorithm(Algorithm::FixedWindow)), "5/min sliding_log"),
                (with_tiers(&[("basic", 5)]), "5/min sliding_log"),
            ],
        ),
        (
            by_tier.0,
            // In another list of tiers, and in another order.
            [by_tier.1, with_tiers(&[("professional", 9), ("basic", 5)])],
            vec![
                (with_tiers(&[("basic", 5)]), "basic 5/min sliding_window, professional 9/min sliding_window"),
                (with_tiers(&[("basic", 5), ("professional", 8)]), "professional 9/min"),
                (with_tiers(&[("basic", 5), ("gold", 9)]), "professional 9/min"),
                (with_tiers(&[("basic", 5), ("gold", 9), ("professional", 9)]), "professional 9/min"),
            ],
        ),
    ] {
        let layer = build(stored).unwrap();
        for equal in equal {
            assert!(build(equal.clone()).is_ok(), "{equal:?}");
            // In another store, a limit may have any quota.
            assert!(builder_with(equal).store(MemoryStore::new()).build().is_ok());
        }
        for (other, text) in others {
            let issue = only_issue(builder_with(other.clone()).store(store.clone()));
            assert_eq!((issue.0, issue.1.as_deref(), issue.2), ("store", Some("a"), IssueKind::Duplicate), "{other:?}");
            assert!(issue.3.contains(text) && issue.3.contains("another name or store"), "{}", issue.3);
            assert!(builder_with(other).store(MemoryStore::new()).build().is_ok());
        }
        drop(layer);
        assert!(build(Limit::new("a", per_seconds(7, 60))).is_ok(), "a dropped limit frees its name");
    }
}

#[test]
fn other_blocks_under_a_name_of_the_store_are_reported() {
    let store = MemoryStore::new();
    let blocking = |length| valid_limit().block_for(seconds(length));
    let layer = builder_with(blocking(60)).store(store.clone()).build().unwrap();
    for other in [valid_limit(), blocking(61), blocking(60).escalate_to(seconds(120))] {
        let issue = only_issue(builder_with(other.clone()).store(store.clone()));
        assert_eq!((issue.0, issue.1.as_deref(), issue.2), ("store", Some("a"), IssueKind::Duplicate), "{other:?}");
        assert!(issue.3.contains("other blocks"), "{}", issue.3);
    }
    assert!(builder_with(blocking(60).escalate_to(seconds(60))).store(store).build().is_ok());
    drop(layer);
}

#[test]
fn a_limit_of_the_store_is_reported_together_with_all_other_issues() {
    let store = MemoryStore::new();
    let layer = builder_with(valid_limit()).store(store.clone()).build().unwrap();
    let builder = RateLimit::builder().limit(Limit::new("a", per_seconds(6, 60)).cost(7)).exempt(["health"]);
    let error = build_error(builder.store(store));
    let settings: Vec<_> = error.issues().iter().map(|issue| issue.setting()).collect();
    assert_eq!(settings, ["key", "cost", "store", "exempt"]);
    drop(layer);
}
