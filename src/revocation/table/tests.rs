//! Tests of the table, against a model of what records mean.

use std::sync::atomic::AtomicU64;

use proptest::prelude::*;

use super::*;
use crate::context::RevocationKind;

fn id(number: u64) -> RevocationId {
    RevocationId::of(RevocationKind::ApiKey { id: &number.to_string() })
}

fn entry(number: u64, issued_until: u32, expires_at: u32) -> Record {
    Record::Entry { id: id(number), issued_until, expires_at }
}

fn others(subject: u64, kept: u64, issued_until: u32) -> Record {
    Record::Others { subject: id(subject), kept: id(kept), issued_until, expires_at: 1_000 }
}

fn apply(table: &Table, record: &Record, now: u32) -> Result<bool, Full> {
    table.apply(record, now, || {})
}

fn token(subject: u64, session: Option<u64>, credential: Option<u64>, issued_at: u32) -> RevocationIds {
    RevocationIds {
        issuer: Some(id(u64::MAX)),
        subject: Some(id(subject)),
        client: None,
        session: session.map(id),
        credential: credential.map(id),
        issued_at,
        expires_at: None,
        hashes: Default::default(),
        checked_generation: AtomicU64::new(0),
    }
    .with_hashes()
}

fn table_of(records: &[Record]) -> Table {
    let table = Table::new(1_000);
    records.iter().for_each(|record| assert!(apply(&table, record, 0).is_ok()));
    table
}

#[test]
fn what_was_issued_until_then_is_revoked() {
    let table = table_of(&[entry(1, 10, 1_000)]);
    for (issued_at, is_revoked) in [(1, true), (10, true), (11, false)] {
        assert_eq!(table.is_revoked(&token(1, None, None, issued_at)), is_revoked, "{issued_at}");
        assert_eq!(table.is_revoked(&token(2, Some(1), None, issued_at)), is_revoked, "{issued_at}");
        assert_eq!(table.is_revoked(&token(2, None, Some(1), issued_at)), is_revoked, "{issued_at}");
    }
    assert!(!table.is_revoked(&token(2, Some(3), Some(4), 1)));
}

#[test]
fn a_revocation_of_the_others_excepts_a_session_or_else_a_credential() {
    let table = table_of(&[others(1, 7, 10)]);
    assert!(!table.is_revoked(&token(1, Some(7), None, 5)));
    assert!(!table.is_revoked(&token(1, None, Some(7), 5)));
    assert!(table.is_revoked(&token(1, Some(8), Some(7), 5)), "the session comes first");
    assert!(table.is_revoked(&token(1, None, None, 5)));
    assert!(!table.is_revoked(&token(1, Some(8), None, 11)));
    assert!(!table.is_revoked(&token(2, Some(8), None, 5)), "of another subject");
}

#[test]
fn a_later_exception_makes_nothing_valid_again() {
    let table = table_of(&[others(1, 7, 10), others(1, 8, 20)]);
    assert!(table.is_revoked(&token(1, Some(8), None, 10)), "by the first record");
    assert!(!table.is_revoked(&token(1, Some(8), None, 11)));
    assert!(table.is_revoked(&token(1, Some(7), None, 11)), "by the second record");
    assert!(!table.is_revoked(&token(1, Some(7), None, 21)));
    // The same login again, and two logins in the same second.
    let table = table_of(&[others(1, 7, 10), others(1, 7, 20)]);
    assert!(!table.is_revoked(&token(1, Some(7), None, 5)));
    let table = table_of(&[others(1, 7, 10), others(1, 8, 10)]);
    assert!(table.is_revoked(&token(1, Some(7), None, 10)) && table.is_revoked(&token(1, Some(8), None, 10)));
}

#[test]
fn a_repeated_record_changes_nothing_and_uses_no_entry() {
    let table = Table::new(10);
    for record in [entry(1, 10, 1_000), others(1, 7, 20)] {
        assert_eq!(apply(&table, &record, 0), Ok(true));
        assert_eq!(apply(&table, &record, 0), Ok(false));
    }
    assert_eq!(table.len(), 2, "the subject and what it excepts");
    assert_eq!(apply(&table, &entry(1, 9, 999), 0), Ok(false));
    assert_eq!(apply(&table, &entry(1, 10, 1_001), 0), Ok(true), "a later expiry");
    assert_eq!(apply(&table, &entry(1, 11, 900), 0), Ok(true));
    assert_eq!(table.len(), 2);
}

#[test]
fn a_full_table_rejects_new_entries_and_keeps_all() {
    let table = Table::new(100);
    for number in 0..100 {
        assert_eq!(apply(&table, &entry(number, u32::MAX, 50), 0), Ok(true));
    }
    assert_eq!(apply(&table, &entry(100, u32::MAX, 50), 50), Err(Full));
    assert_eq!(apply(&table, &others(0, 200, 10), 50), Err(Full), "it needs an entry for the exception");
    assert_eq!(apply(&table, &entry(99, u32::MAX, 51), 50), Ok(true), "a known one");
    for number in 0..100 {
        assert!(table.is_revoked(&token(number, None, None, 1)), "{number}");
    }
    // All but one have expired.
    assert_eq!(apply(&table, &entry(100, u32::MAX, 60), 51), Ok(true));
    assert_eq!(table.len(), 2);
    assert!(table.is_revoked(&token(99, None, None, 1)) && table.is_revoked(&token(100, None, None, 1)));
    assert!(!table.is_revoked(&token(98, None, None, 1)));
}

