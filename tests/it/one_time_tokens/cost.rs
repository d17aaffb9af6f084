//! What a token costs: allocations, and calls of the store.

use allocation_counter::measure;

use super::*;

#[test]
fn issuing_takes_three_allocations_and_no_round_trip() {
    let app = App::new();
    drop(app.issue(&RESET));
    let count = measure(|| drop(app.issue(&RESET))).count_total;
    assert!(count <= 3, "{count} allocations");
    assert_eq!(app.store.calls(), 0);
}

#[test]
fn a_forged_token_takes_three_allocations_and_no_round_trip() {
    let app = App::new();
    let mut forged = URL_SAFE_NO_PAD.decode(app.issue(&RESET).as_str()).unwrap();
    *forged.last_mut().unwrap() ^= 1;
    let forged = URL_SAFE_NO_PAD.encode(forged);
    let count = measure(|| assert!(app.tokens.verify(&RESET, &forged).is_err())).count_total;
    assert!(count <= 3, "{count} allocations");
    let long = "A".repeat(1_000_000);
    assert_eq!(measure(|| assert!(app.tokens.verify(&RESET, &long).is_err())).count_total, 0);
    assert_eq!(app.store.calls(), 0);
}
