//! A note denies what the server would deny, and nothing else.

use super::*;

const NOW: u64 = 1_700_000_000_000_000;
const SECOND: u64 = 1_000_000;

fn params(limit: u32, wait: u64) -> WindowParams {
    WindowParams { limit, window: wait, step: 2 * wait }
}

/// A request marked as 5, refused for so long.
fn noted(wait: u64) -> CachedDenial {
    let mut note = CachedDenial::default();
    note.settle(&params(5, wait), NOW);
    note.charge(&params(5, wait), NOW, 0);
    note
}

/// For how long a request of this limit and cost is denied.
fn denied(note: &CachedDenial, limit: u32, cost: u32, after: u64) -> u64 {
    let mut note = note.clone();
    note.settle(&params(limit, 1), NOW + after);
    note.wait(&params(limit, 1), NOW + after, cost)
}

#[test]
fn nothing_noted_denies_nothing() {
    assert_eq!((denied(&CachedDenial::default(), 5, 5, 0), CachedDenial::default().used()), (0, 0));
    assert_eq!(denied(&CachedDenial::default(), 0, 0, 0), 0);
}

#[test]
fn the_caller_is_told_to_wait_for_as_long_as_the_answer_took_besides() {
    let mut note = CachedDenial::default();
    note.charge(&params(5, SECOND), NOW, 3);
    assert_eq!(denied(&note, 5, 1, SECOND - 1), 30_001);
    assert_eq!(denied(&note, 5, 1, SECOND), 0);
}

#[test]
fn a_request_of_another_mark_is_not_denied() {
    let note = noted(SECOND);
    for limit in [0, 1, 4, 6, 500] {
        assert_eq!(denied(&note, limit, 3, 0), 0, "limit {limit}");
    }
}

#[test]
fn a_note_denies_until_the_wait_is_over() {
    let note = noted(SECOND);
    for (after, wait) in [(0, SECOND), (1, SECOND - 1), (SECOND - 1, 1), (SECOND, 0), (2 * SECOND, 0)] {
        assert_eq!(denied(&note, 5, 3, after), wait, "after {after}");
    }
}

#[test]
fn a_note_is_believed_for_ten_seconds() {
    let note = noted(3600 * SECOND);
    assert_eq!(denied(&note, 5, 3, 10 * SECOND - 1), 3590 * SECOND + 1);
    assert_eq!(denied(&note, 5, 3, 10 * SECOND), 0);
}

#[test]
fn a_block_denies_every_tier_and_every_cost() {
    let mut note = CachedDenial::default();
    note.charge(&params(0, SECOND), NOW, 0);
    for (limit, cost) in [(0, 0), (5, 0), (5, 1), (500, 3), (u32::MAX, u32::MAX)] {
        assert_eq!(denied(&note, limit, cost, 1), SECOND - 1, "{cost} of {limit}");
    }
}

#[test]
fn the_reset_is_the_servers_from_the_time_of_sending_on() {
    let note = noted(SECOND);
    assert_eq!(note.reset(&params(5, 1), NOW), 2 * SECOND);
    assert_eq!(note.reset(&params(5, 1), NOW + SECOND / 2), 3 * SECOND / 2);
    assert_eq!(note.reset(&params(5, 1), NOW + 3 * SECOND), 0);
}

#[test]
fn a_note_that_is_over_gives_up_its_place_and_any_note_may_be_driven_out() {
    let mut note = noted(SECOND);
    assert_eq!(note.used(), 1);
    assert!(note.used() < note.limit());
    note.settle(&params(5, 1), NOW + SECOND - 1);
    assert_eq!(note.used(), 1);
    note.settle(&params(5, 1), NOW + SECOND);
    assert_eq!(note.used(), 0);
}

#[test]
fn what_is_given_back_ends_a_note() {
    for end in
        [|note: &mut CachedDenial| note.forgive(1), |note: &mut CachedDenial| note.refund(&params(5, 1), NOW, NOW, 1)]
    {
        let mut note = noted(SECOND);
        end(&mut note);
        assert_eq!((note.used(), denied(&note, 5, 3, 0)), (0, 0));
    }
}

#[test]
fn the_last_word_of_the_server_counts() {
    let mut note = noted(SECOND);
    note.charge(&params(9, 3 * SECOND), NOW, 0);
    assert_eq!((denied(&note, 5, 3, 0), denied(&note, 9, 1, 0)), (0, 3 * SECOND));
}
