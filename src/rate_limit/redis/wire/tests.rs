//! What is sent to the script and what is understood of its answers.

use proptest::prelude::*;

use super::*;

/// MessagePack, as far as the script is asked in it.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Array(Vec<Self>),
    Integer(u64),
    Text(String),
}

fn unpack(bytes: &mut &[u8]) -> Value {
    fn take<'a>(bytes: &mut &'a [u8], len: usize) -> &'a [u8] {
        let (taken, rest) = bytes.split_at(len);
        *bytes = rest;
        taken
    }
    let len = |bytes: &mut &[u8]| u32::from_be_bytes(take(bytes, 4).try_into().unwrap()) as usize;
    match take(bytes, 1)[0] {
        small @ 0..0x80 => Value::Integer(small.into()),
        0xcf => Value::Integer(u64::from_be_bytes(take(bytes, 8).try_into().unwrap())),
        0xdb => {
            let len = len(bytes);
            Value::Text(String::from_utf8(take(bytes, len).to_vec()).unwrap())
        }
        0xdd => Value::Array((0..len(bytes)).map(|_| unpack(bytes)).collect()),
        other => panic!("{other:#x} begins nothing that the script reads"),
    }
}

fn unpacked(bytes: &[u8]) -> Value {
    let mut rest = bytes;
    let value = unpack(&mut rest);
    assert!(rest.is_empty(), "more than one value");
    value
}

fn numbers(numbers: &[u64]) -> Vec<Value> {
    numbers.iter().map(|number| Value::Integer(*number)).collect()
}

fn rule(name: &str, limit: u32) -> WireRule<'_> {
    WireRule {
        name,
        algorithm: Algorithm::Sliding,
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
        digest: 0,
        key: format!("key {index}"),
        rule: Arc::clone(rule),
        cost: index as u32 + 1,
        then: 1_700_000_000_000_000 + index as u64,
    };
    Job { operation, parts: rules.iter().enumerate().map(part).collect() }
}

#[test]
fn a_rule_is_its_name_its_kind_and_seven_numbers() {
    for (algorithm, number, id) in [
        (Algorithm::Exact, 1, "login:e60000000"),
        (Algorithm::Sliding, 2, "login:s60000000"),
        (Algorithm::TokenBucket, 3, "login:t60000000"),
        (Algorithm::Fixed, 4, "login:f60000000"),
    ] {
        for is_shadow in [false, true] {
            let rule = WireRule { algorithm, is_shadow, ..rule("login", 127) };
            let mut values = vec![Value::Text(id.to_owned())];
            values.extend(numbers(&[number, 127, 60_000_000, 5_000_000, 128, 256, u64::from(is_shadow)]));
            assert_eq!(unpacked(&rule.encode()), Value::Array(values));
        }
    }
}

#[test]
fn a_call_tells_each_rule_once_and_the_parts_by_its_place() {
    let (a, b) = (rule("a", 5).encode(), rule("b", 6).encode());
    let jobs = [job(Operation::Decide, &[&a, &b]), job(Operation::Unblock, &[&b]), job(Operation::Reset, &[])];
    let (keys, request) = encode(jobs.iter());
    assert_eq!(keys, ["key 0", "key 1", "key 0"]);
    let rules = Value::Array(vec![unpacked(&a), unpacked(&b)]);
    let then = 1_700_000_000_000_000;
    let asked = Value::Array(vec![
        Value::Array(numbers(&[0, 0, 1, then, 1, 2, then + 1])),
        Value::Array(numbers(&[5, 1, 1, then])),
        Value::Array(numbers(&[4])),
    ]);
    assert_eq!(unpacked(&request), Value::Array(vec![rules, asked]));
}

