//! What `build()` refuses: all problems at once, each with its setting, its value and its remedy.

use portcullis::rate_limit::{Algorithm, Key, Limit, MemoryStore, OutagePolicy, RateLimitBuilder};
use portcullis::{ConfigError, IssueKind, Quota, RateLimit, Tier, Tiers, TrustedProxies};

use super::{per, seconds};

fn tier(name: &str) -> Tier {
    Tiers::ascending(["basic", "professional"]).unwrap().get(name).unwrap()
}

fn tiers(basic: Quota, professional: Quota) -> Limit {
    Limit::by_tier("a", [(tier("basic"), basic), (tier("professional"), professional)])
}

fn of(limit: Limit) -> RateLimitBuilder {
    RateLimit::builder().limit(limit).key(Key::global())
}

fn plain() -> Limit {
    Limit::new("a", per(5, 60))
}

fn refused(builder: RateLimitBuilder) -> ConfigError {
    let error = builder.build().unwrap_err();
    let text = error.to_string();
    for problem in error.issues() {
        assert!(!problem.reason().is_empty() && !problem.remedy().is_empty(), "{problem}");
        assert!(text.contains(&problem.to_string()), "{text}");
    }
    error
}

/// The one problem: its setting, its value, its fault and all that it says.
fn only(builder: RateLimitBuilder) -> (&'static str, Option<String>, IssueKind, String) {
    let error = refused(builder);
    let [problem] = error.issues() else { panic!("{error}") };
    (problem.setting(), problem.limit().or(problem.value()).map(str::to_owned), problem.kind(), problem.to_string())
}

#[test]
fn what_is_good_is_built() {
    let longest = seconds(366 * 86_400);
    for limit in [
        plain(),
        plain()
            .key(Key::user())
            .by_route()
            .on_routes(["/", "/{*rest}"])
            .only_failures()
            .on_outage(OutagePolicy::Local(0.25)),
        plain().cost(5),
        plain().block_for(seconds(1)),
        plain().block_for(seconds(1)).escalate_to(longest),
        plain().block_for(longest).escalate_to(longest),
        tiers(per(5, 60), per(500, 60)),
        tiers(per(500, 60), per(5, 60)),
        Limit::new("a", per(128, 60).algorithm(Algorithm::SlidingLog)),
        Limit::new(" ~\"\\", per(1, 60)),
    ] {
        let name = format!("{limit:?}");
        assert!(of(limit).build().is_ok(), "{name}");
    }
    let eight = (0..8).fold(RateLimit::builder().key(Key::global()), |builder, n| {
        builder.add_limit(Limit::new(format!("limit {n}"), per(1, 60)))
    });
    assert!(eight.build().is_ok());
}

#[test]
fn every_setting_that_cannot_be_meant_is_named_with_its_remedy() {
    let quota = per(5, 60);
    for (limit, setting, remedy) in [
        (plain().cost(6), "cost", "lower the cost or raise the quota"),
        (tiers(per(5, 60), per(500, 60)).cost(6), "cost", "lower the cost or raise the quota"),
        (plain().block_for(seconds(0)), "block_for", "more than zero"),
        (plain().escalate_to(seconds(9)), "block_for", "more than zero"),
        (plain().block_for(seconds(10)).escalate_to(seconds(9)), "escalate_to", "block_for or more"),
        (plain().block_for(seconds(366 * 86_400 + 1)), "block_for", "a shorter one"),
        (plain().block_for(seconds(1)).escalate_to(seconds(366 * 86_400 + 1)), "block_for", "a shorter one"),
        (
            Limit::new("a", per(129, 60).algorithm(Algorithm::SlidingLog)),
            "algorithm",
            "use rate_limit::Algorithm::SlidingWindow",
        ),
        (tiers(quota, per(5, 61)), "by_tier", "one window for all tiers"),
        (tiers(quota, quota.algorithm(Algorithm::FixedWindow)), "by_tier", "by one algorithm"),
        (Limit::by_tier("a", [(tier("basic"), quota), (tier("basic"), quota)]), "by_tier", "one quota a tier"),
        (Limit::by_tier("a", []), "by_tier", "for one tier at least"),
        (plain().on_routes(["reports"]), "on_routes", "as the router has it"),
        (plain().on_routes([""]), "on_routes", "as the router has it"),
        (plain().on_routes(["/reports/:id"]), "on_routes", "as /reports/{id}"),
        (plain().on_routes(["/files/*rest"]), "on_routes", "as the router has it"),
        (plain().on_routes([""; 0]), "on_routes", "name one at least"),
        (plain().on_outage(OutagePolicy::Local(0.0)), "on_outage", "up to 1, as 0.25"),
        (plain().on_outage(OutagePolicy::Local(1.01)), "on_outage", "up to 1, as 0.25"),
        (plain().on_outage(OutagePolicy::Local(f64::NAN)), "on_outage", "up to 1, as 0.25"),
        (plain().key(Key::ip(TrustedProxies::none()).ipv6_prefix(0)), "ipv6_prefix", "from 1 to 128"),
        (plain().key(Key::user().or(Key::ip(TrustedProxies::none()).ipv6_prefix(129))), "ipv6_prefix", "from 1 to 128"),
        (plain().key(Key::global().or(Key::user())), "key", "put it last"),
        (plain().key(Key::ip(TrustedProxies::none()).or(Key::user())), "key", "put it last"),
    ] {
        let (named, value, fault, text) = only(of(limit));
        assert_eq!((named, value.as_deref(), fault), (setting, Some("a"), IssueKind::Invalid), "{text}");
        assert!(text.contains(remedy), "{text}");
    }
}

