//! Tests of the table: which records are removed, and when.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::session::record::Replacement;
use crate::session::record::tests::record;

const LOGIN: u64 = 1_800_000_000;

/// A session whose last use is this many seconds after the login.
fn used_at(number: u8, user: &str, seconds: u64) -> SessionRecord {
    SessionRecord { last_used_at: LOGIN + seconds, ..record(number, user) }
}

/// The old record and the one that replaces it, both of one session.
fn renewal(number: u8, next: u8, user: &str) -> (SessionRecord, SessionRecord) {
    let old = record(number, user);
    let replacement = Some(Replacement { nonce: [0; 16], valid_until: LOGIN + 10 });
    (
        SessionRecord { replacement, ..old.clone() },
        SessionRecord { digest: SessionDigest::from_bytes([next; 32]), ..old },
    )
}

fn digest(number: u8) -> SessionDigest {
    SessionDigest::from_bytes([number; 32])
}

/// The first bytes of the digests in the table.
fn numbers(table: &Table) -> Vec<u8> {
    let mut numbers: Vec<_> = table.records.keys().map(|digest| digest.as_bytes()[0]).collect();
    numbers.sort_unstable();
    numbers
}

fn table(capacity: usize, records: &[SessionRecord]) -> Table {
    let mut table = Table::new(capacity);
    for record in records {
        assert_eq!(table.create(record, None), Created::Stored { removed: Vec::new() });
    }
    table
}

fn limit(max: usize, rejects_new: bool) -> Option<SessionLimit> {
    Some(SessionLimit { max, rejects_new })
}

#[test]
fn at_capacity_the_least_recently_used_session_of_the_user_who_has_most_is_removed() {
    let mut table = table(
        5,
        &[
            used_at(1, "bob", 0),
            used_at(2, "ann", 30),
            used_at(3, "ann", 10),
            used_at(4, "ann", 20),
            used_at(5, "bob", 1),
        ],
    );
    table.create(&record(6, "eve"), None);
    assert_eq!(numbers(&table), [1, 2, 4, 5, 6], "3 is ann's, and was not used for the longest time");
    table.touch(&SessionUse { digest: digest(4), at: LOGIN + 40 });
    table.create(&record(7, "ann"), None);
    // Each except eve now has two, so ann or bob is chosen.
    assert_eq!(table.len(), 5);
    assert!(numbers(&table).contains(&6) && numbers(&table).contains(&7));
}

#[test]
fn a_table_for_one_session_holds_the_last() {
    let mut table = table(1, &[record(1, "ann"), record(2, "bob")]);
    assert_eq!(numbers(&table), [2]);
    let (old, renewed) = renewal(2, 3, "bob");
    assert!(table.renew(&old, &renewed));
    assert_eq!(numbers(&table), [3]);
}

#[test]
fn a_renewal_at_capacity_makes_room_for_both_records() {
    let mut table = table(4, &[used_at(1, "ann", 0), used_at(2, "ann", 5), used_at(3, "ann", 1), record(4, "bob")]);
    let (old, renewed) = renewal(4, 5, "bob");
    assert!(table.renew(&old, &renewed));
    assert_eq!(numbers(&table), [2, 3, 4, 5]);
    assert!(table.get(&digest(4)).unwrap().replacement.is_some());
}

#[test]
fn a_record_is_replaced_once_and_only_if_it_is_stored() {
    let mut table = table(10, &[record(1, "ann")]);
    let (old, renewed) = renewal(1, 2, "ann");
    assert!(table.renew(&old, &renewed));
    let (again, other) = renewal(1, 3, "ann");
    assert!(!table.renew(&again, &other), "replaced already");
    let (unknown, other) = renewal(7, 8, "ann");
    assert!(!table.renew(&unknown, &other), "not stored");
    assert_eq!(numbers(&table), [1, 2]);
    // A replaced record is found by its digest, and is not in the list.
    assert!(table.get(&digest(1)).is_some());
    let listed: Vec<_> = table.of_owner(None, "ann").iter().map(|record| record.digest).collect();
    assert_eq!(listed, [digest(2)]);
}