#[test]
fn each_operation_has_the_number_that_the_script_knows() {
    use Operation::{Decide, Forgive, Peek, Refund, Reset, Unblock};
    assert_eq!([Decide, Refund, Forgive, Peek, Reset, Unblock].map(|operation| operation as u64), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn the_fields_of_an_answer_stand_in_their_places() {
    let rule = rule("a", 5).encode();
    let jobs = [job(Operation::Decide, &[&rule, &rule]), job(Operation::Peek, &[&rule])];
    let answers = decode(&[9, 1, 2, 30, 4, 5, 6, 7, 8, 10, 0, 0, -1, 11, 12, 13], jobs.iter()).unwrap();
    let tally = |used, reset, blocked| (Tally { used, reset }, blocked);
    assert_eq!(answers[0].tallies, [tally(4, 5, 6), tally(7, 8, 10)]);
    assert_eq!(answers[1].tallies, [tally(11, 12, 13)]);
    assert_eq!(answers.iter().map(|answer| answer.now).collect::<Vec<_>>(), [9, 9]);
    assert_eq!(answers.iter().map(Answer::wait).collect::<Vec<_>>(), [Some(30), None]);
    assert_eq!(answers.iter().map(Answer::is_refused).collect::<Vec<_>>(), [true, false]);
    assert_eq!([0, 1, 2, 63, 64].map(|index| answers[0].has_exceeded(index)), [false, true, false, false, false]);
}

#[test]
fn a_malformed_answer_is_none() {
    let rule = rule("a", 5).encode();
    let jobs = [job(Operation::Decide, &[&rule])];
    let good = [9, 1, 2, 3, 4, 5, 6];
    assert!(decode(&good, jobs.iter()).is_some());
    for len in 0..good.len() {
        assert_eq!(decode(&good[..len], jobs.iter()), None, "{len} numbers");
    }
    assert_eq!(decode(&[&good[..], &[7]].concat(), jobs.iter()), None);
    // Times are never negative, and a use that cannot be told is all there is.
    for place in [0, 5, 6] {
        let mut bad = good;
        bad[place] = -1;
        assert_eq!(decode(&bad, jobs.iter()), None, "place {place}");
    }
    for used in [-1, i64::from(u32::MAX) + 1] {
        let answers = decode(&[9, 1, 2, 3, used, 5, 6], jobs.iter()).unwrap();
        assert_eq!(answers[0].tallies[0].0.used, u32::MAX);
    }
}

/// What an answer of these first numbers makes of a verdict on three asks, of which it judged the last and the first.
fn verdict(refused: i64, exceeded: i64, wait: i64, is_shadow: bool) -> Verdict {
    let rule = rule("a", 5).encode();
    let jobs = [job(Operation::Decide, &[&rule, &rule])];
    let answers = decode(&[9, refused, exceeded, wait, 3, 40, 50, 4, 60, 70], jobs.iter()).unwrap();
    let ask = Ask { is_shadow, limit: 5, cost: 1, ..Ask::default() };
    let mut verdict = Verdict::new(3);
    answers[0].add_to(&mut verdict, &[ask; 3], &[2, 0]);
    verdict
}

#[test]
fn an_answer_is_added_at_the_places_of_its_asks() {
    let admitted = verdict(0, 0, 0, false);
    assert!(!admitted.is_refused);
    let tally = |used, reset| Tally { used, reset };
    assert_eq!(admitted.tallies(), [Some(tally(4, 60)), None, Some(tally(3, 40))]);
    let refused = verdict(1, 0b10, 33, false);
    assert!(refused.is_refused && !refused.is_blocked && refused.has_exceeded(0) && !refused.has_exceeded(2));
    assert_eq!((refused.wait(), refused.tally(0)), (Some(33), Some(tally(4, 60))));
    assert_eq!(verdict(1, 0b01, -1, false).wait(), None);
    let shadow = verdict(0, 0b11, 33, true);
    assert!(!shadow.is_refused && shadow.has_exceeded(0) && shadow.has_exceeded(2));
}

#[test]
fn a_block_is_told_with_its_own_length() {
    let blocked = verdict(2, 0b01, 50, false);
    assert!(blocked.is_refused && blocked.is_blocked && blocked.has_exceeded(2) && !blocked.has_exceeded(0));
    assert_eq!(blocked.wait(), Some(50));
    assert_eq!(blocked.tally(2), Some(Tally { used: u32::MAX, reset: 50 }));
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
        (Subject::everybody(), "aefdce03def94ffed42159e55677ec20"),
        (Subject::own("x"), "18d1f532110ada190a33ee472d588ee2"),
    ] {
        assert_eq!(format!("{:032x}", digest(&subject, 64, true)), known, "{subject:?}");
    }
}

proptest! {
    #[test]
    fn every_number_is_read_as_it_was_written(number: u64) {
        let mut bytes = Vec::new();
        integer(&mut bytes, number);
        prop_assert_eq!(unpacked(&bytes), Value::Integer(number));
    }

    #[test]
    fn a_small_number_takes_one_byte(number in 0..400_u64) {
        let mut bytes = Vec::new();
        integer(&mut bytes, number);
        prop_assert_eq!(bytes.len(), if number < 128 { 1 } else { 9 });
        prop_assert_eq!(unpacked(&bytes), Value::Integer(number));
    }

    #[test]
    fn every_call_is_read_as_it_was_written(
        rules in prop::collection::vec(("[ -~]{1,20}", any::<u32>(), any::<u64>(), any::<bool>()), 1..5),
        jobs in prop::collection::vec(
            prop::collection::vec((any::<prop::sample::Index>(), any::<u32>(), any::<u64>()), 0..5),
            0..5,
        ),
    ) {
        let rules: Vec<_> = rules.iter().map(|(name, limit, window, is_shadow)| {
            WireRule { window: *window, is_shadow: *is_shadow, ..rule(name, *limit) }.encode()
        }).collect();
        let part = |(place, cost, then): &(prop::sample::Index, u32, u64)| {
            Part { key: "k".to_owned(), digest: 0, rule: Arc::clone(place.get(&rules)), cost: *cost, then: *then }
        };
        let jobs: Vec<_> = jobs.iter()
            .map(|parts| Job { operation: Operation::Refund, parts: parts.iter().map(part).collect() })
            .collect();
        let (keys, request) = encode(jobs.iter());
        prop_assert_eq!(keys.len(), jobs.iter().map(|job| job.parts.len()).sum::<usize>());
        let Value::Array(values) = unpacked(&request) else { panic!("no array") };
        let [Value::Array(told), Value::Array(asked)] = &values[..] else { panic!("not rules and jobs") };
        prop_assert_eq!(asked.len(), jobs.len());
        for (asked, job) in asked.iter().zip(&jobs) {
            let mut expected = numbers(&[Operation::Refund as u64]);
            for part in &job.parts {
                let place = told.iter().position(|rule| *rule == unpacked(&part.rule)).unwrap();
                expected.extend(numbers(&[place as u64, u64::from(part.cost), part.then]));
            }
            let Value::Array(asked) = asked else { panic!("no array") };
            // Two rules may be spelt alike: the places are compared by what stands there.
            for (index, (asked, expected)) in asked.iter().zip(&expected).enumerate() {
                match (index % 3, asked, expected) {
                    (1, Value::Integer(asked), Value::Integer(expected)) => {
                        prop_assert_eq!(&told[*asked as usize], &told[*expected as usize]);
                    }
                    _ => prop_assert_eq!(asked, expected),
                }
            }
            prop_assert_eq!(asked.len(), expected.len());
        }
    }

    #[test]
    fn no_answer_makes_it_panic(answer in prop::collection::vec(any::<i64>(), 0..24), parts in 0..4_usize) {
        let rule = rule("a", 5).encode();
        let jobs = [job(Operation::Decide, &vec![&rule; parts]), job(Operation::Decide, &[&rule])];
        let fits = answer.len() == 1 + 3 + 3 * parts + 6;
        let answers = decode(&answer, jobs.iter());
        prop_assert!(fits || answers.is_none());
        for answer in answers.into_iter().flatten() {
            let mut verdict = Verdict::new(parts);
            let asks = vec![Ask::default(); parts];
            answer.add_to(&mut verdict, &asks, &(0..parts + 2).collect::<Vec<_>>());
            prop_assert!(!(64..100).any(|index| answer.has_exceeded(index)));
        }
    }

    #[test]
    fn an_answer_of_the_right_length_is_understood(
        numbers in prop::collection::vec(0..=i64::MAX, 13..14),
    ) {
        let rule = rule("a", 5).encode();
        let jobs = [job(Operation::Decide, &[&rule, &rule, &rule])];
        let answers = decode(&numbers, jobs.iter()).unwrap();
        let told: Vec<_> =
            answers[0].tallies.iter().map(|(tally, blocked)| (tally.used, tally.reset, *blocked)).collect();
        let used = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
        let expected: Vec<_> = numbers[4..].chunks(3).map(|n| (used(n[0]), n[1] as u64, n[2] as u64)).collect();
        prop_assert_eq!(told, expected);
    }
}