#[test]
fn a_name_is_printable_ascii_and_not_empty() {
    for name in ["", "a\n", "a\tb", "\u{7f}", "gr\u{fc}n"] {
        let (setting, value, fault, text) = only(of(Limit::new(name, per(1, 60))));
        assert_eq!((setting, value.as_deref(), fault), ("limit", Some(name), IssueKind::Invalid), "{text}");
    }
}

#[test]
fn a_limit_is_required_and_eight_are_the_most() {
    let (setting, value, fault, text) = only(RateLimit::builder().key(Key::global()));
    assert_eq!((setting, value, fault), ("limit", None, IssueKind::Missing));
    assert!(text.contains(".quota(Quota::per_minute(60)?)"), "{text}");
    let nine = (0..9).fold(RateLimit::builder().key(Key::global()), |builder, n| {
        builder.add_limit(Limit::new(format!("limit {n}"), per(1, 60)))
    });
    let (setting, _, fault, text) = only(nine);
    assert_eq!((setting, fault), ("limit", IssueKind::Invalid));
    assert!(text.contains("more than eight") && text.contains("a second RateLimit"), "{text}");
}

#[test]
fn a_key_is_required_for_each_limit_that_has_none_of_its_own() {
    let own = || Limit::new("own", per(1, 60)).key(Key::global());
    let (setting, value, fault, text) = only(RateLimit::builder().limit(plain()).add_limit(own()));
    assert_eq!((setting, value.as_deref(), fault), ("key", Some("a"), IssueKind::Missing));
    assert!(text.contains("Key::user()"), "{text}");
    assert!(RateLimit::builder().limit(own()).build().is_ok());
}

#[test]
fn a_name_that_stands_twice_is_named() {
    let (setting, value, fault, _) = only(of(plain()).add_limit(Limit::new("a", per(9, 3600))));
    assert_eq!((setting, value.as_deref(), fault), ("limit", Some("a"), IssueKind::Duplicate));
}

#[test]
fn an_exempt_route_begins_with_a_slash() {
    for route in ["health", "", "*", " /health"] {
        let (setting, value, fault, _) = only(of(plain()).exempt([route]));
        assert_eq!((setting, value.as_deref(), fault), ("exempt", Some(route), IssueKind::Invalid));
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let builder = RateLimit::builder()
        .limit(Limit::new("", per(129, 60).algorithm(Algorithm::SlidingLog)).cost(500).on_routes(["a", "b"]))
        .add_limit(Limit::new("", per(1, 60)).block_for(seconds(9)).escalate_to(seconds(1)))
        .exempt(["health"]);
    let error = refused(builder);
    let mut settings: Vec<_> = error.issues().iter().map(portcullis::ConfigIssue::setting).collect();
    settings.sort_unstable();
    let expected = [
        "cost",
        "algorithm",
        "escalate_to",
        "exempt",
        "key",
        "key",
        "limit",
        "limit",
        "limit",
        "on_routes",
        "on_routes",
    ];
    assert_eq!(settings, expected, "{error}");
}

#[test]
fn a_store_without_places_or_with_more_than_there_can_be_is_named() {
    for subjects in [0, usize::MAX / 1_000] {
        let builder = of(plain()).store(MemoryStore::with_subjects(subjects));
        assert_eq!(only(builder).0, "subjects", "{subjects}");
    }
}
