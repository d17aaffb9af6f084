//! Encoded requests and decoded responses.

use proptest::prelude::*;

use super::*;

fn read(bytes: &[u8]) -> Vec<f64> {
    bytes.chunks(8).map(|bytes| f64::from_le_bytes(bytes.try_into().expect("whole numbers"))).collect()
}

fn written(numbers: &[f64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn rule(name: &str, limit: u32) -> RuleParams<'_> {
    RuleParams {
        name,
        algorithm: Algorithm::SlidingWindow,
        limit,
        window: 60_000_000,
        step: 5_000_000,
        first_block: 128,
        longest_block: 256,
        readmits: true,
        is_shadow: false,
        reports_more: false,
    }
}

fn job(operation: Operation, rules: &[&Arc<[u8]>]) -> Job {
    let charge = |(index, rule): (usize, &&Arc<[u8]>)| JobCharge {
        digest: index as u128,
        prefix: "app".into(),
        rule: Arc::clone(rule),
        cost: index as u32 + 1,
        charged_at: 1_700_000_000_000_000 + index as u64,
    };
    Job { operation, charges: rules.iter().enumerate().map(charge).collect() }
}

#[test]
fn a_rule_has_two_tags_its_algorithm_and_eight_numbers() {
    for (algorithm, number, tags) in [
        (Algorithm::SlidingLog, 1.0, [159854238352161.0, 187577758788939.0]),
        (Algorithm::SlidingWindow, 2.0, [32747523454404.0, 163737387592070.0]),
        (Algorithm::TokenBucket, 3.0, [11977500638042.0, 272478224188026.0]),
        (Algorithm::FixedWindow, 4.0, [235458944390383.0, 132593438970886.0]),
    ] {
        for (is_shadow, shadow) in [(false, 0.0), (true, 1.0)] {
            let rule = RuleParams { algorithm, is_shadow, reports_more: !is_shadow, ..rule("login", 127) };
            let numbers = [&tags[..], &[number, 127.0, 60e6, 5e6, 128.0, 256.0, 1.0, shadow, 1.0 - shadow]].concat();
            assert_eq!(read(&rule.encode()), numbers);
        }
    }
}

#[test]
fn tags_depend_on_name_and_window_but_not_on_the_limit() {
    let tags = |rule: RuleParams<'_>| read(&rule.encode())[..2].to_vec();
    let first = tags(rule("a", 5));
    assert_eq!(first, tags(rule("a", 6)));
    for other in [rule("b", 5), RuleParams { window: 1, ..rule("a", 5) }] {
        let other = tags(other);
        assert!(first.iter().all(|tag| !other.contains(tag)), "{first:?} {other:?}");
    }
}

#[test]
fn a_call_contains_each_rule_and_key_once() {
    let (a, b) = (rule("a", 5).encode(), rule("b", 6).encode());
    let jobs = [job(Operation::Decide, &[&a, &b]), job(Operation::Unblock, &[&b]), job(Operation::Reset, &[])];
    let (keys, request) = encode(jobs.iter());
    assert_eq!(keys, [key("app", 0), key("app", 1)]);
    let then = 1.7e15;
    let jobs = [
        &[0.0, 2.0, 1.0, 2.0, 1.0, then, 2.0, 13.0, 2.0, then + 1.0][..],
        &[5.0, 1.0, 1.0, 13.0, 1.0, then],
        &[4.0, 0.0],
    ];
    assert_eq!(read(&request), [&[24.0], &read(&a)[..], &read(&b), &jobs.concat()].concat());
}

#[test]
fn another_prefix_makes_another_key() {
    let rule = rule("a", 5).encode();
    let (mut one, other) = (job(Operation::Decide, &[&rule]), job(Operation::Decide, &[&rule]));
    one.charges[0].prefix = "other".into();
    let (keys, request) = encode([&one, &other, &one].into_iter());
    assert_eq!(keys, [key("other", 0), key("app", 0)]);
    let positions: Vec<f64> = read(&request)[12..].chunks(6).map(|job| job[2]).collect();
    assert_eq!(positions, [1.0, 2.0, 1.0]);
}

#[test]
fn operations_have_fixed_numbers() {
    use Operation::{Decide, Peek, Refund, RefundLast, Reset, Unblock};
    assert_eq!(
        [Decide, Refund, RefundLast, Peek, Reset, Unblock].map(|operation| operation as u64),
        [0, 1, 2, 3, 4, 5]
    );
}

#[test]
fn a_response_is_decoded() {
    let rule = rule("a", 5).encode();
    let jobs =
        [job(Operation::Decide, &[&rule, &rule]), job(Operation::Peek, &[&rule]), job(Operation::Decide, &[&rule])];
    let numbers = [9., 4., 3., 5., 7., 6., 8., 1., 2., 30., 6., 10., 11., 2., 12., 0., 0., -1., 13., 14., 1., 15., -1.];
    let responses = decode(&written(&numbers), jobs.iter()).unwrap();
    let usage = |used, more, reset, blocked| (Usage { used, more, reset }, blocked);
    assert_eq!(responses[0].usages, [usage(4, 3, 5, 6), usage(7, 6, 8, 10)]);
    assert_eq!(responses[1].usages, [usage(11, 2, 12, 13)]);
    assert_eq!(responses[2].usages, [usage(14, 1, 15, 0)]);
    assert_eq!(responses.iter().map(|response| response.now).collect::<Vec<_>>(), [9, 9, 9]);
    assert_eq!(responses.iter().map(|response| response.wait).collect::<Vec<_>>(), [Some(30), None, None]);
    assert_eq!(responses.iter().map(JobResponse::is_rejected).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!([0, 1, 2, 63, 64].map(|index| responses[0].has_exceeded(index)), [false, true, false, false, false]);
    assert!(!responses[2].has_exceeded(0));
}

#[test]
fn a_malformed_response_is_rejected() {
    let rule = rule("a", 5).encode();
    let jobs = [job(Operation::Decide, &[&rule])];
    for good in [&[9.0, 4.0, 3.0, 5.0, 1.0, 2.0, 3.0, 6.0][..], &[9.0, 4.0, 3.0, 5.0, -1.0]] {
        assert!(decode(&written(good), jobs.iter()).is_some());
        for len in 0..good.len() * 8 {
            assert_eq!(decode(&written(good)[..len], jobs.iter()), None, "{len} bytes");
        }
        assert_eq!(decode(&written(&[good, &[7.0]].concat()), jobs.iter()), None);
    }
    // Only the wait may be negative, and no value may be NaN.
    for (position, bad) in
        [0, 1, 2, 3, 4, 5, 7].map(|position| [(position, -2.0), (position, f64::NAN)]).into_iter().flatten()
    {
        let mut numbers = [9.0, 4.0, 3.0, 5.0, 1.0, 2.0, 3.0, 6.0];
        numbers[position] = bad;
        assert_eq!(decode(&written(&numbers), jobs.iter()), None, "{bad} at {position}");
    }
    let responses = decode(&written(&[9.0, 2f64.powi(32), 3.0, 5.0, -1.0]), jobs.iter()).unwrap();
    assert_eq!(responses[0].usages[0].0.used, u32::MAX);
}

/// Returns the decision about three charges after a response about the last and the first of them.
fn decision(rejected: u32, exceeded: u32, wait: i32, is_shadow: bool) -> Decision {
    decision_with_blocks(rejected, exceeded, wait, is_shadow, [50.0, 70.0])
}

fn decision_with_blocks(rejected: u32, exceeded: u32, wait: i32, is_shadow: bool, [last, first]: [f64; 2]) -> Decision {
    let rule = rule("a", 5).encode();
    let jobs = [job(Operation::Decide, &[&rule, &rule])];
    let numbers = [9.0, 3.0, 20.0, 40.0, 4.0, 30.0, 60.0, rejected.into(), exceeded.into(), wait.into(), last, first];
    let responses = decode(&written(&numbers), jobs.iter()).unwrap();
    let charge = Charge { is_shadow, limit: 5, cost: 1, ..Charge::default() };
    let mut decision = Decision::admit(3);
    responses[0].add_to(&mut decision, &[charge; 3], &[2, 0]);
    decision
}

#[test]
fn a_response_is_added_at_the_positions_of_its_charges() {
    let admitted = decision(0, 0, 0, false);
    assert!(!admitted.is_rejected);
    let usage = |used, more, reset| Usage { used, more, reset };
    assert_eq!([0, 1, 2].map(|index| admitted.usage(index)), [Some(usage(4, 30, 60)), None, Some(usage(3, 20, 40))]);
    let rejected = decision_with_blocks(1, 0b10, 33, false, [0.0, 0.0]);
    assert!(rejected.is_rejected && !rejected.is_blocked && rejected.has_exceeded(0) && !rejected.has_exceeded(2));
    assert_eq!((rejected.wait(), rejected.usage(0)), (Some(33), Some(usage(4, 30, 60))));
    assert_eq!(decision(1, 0b01, -1, false).wait(), None);
    let shadow = decision(0, 0b11, 33, true);
    assert!(!shadow.is_rejected && shadow.has_exceeded(0) && shadow.has_exceeded(2));
}

#[test]
fn a_block_is_reported_with_its_length() {
    let blocked = decision(2, 0b01, 50, false);
    assert!(blocked.is_rejected && blocked.is_blocked && blocked.has_exceeded(2) && !blocked.has_exceeded(0));
    assert_eq!(blocked.wait(), Some(50));
    assert_eq!(blocked.usage(2), Some(Usage { used: u32::MAX, more: 50, reset: 50 }));
}

#[test]
fn a_rejection_that_starts_a_block_is_reported_as_one() {
    let blocked = decision(1, 0b10, 70, false);
    assert!(blocked.is_blocked && blocked.starts_block(0) && !blocked.starts_block(2));
    assert_eq!((blocked.wait(), blocked.usage(0)), (Some(70), Some(Usage { used: u32::MAX, more: 70, reset: 70 })));
}

#[test]
fn a_limit_exceeded_during_another_limits_block_is_not_blocked() {
    let decision = decision_with_blocks(2, 0b11, 50, false, [50.0, 0.0]);
    assert!(decision.is_blocked && decision.has_exceeded(0));
    assert_eq!(decision.usage(0), Some(Usage { used: 4, more: 30, reset: 60 }));
}

#[test]
fn a_key_is_a_prefix_and_the_digest_as_the_hash_tag() {
    assert_eq!(key("app", 0x2a), "app:{0000000000000000000000000000002a}");
    assert_eq!(key("", u128::MAX), ":{ffffffffffffffffffffffffffffffff}");
}

proptest! {
    #[test]
    fn hash_tags_have_32_hexadecimal_digits(digest: u128) {
        prop_assert_eq!(hash_tag(digest), format!("{digest:032x}"));
    }

    #[test]
    fn encoded_calls_can_be_read_back(
        rules in prop::collection::vec(("[ -~]{1,20}", any::<u32>(), 1..1_u64 << 53, any::<bool>()), 1..5),
        jobs in prop::collection::vec(
            prop::collection::vec((any::<prop::sample::Index>(), 0..4_u128, any::<u32>(), 0..1_u64 << 53), 0..5),
            0..5,
        ),
    ) {
        let rules: Vec<_> = rules.iter().map(|(name, limit, window, is_shadow)| {
            RuleParams { window: *window, is_shadow: *is_shadow, ..rule(name, *limit) }.encode()
        }).collect();
        let charge = |(rule, digest, cost, charged_at): &(prop::sample::Index, u128, u32, u64)| {
            let rule = Arc::clone(rule.get(&rules));
            JobCharge { prefix: "k".into(), digest: *digest, rule, cost: *cost, charged_at: *charged_at }
        };
        let jobs: Vec<_> = jobs.iter()
            .map(|charges| Job { operation: Operation::Refund, charges: charges.iter().map(charge).collect() })
            .collect();
        let (keys, request) = encode(jobs.iter());
        let numbers = read(&request);
        let mut rest = &numbers[numbers[0] as usize - 1..];
        for job in &jobs {
            prop_assert_eq!(&rest[..2], &[f64::from(Operation::Refund as u32), job.charges.len() as f64]);
            rest = &rest[2..];
            for charge in &job.charges {
                prop_assert_eq!(&keys[rest[0] as usize - 1], &key("k", charge.digest));
                let from = rest[1] as usize - 1;
                prop_assert_eq!(&numbers[from..from + RULE_FIELDS.len()], &read(&charge.rule));
                prop_assert_eq!(&rest[2..4], &[f64::from(charge.cost), charge.charged_at as f64]);
                rest = &rest[4..];
            }
        }
        prop_assert!(rest.is_empty());
        let mut unique = keys.clone();
        unique.sort();
        unique.dedup();
        prop_assert_eq!(unique.len(), keys.len());
    }

    #[test]
    fn no_response_makes_it_panic(
        response in prop::collection::vec(any::<f64>(), 0..24),
        odd in 0..8_usize,
        charges in 0..4_usize,
    ) {
        let rule = rule("a", 5).encode();
        let jobs = [job(Operation::Decide, &vec![&rule; charges]), job(Operation::Decide, &[&rule])];
        let mut bytes = written(&response);
        bytes.truncate(bytes.len().saturating_sub(odd));
        for response in decode(&bytes, jobs.iter()).into_iter().flatten() {
            let mut decision = Decision::admit(charges);
            let all = vec![Charge::default(); charges];
            response.add_to(&mut decision, &all, &(0..charges + 2).collect::<Vec<_>>());
            prop_assert!(!(64..100).any(|index| response.has_exceeded(index)));
        }
    }

    #[test]
    fn a_response_of_the_right_length_is_decoded(numbers in prop::collection::vec(0..=1_u64 << 53, 16..17)) {
        let rule = rule("a", 5).encode();
        let jobs = [job(Operation::Decide, &[&rule, &rule, &rule])];
        let sent: Vec<_> = numbers.iter().map(|number| *number as f64).collect();
        let responses = decode(&written(&sent), jobs.iter()).unwrap();
        let decoded: Vec<_> = responses[0].usages.iter()
            .map(|(usage, blocked)| (usage.used, usage.more, usage.reset, *blocked))
            .collect();
        let used = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let expected: Vec<_> = numbers[1..10].chunks(3).zip(&numbers[13..])
            .map(|(usage, blocked)| (used(usage[0]), usage[1], usage[2], *blocked))
            .collect();
        prop_assert_eq!(decoded, expected);
    }
}
