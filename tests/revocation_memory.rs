//! The memory that the table of revocations takes, as measured at the allocator.

use allocation_counter::measure;
use portcullis::Revocations;
use portcullis::revocation::Revocation;

#[test]
fn revocations_take_at_most_48_bytes_each() {
    assert_bytes_of_revocations(100_000);
}

#[test]
#[ignore = "takes half a minute in a debug build: run tests/run"]
fn a_million_revocations_take_at_most_48_bytes_each() {
    assert_bytes_of_revocations(1_000_000);
}

fn assert_bytes_of_revocations(entries: usize) {
    let revocations = Revocations::builder().build().unwrap();
    let revoke_all = || {
        for number in 0..entries {
            drop(revocations.revoke_by(Revocation::token("https://app.example.com", &number.to_string())));
        }
    };
    let bytes = measure(revoke_all).bytes_current as f64 / entries as f64;
    assert!((29.0..=48.0).contains(&bytes), "{bytes} bytes for each of {entries} entries");
    assert_eq!(measure(revoke_all).bytes_current, 0, "the same again");
}