#[test]
fn a_session_is_removed_with_its_replaced_records_and_only_by_its_owner() {
    let mut table = table(10, &[record(1, "ann"), record(4, "ann"), record(5, "bob")]);
    let (old, renewed) = renewal(1, 2, "ann");
    table.renew(&old, &renewed);
    assert!(!table.remove(None, "bob", &old.id) && !table.remove(Some("https://a.example"), "ann", &old.id));
    assert_eq!(numbers(&table), [1, 2, 4, 5]);
    assert!(table.remove(None, "ann", &old.id));
    assert_eq!(numbers(&table), [4, 5]);
    assert!(!table.remove(None, "ann", &old.id), "once");
}

#[test]
fn expired_and_replaced_records_are_removed() {
    let mut table = table(10, &[record(1, "ann"), SessionRecord { expires_at: LOGIN + 100, ..record(4, "bob") }]);
    let (old, renewed) = renewal(1, 2, "ann");
    table.renew(&old, &renewed);
    for (now, left) in [
        (LOGIN + 9, &[1, 2, 4][..]),
        (LOGIN + 10, &[2, 4]),
        (LOGIN + 99, &[2, 4]),
        (LOGIN + 100, &[2]),
        (LOGIN + 43_199, &[2]),
        (LOGIN + 43_200, &[]),
    ] {
        table.remove_expired(now);
        assert_eq!(numbers(&table), left, "{now}");
    }
    assert!(table.by_expiry.is_empty() && table.by_owner.is_empty() && table.by_count.is_empty());
}

#[test]
fn a_replaced_record_does_not_outlive_its_session() {
    let mut table = table(10, &[record(1, "ann")]);
    let (old, renewed) = renewal(1, 2, "ann");
    let old = SessionRecord { expires_at: LOGIN + 3, ..old };
    table.renew(&old, &renewed);
    table.remove_expired(LOGIN + 3);
    assert_eq!(numbers(&table), [2]);
}

#[test]
fn over_the_limit_the_least_recently_used_sessions_are_removed_and_replaced_ones_do_not_count() {
    let mut table = table(10, &[used_at(1, "ann", 5), used_at(3, "ann", 1), used_at(5, "bob", 0)]);
    let (old, renewed) = renewal(1, 2, "ann");
    table.renew(&old, &SessionRecord { last_used_at: LOGIN + 6, ..renewed });
    assert_eq!(table.create(&used_at(6, "ann", 9), limit(3, true)), Created::Stored { removed: Vec::new() });
    assert_eq!(table.create(&record(7, "ann"), limit(3, true)), Created::OverLimit);
    let removed = vec![record(3, "ann").id];
    assert_eq!(table.create(&used_at(7, "ann", 9), limit(3, false)), Created::Stored { removed });
    assert_eq!(numbers(&table), [1, 2, 5, 6, 7]);
    // A lower limit than before.
    let Created::Stored { removed } = table.create(&used_at(8, "ann", 9), limit(1, false)) else { panic!() };
    assert_eq!(removed.len(), 3);
    assert_eq!(numbers(&table), [5, 8]);
}

#[test]
fn a_use_moves_the_time_only_forward_and_creates_nothing() {
    let mut table = table(10, &[used_at(1, "ann", 50)]);
    for (number, at, expected) in [(1, 40, 50), (1, 60, 60), (2, 70, 60)] {
        table.touch(&SessionUse { digest: digest(number), at: LOGIN + at });
        assert_eq!((table.len(), table.get(&digest(1)).unwrap().last_used_at), (1, LOGIN + expected));
    }
}

