//! What is sent to the script and what is understood of its answers.

use proptest::prelude::*;

use super::*;

fn read(bytes: &[u8]) -> Vec<f64> {
    bytes.chunks(8).map(|bytes| f64::from_le_bytes(bytes.try_into().expect("whole numbers"))).collect()
}

fn written(numbers: &[f64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn rule(name: &str, limit: u32) -> WireRule<'_> {
    WireRule {
        name,
        algorithm: Algorithm::SlidingWindow,
        limit,
        window: 60_000_000,
        step: 5_000_000,
        first_block: 128,
        longest_block: 256,
        is_shadow: false,
    }
}

fn job(operation: Operation, rules: &[&Arc<[u8]>]) -> Job {
    let part = |(index, rule): (usize, &&Arc<[u8]>)| Part {
        digest: index as u128,
        prefix: "app".into(),
        rule: Arc::clone(rule),
        cost: index as u32 + 1,
        then: 1_700_000_000_000_000 + index as u64,
    };
    Job { operation, parts: rules.iter().enumerate().map(part).collect() }
}

#[test]
fn a_rule_is_two_tags_its_kind_and_six_numbers() {
    for (algorithm, number, tags) in [
        (Algorithm::SlidingLog, 1.0, [159854238352161.0, 187577758788939.0]),
        (Algorithm::SlidingWindow, 2.0, [32747523454404.0, 163737387592070.0]),
        (Algorithm::TokenBucket, 3.0, [11977500638042.0, 272478224188026.0]),
        (Algorithm::FixedWindow, 4.0, [235458944390383.0, 132593438970886.0]),
    ] {
        for (is_shadow, shadow) in [(false, 0.0), (true, 1.0)] {
            let rule = WireRule { algorithm, is_shadow, ..rule("login", 127) };
            let numbers = [&tags[..], &[number, 127.0, 60e6, 5e6, 128.0, 256.0, shadow]].concat();
            assert_eq!(read(&rule.encode()), numbers);
        }
    }
}

#[test]
fn a_rule_of_another_name_or_window_has_other_tags_and_one_of_another_tier_the_same() {
    let tags = |rule: WireRule<'_>| read(&rule.encode())[..2].to_vec();
    let first = tags(rule("a", 5));
    assert_eq!(first, tags(rule("a", 6)));
    for other in [rule("b", 5), WireRule { window: 1, ..rule("a", 5) }] {
        let other = tags(other);
        assert!(first.iter().all(|tag| !other.contains(tag)), "{first:?} {other:?}");
    }
}

#[test]
fn a_call_tells_each_rule_and_each_key_once_and_the_parts_by_their_places() {
    let (a, b) = (rule("a", 5).encode(), rule("b", 6).encode());
    let jobs = [job(Operation::Decide, &[&a, &b]), job(Operation::Unblock, &[&b]), job(Operation::Reset, &[])];
    let (keys, request) = encode(jobs.iter());
    assert_eq!(keys, [key("app", 0), key("app", 1)]);
    let then = 1.7e15;
    let asked = [
        &[0.0, 2.0, 1.0, 2.0, 1.0, then, 2.0, 11.0, 2.0, then + 1.0][..],
        &[5.0, 1.0, 1.0, 11.0, 1.0, then],
        &[4.0, 0.0],
    ];
    assert_eq!(read(&request), [&[20.0], &read(&a)[..], &read(&b), &asked.concat()].concat());
}

#[test]
fn subjects_under_another_prefix_are_others() {
    let rule = rule("a", 5).encode();
    let (mut one, other) = (job(Operation::Decide, &[&rule]), job(Operation::Decide, &[&rule]));
    one.parts[0].prefix = "other".into();
    let (keys, request) = encode([&one, &other, &one].into_iter());
    assert_eq!(keys, [key("other", 0), key("app", 0)]);
    let places: Vec<f64> = read(&request)[10..].chunks(6).map(|job| job[2]).collect();
    assert_eq!(places, [1.0, 2.0, 1.0]);
}

#[test]
fn each_operation_has_the_number_that_the_script_knows() {
    use Operation::{Decide, Forgive, Peek, Refund, Reset, Unblock};
    assert_eq!([Decide, Refund, Forgive, Peek, Reset, Unblock].map(|operation| operation as u64), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn the_fields_of_an_answer_stand_in_their_places() {
    let rule = rule("a", 5).encode();
    let jobs =
        [job(Operation::Decide, &[&rule, &rule]), job(Operation::Peek, &[&rule]), job(Operation::Decide, &[&rule])];
    let numbers = [9., 4., 5., 7., 8., 1., 2., 30., 6., 10., 11., 12., 0., 0., -1., 13., 14., 15., -1.];
    let answers = decode(&written(&numbers), jobs.iter()).unwrap();
    let usage = |used, reset, blocked| (Usage { used, reset }, blocked);
    assert_eq!(answers[0].usages, [usage(4, 5, 6), usage(7, 8, 10)]);
    assert_eq!(answers[1].usages, [usage(11, 12, 13)]);
    assert_eq!(answers[2].usages, [usage(14, 15, 0)]);
    assert_eq!(answers.iter().map(|answer| answer.now).collect::<Vec<_>>(), [9, 9, 9]);
    assert_eq!(answers.iter().map(|answer| answer.wait).collect::<Vec<_>>(), [Some(30), None, None]);
    assert_eq!(answers.iter().map(Answer::is_refused).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!([0, 1, 2, 63, 64].map(|index| answers[0].has_exceeded(index)), [false, true, false, false, false]);
    assert!(!answers[2].has_exceeded(0));
}

#[test]
fn a_malformed_answer_is_none() {
    let rule = rule("a", 5).encode();
    let jobs = [job(Operation::Decide, &[&rule])];
    for good in [&[9.0, 4.0, 5.0, 1.0, 2.0, 3.0, 6.0][..], &[9.0, 4.0, 5.0, -1.0]] {
        assert!(decode(&written(good), jobs.iter()).is_some());
        for len in 0..good.len() * 8 {
            assert_eq!(decode(&written(good)[..len], jobs.iter()), None, "{len} bytes");
        }
        assert_eq!(decode(&written(&[good, &[7.0]].concat()), jobs.iter()), None);
    }
    // Only a wait may be negative, and nothing is no number.
    for (place, bad) in [0, 1, 2, 3, 4, 6].map(|place| [(place, -2.0), (place, f64::NAN)]).into_iter().flatten() {
        let mut numbers = [9.0, 4.0, 5.0, 1.0, 2.0, 3.0, 6.0];
        numbers[place] = bad;
        assert_eq!(decode(&written(&numbers), jobs.iter()), None, "{bad} at {place}");
    }
    let answers = decode(&written(&[9.0, 2f64.powi(32), 5.0, -1.0]), jobs.iter()).unwrap();
    assert_eq!(answers[0].usages[0].0.used, u32::MAX);
}

/// What an answer of these numbers makes of a decision on three charges, of which it judged the last and the first.
fn decision(refused: u32, exceeded: u32, wait: i32, is_shadow: bool) -> Decision {
    verdict_with_blocks(refused, exceeded, wait, is_shadow, [50.0, 70.0])
}

fn verdict_with_blocks(refused: u32, exceeded: u32, wait: i32, is_shadow: bool, [last, first]: [f64; 2]) -> Decision {
    let rule = rule("a", 5).encode();
    let jobs = [job(Operation::Decide, &[&rule, &rule])];
    let told = [9.0, 3.0, 40.0, 4.0, 60.0, refused.into(), exceeded.into(), wait.into(), last, first];
    let answers = decode(&written(&told), jobs.iter()).unwrap();
    let charge = Charge { is_shadow, limit: 5, cost: 1, ..Charge::default() };
    let mut decision = Decision::new(3);
    answers[0].add_to(&mut decision, &[charge; 3], &[2, 0]);
    decision
}

#[test]
fn an_answer_is_added_at_the_places_of_its_asks() {
    let admitted = decision(0, 0, 0, false);
    assert!(!admitted.is_refused);
    let usage = |used, reset| Usage { used, reset };
    assert_eq!(admitted.usages(), [Some(usage(4, 60)), None, Some(usage(3, 40))]);
    let refused = decision(1, 0b10, 33, false);
    assert!(refused.is_refused && !refused.is_blocked && refused.has_exceeded(0) && !refused.has_exceeded(2));
    assert_eq!((refused.wait(), refused.usage(0)), (Some(33), Some(usage(4, 60))));
    assert_eq!(decision(1, 0b01, -1, false).wait(), None);
    let shadow = decision(0, 0b11, 33, true);
    assert!(!shadow.is_refused && shadow.has_exceeded(0) && shadow.has_exceeded(2));
}

#[test]
fn a_block_is_told_with_its_own_length() {
    let blocked = decision(2, 0b01, 50, false);
    assert!(blocked.is_refused && blocked.is_blocked && blocked.has_exceeded(2) && !blocked.has_exceeded(0));
    assert_eq!(blocked.wait(), Some(50));
    assert_eq!(blocked.usage(2), Some(Usage { used: u32::MAX, reset: 50 }));
}

#[test]
fn a_limit_that_is_exceeded_beside_a_block_blocks_nobody() {
    let decision = verdict_with_blocks(2, 0b11, 50, false, [50.0, 0.0]);
    assert!(decision.is_blocked && decision.has_exceeded(0));
    assert_eq!(decision.usage(0), Some(Usage { used: 4, reset: 60 }));
}

#[test]
fn a_key_is_a_prefix_and_the_digest_as_the_hash_tag() {
    assert_eq!(key("app", 0x2a), "app:{0000000000000000000000000000002a}");
    assert_eq!(key("", u128::MAX), ":{ffffffffffffffffffffffffffffffff}");
}

#[test]
fn processes_of_all_builds_agree_on_the_digest() {
    let ip = |ip: &str| Subject::address(ip.parse().unwrap());
    for (subject, known) in [
        (Subject::user(Some("https://auth.example.com"), "ann"), "ce326b168ebd71d52af6127bc0446f21"),
        (Subject::user(None, "ann"), "5068bc5e238641357524b99c9290589f"),
        (ip("192.0.2.1"), "2d801c81933a66119ebdb84f28096e4a"),
        (ip("2001:db8::1"), "82285ea267081ecad0c010fc72006d67"),
        (Subject::api_key(b"secret"), "04dbe55012ff75ac03cb33fef22bff82"),
        (Subject::tenant("acme").on_route("/reports/{id}"), "fb1ef1499b987be1bb1c1625bc3e3074"),
        (Subject::global(), "aefdce03def94ffed42159e55677ec20"),
        (Subject::custom("x"), "18d1f532110ada190a33ee472d588ee2"),
    ] {
        assert_eq!(format!("{:032x}", digest(&subject, 64, true)), known, "{subject:?}");
    }
}

proptest! {
    #[test]
    fn a_tag_is_written_as_32_hexadecimal_digits(digest: u128) {
        prop_assert_eq!(tag(digest), format!("{digest:032x}"));
    }

    #[test]
    fn every_call_is_read_as_it_was_written(
        rules in prop::collection::vec(("[ -~]{1,20}", any::<u32>(), 1..1_u64 << 53, any::<bool>()), 1..5),
        jobs in prop::collection::vec(
            prop::collection::vec((any::<prop::sample::Index>(), 0..4_u128, any::<u32>(), 0..1_u64 << 53), 0..5),
            0..5,
        ),
    ) {
        let rules: Vec<_> = rules.iter().map(|(name, limit, window, is_shadow)| {
            WireRule { window: *window, is_shadow: *is_shadow, ..rule(name, *limit) }.encode()
        }).collect();
        let part = |(rule, digest, cost, then): &(prop::sample::Index, u128, u32, u64)| {
            Part { prefix: "k".into(), digest: *digest, rule: Arc::clone(rule.get(&rules)), cost: *cost, then: *then }
        };
        let jobs: Vec<_> = jobs.iter()
            .map(|parts| Job { operation: Operation::Refund, parts: parts.iter().map(part).collect() })
            .collect();
        let (keys, request) = encode(jobs.iter());
        let numbers = read(&request);
        let mut rest = &numbers[numbers[0] as usize - 1..];
        for job in &jobs {
            prop_assert_eq!(&rest[..2], &[f64::from(Operation::Refund as u32), job.parts.len() as f64]);
            rest = &rest[2..];
            for part in &job.parts {
                prop_assert_eq!(&keys[rest[0] as usize - 1], &key("k", part.digest));
                let from = rest[1] as usize - 1;
                prop_assert_eq!(&numbers[from..from + 9], &read(&part.rule));
                prop_assert_eq!(&rest[2..4], &[f64::from(part.cost), part.then as f64]);
                rest = &rest[4..];
            }
        }
        prop_assert!(rest.is_empty());
        let mut once = keys.clone();
        once.sort();
        once.dedup();
        prop_assert_eq!(once.len(), keys.len());
    }

    #[test]
    fn no_answer_makes_it_panic(answer in prop::collection::vec(any::<f64>(), 0..24), odd in 0..8_usize, parts in 0..4_usize) {
        let rule = rule("a", 5).encode();
        let jobs = [job(Operation::Decide, &vec![&rule; parts]), job(Operation::Decide, &[&rule])];
        let mut bytes = written(&answer);
        bytes.truncate(bytes.len().saturating_sub(odd));
        for answer in decode(&bytes, jobs.iter()).into_iter().flatten() {
            let mut decision = Decision::new(parts);
            let charges = vec![Charge::default(); parts];
            answer.add_to(&mut decision, &charges, &(0..parts + 2).collect::<Vec<_>>());
            prop_assert!(!(64..100).any(|index| answer.has_exceeded(index)));
        }
    }

    #[test]
    fn an_answer_of_the_right_length_is_understood(numbers in prop::collection::vec(0..=1_u64 << 53, 13..14)) {
        let rule = rule("a", 5).encode();
        let jobs = [job(Operation::Decide, &[&rule, &rule, &rule])];
        let told: Vec<_> = numbers.iter().map(|number| *number as f64).collect();
        let answers = decode(&written(&told), jobs.iter()).unwrap();
        let told: Vec<_> =
            answers[0].usages.iter().map(|(usage, blocked)| (usage.used, usage.reset, *blocked)).collect();
        let used = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let expected: Vec<_> =
            (0..3).map(|i| (used(numbers[1 + 2 * i]), numbers[2 + 2 * i], numbers[10 + i])).collect();
        prop_assert_eq!(told, expected);
    }
}