#[test]
fn a_credential_that_expired_before_an_entry_was_removed_is_not_valid_again() {
    let table = Table::new(1);
    assert_eq!(apply(&table, &entry(1, u32::MAX, 1_300), 0), Ok(true));
    assert_eq!(apply(&table, &entry(2, u32::MAX, 9_000), 2_000), Ok(true), "removes the first entry");
    for (expires_at, is_revoked) in [(999, true), (1_000, true), (1_001, false)] {
        let token = RevocationIds { expires_at: Some(expires_at), ..token(1, None, None, 1) };
        assert_eq!(table.is_revoked(&token), is_revoked, "{expires_at}");
    }
}

#[test]
fn expired_entries_are_removed_while_others_are_added() {
    let table = Table::new(1_000_000);
    for number in 0..10_000 {
        apply(&table, &entry(number, u32::MAX, 50), 0).unwrap();
    }
    for number in 10_000..10_064 {
        apply(&table, &entry(number, u32::MAX, 5_000), 100).unwrap();
    }
    assert_eq!(table.len(), 64);
    for number in 10_000..10_064 {
        assert!(table.is_revoked(&token(number, None, None, 1)));
    }
}

#[test]
fn every_entry_is_found_while_shards_grow() {
    let table = Table::new(1_000_000);
    for number in 0..50_000 {
        assert_eq!(apply(&table, &entry(number, u32::MAX, 50), 0), Ok(true));
    }
    assert_eq!(table.len(), 50_000);
    for number in 0..100_000 {
        assert_eq!(table.is_revoked(&token(number, None, None, 1)), number < 50_000, "{number}");
    }
}

#[test]
fn a_check_takes_no_lock() {
    let table = table_of(&[entry(1, 10, 1_000), others(2, 7, 10)]);
    let _writer = table.lock();
    assert!(table.is_revoked(&token(1, None, None, 1)));
    assert!(!table.is_revoked(&token(2, Some(7), None, 1)));
    assert!(table.is_revoked(&token(2, Some(8), None, 1)));
}

/// What the records mean, without a table.
fn is_revoked_by(records: &[Record], subject: u64, login: u64, issued_at: u32) -> bool {
    records.iter().any(|record| match *record {
        Record::Entry { id: revoked, issued_until, .. } => {
            [id(subject), id(login)].contains(&revoked) && issued_at <= issued_until
        }
        Record::Others { subject: revoked, kept, issued_until, .. } => {
            revoked == id(subject) && kept != id(login) && issued_at <= issued_until
        }
    })
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let time = || prop_oneof![1..8_u32, Just(u32::MAX)];
    let record = prop_oneof![
        (0..6_u64, time(), 900..903_u32).prop_map(|(number, time, expires_at)| entry(number, time, expires_at)),
        (0..2_u64, 2..6_u64, 1..8_u32).prop_map(|(subject, kept, time)| others(subject, kept, time)),
    ];
    prop::collection::vec(record, 0..12)
}

/// The verdict for each subject, login and time.
fn verdicts(is_revoked: impl Fn(u64, u64, u32) -> bool) -> Vec<bool> {
    let credentials = (0..2).flat_map(|subject| (2..6).map(move |login| (subject, login)));
    let credentials = credentials.flat_map(|(subject, login)| (1..9).map(move |time| (subject, login, time)));
    credentials.map(|(subject, login, time)| is_revoked(subject, login, time)).collect()
}

fn verdicts_of(table: &Table) -> Vec<bool> {
    verdicts(|subject, login, time| table.is_revoked(&token(subject, Some(login), None, time)))
}

fn sorted_records(table: &Table) -> Vec<String> {
    let mut records: Vec<_> = table.records(0).iter().map(|record| format!("{record:?}")).collect();
    records.sort();
    records
}

proptest! {
    #[test]
    fn records_in_any_order_and_repeated_make_the_same_table(
        (records, other) in records().prop_flat_map(|records| {
            let repeated = [records.clone(), records.clone()].concat();
            (Just(records), Just(repeated).prop_shuffle())
        }),
    ) {
        let table = table_of(&records);
        let expected = verdicts(|subject, login, time| is_revoked_by(&records, subject, login, time));
        prop_assert_eq!(&verdicts_of(&table), &expected);
        let shuffled = table_of(&other);
        prop_assert_eq!(&verdicts_of(&shuffled), &expected);
        prop_assert_eq!(sorted_records(&table), sorted_records(&shuffled));
        // The records of a table make the same table.
        let copy = table_of(&table.records(0));
        prop_assert_eq!(&verdicts_of(&copy), &expected);
    }

    #[test]
    fn two_tables_that_exchange_their_records_agree(first in records(), second in records()) {
        let (one, two) = (table_of(&first), table_of(&second));
        let (of_one, of_two) = (one.records(0), two.records(0));
        of_two.iter().for_each(|record| assert!(apply(&one, record, 0).is_ok()));
        of_one.iter().for_each(|record| assert!(apply(&two, record, 0).is_ok()));
        let all = [first, second].concat();
        let expected = verdicts(|subject, login, time| is_revoked_by(&all, subject, login, time));
        prop_assert_eq!(&verdicts_of(&one), &expected);
        prop_assert_eq!(&verdicts_of(&two), &expected);
    }

    #[test]
    fn nothing_that_is_revoked_becomes_valid_by_a_later_record(records in records()) {
        let table = Table::new(1_000);
        let mut before = verdicts_of(&table);
        for record in &records {
            apply(&table, record, 0).unwrap();
            let after = verdicts_of(&table);
            prop_assert!(before.iter().zip(&after).all(|(before, after)| !before | after));
            before = after;
        }
    }
}