#[test]
fn a_list_has_the_sessions_of_one_owner_oldest_first() {
    let at = |number, seconds| SessionRecord { created_at: LOGIN + seconds, ..record(number, "ann") };
    let of_issuer = SessionRecord { user: record(9, "ann").user.with_issuer("https://a.example"), ..record(9, "ann") };
    let table = table(10, &[at(3, 1), at(2, 2), at(1, 1), record(8, "bob"), of_issuer]);
    let list = |issuer, owner| -> Vec<u8> {
        table.of_owner(issuer, owner).iter().map(|record| record.digest.as_bytes()[0]).collect()
    };
    assert_eq!((list(None, "ann"), list(Some("https://a.example"), "ann")), (vec![1, 3, 2], vec![9]));
}

#[derive(Clone, Debug)]
enum Step {
    Create(u8, u8, Option<usize>),
    Renew(u8, u8),
    Remove(u8, u8),
    Expire(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let number = 0_u8..40;
    let owner = 0_u8..4;
    vec(
        prop_oneof![
            4 => (number.clone(), owner.clone(), proptest::option::of(1_usize..3))
                .prop_map(|(number, owner, limit)| Step::Create(number, owner, limit)),
            2 => (number.clone(), number.clone()).prop_map(|(old, next)| Step::Renew(old, next)),
            1 => (number, owner).prop_map(|(number, owner)| Step::Remove(number, owner)),
            1 => (0_u64..50).prop_map(Step::Expire),
        ],
        0..60,
    )
}

proptest! {
    #[test]
    fn the_indexes_match_the_records_and_the_capacity_holds(steps in steps(), capacity in 1_usize..8) {
        let mut table = Table::new(capacity);
        for step in steps {
            match step {
                Step::Create(number, owner, max) if table.get(&digest(number)).is_none() => {
                    let record = SessionRecord {
                        expires_at: LOGIN + u64::from(number),
                        ..used_at(number, &owner.to_string(), u64::from(number) * 7 % 11)
                    };
                    table.create(&record, max.map(|max| SessionLimit { max, rejects_new: false }));
                    prop_assert!(table.get(&digest(number)).is_some());
                }
                Step::Create(..) => {}
                Step::Renew(number, next) => {
                    let Some(current) = table.get(&digest(number)).cloned() else { continue };
                    if table.get(&digest(next)).is_some() { continue }
                    let replacement = Some(Replacement { nonce: [0; 16], valid_until: LOGIN + 10 });
                    let renewed = SessionRecord { digest: digest(next), replacement: None, ..current.clone() };
                    let is_current = current.replacement.is_none();
                    let old = SessionRecord { replacement, ..current };
                    prop_assert_eq!(table.renew(&old, &renewed), is_current);
                    prop_assert_eq!(table.get(&digest(next)).is_some(), is_current);
                }
                Step::Remove(number, owner) => {
                    table.remove(None, &owner.to_string(), &record(number, "").id);
                }
                Step::Expire(seconds) => {
                    table.remove_expired(LOGIN + seconds);
                    prop_assert!(table.records.values().all(|record| record.kept_until_seconds() > LOGIN + seconds));
                }
            }
            prop_assert!(table.len() <= capacity);
            let ends: BTreeSet<_> = table.records.iter().map(|(digest, record)| (record.kept_until_seconds(), *digest)).collect();
            prop_assert_eq!(&table.by_expiry, &ends);
            let mut owned: HashMap<Owner, usize> = HashMap::new();
            for record in table.records.values() {
                *owned.entry(owner(record.owner_issuer(), record.owner_id())).or_default() += 1;
            }
            let counts: BTreeSet<_> = owned.into_iter().map(|(owner, count)| (count, owner)).collect();
            prop_assert_eq!(&table.by_count, &counts);
            let lists: BTreeSet<_> =
                table.by_owner.iter().map(|(owner, digests)| (digests.len(), Arc::clone(owner))).collect();
            prop_assert_eq!(&table.by_count, &lists);
        }
    }
}
