//! `History`: what is known about the entries that were read, without keeping them.

// A few numbers show two things:
//
// - Which entries may be trimmed? Redis can remove all entries before an id. That id must be at most the one of the
//   oldest entry that has not expired. `groups` has the latest expiry of successive entries: those of a minute, but not
//   too many, since the ids of a server whose clock was ahead stay in one minute for a long time.
// - Is the stream still the one that was read? The newest entry that has not expired is never trimmed, so it must still
//   be there, with the same bytes. If it has expired, the newest one before it that has not takes its place.
//   `anchors` has these in order: each expires later than all entries after it.
//
// Expiries of anchors are compared in whole minutes, so there are at most as many as the longest lifetime has minutes.

use std::collections::VecDeque;

use crate::revocation::redis::stream_id::StreamId;

#[derive(Debug, Default)]
pub(super) struct History {
    groups: VecDeque<Group>,
    anchors: Vec<Anchor>,
    /// The id of the last entry.
    last: StreamId,
}

/// Entries that were added one after the other.
#[derive(Debug)]
struct Group {
    first: StreamId,
    count: usize,
    /// When the last of them expires.
    expires_at: u64,
}

/// An entry by which the stream is recognized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Anchor {
    pub(super) id: StreamId,
    pub(super) value: Vec<u8>,
    expires_at: u32,
}

impl History {
    /// Adds an entry that was read after all others. `expires_at` is in seconds since 1970.
    pub(super) fn add(&mut self, id: StreamId, value: Vec<u8>, expires_at: u32) {
        self.keep_until(id, expires_at.into());
        let minutes = |expires_at: u32| u64::from(expires_at) / MINUTE;
        while self.anchors.last().is_some_and(|last| minutes(last.expires_at) <= minutes(expires_at)) {
            self.anchors.pop();
        }
        self.anchors.push(Anchor { id, value, expires_at });
    }

    /// Adds an entry of a newer version, whose expiry is not known. Only processes of that version trim it on time.
    pub(super) fn add_unknown(&mut self, id: StreamId) {
        self.keep_until(id, id.seconds().saturating_add(UNKNOWN_LIFETIME));
    }

    fn keep_until(&mut self, id: StreamId, expires_at: u64) {
        self.last = id;
        match self.groups.back_mut() {
            Some(newest) if newest.count < GROUP && newest.first.seconds() / MINUTE == id.seconds() / MINUTE => {
                newest.count += 1;
                newest.expires_at = newest.expires_at.max(expires_at);
            }
            _ => self.groups.push_back(Group { first: id, count: 1, expires_at }),
        }
    }

    /// Returns the newest entry that has not expired at this time, in seconds since 1970.
    pub(super) fn anchor(&mut self, now: u64) -> Option<&Anchor> {
        while self.anchors.last().is_some_and(|last| u64::from(last.expires_at) <= now) {
            self.anchors.pop();
        }
        self.anchors.last()
    }

    /// Returns the id before which all entries have expired, by this clock and by the clock of the server.
    ///
    /// The time of the server is that of the last entry. So while one of the clocks is wrong, nothing is trimmed that
    /// is needed.
    pub(super) fn expired_before(&mut self, now: u64) -> StreamId {
        let now = now.min(self.last.seconds()).saturating_sub(MARGIN);
        while self.groups.front().is_some_and(|oldest| oldest.expires_at <= now) {
            self.groups.pop_front();
        }
        self.groups.front().map_or(self.last, |oldest| oldest.first)
    }
}

const MINUTE: u64 = 60;
/// The most entries in a group.
const GROUP: usize = 4_096;
/// How much longer than until its expiry an entry is kept, in seconds: the clocks of processes differ a little.
const MARGIN: u64 = 60;
/// How long an entry of a newer version is kept, in seconds: 30 days, which few lifetimes of tokens exceed.
const UNKNOWN_LIFETIME: u64 = 30 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_700_000_000;

    fn id(seconds: u64) -> StreamId {
        StreamId { millis: seconds * 1_000, number: 3 }
    }

    fn history(entries: &[(u64, u64)]) -> History {
        let mut history = History::default();
        for (at, expires_at) in entries {
            history.add(id(START + at), vec![*at as u8], (START + expires_at) as u32);
        }
        history
    }

    #[test]
    fn nothing_is_trimmed_before_it_has_expired_by_both_clocks() {
        let mut history = history(&[(0, 300), (10, 4_000), (600, 900), (5_000, 5_300)]);
        let trims =
            |history: &mut History, now: u64| history.expired_before(START + now).seconds().saturating_sub(START);
        // By the clock of this process the second entry has not expired.
        assert!(trims(&mut history, 3_999) <= 10);
        // By the time of the last entry the third has expired too.
        let before = trims(&mut history, 1_000_000);
        assert!((601..=5_000).contains(&before), "{before}");
        assert_eq!(trims(&mut history, 0), before, "what was trimmed stays trimmed");
    }

    #[test]
    fn an_entry_is_trimmed_a_minute_after_its_expiry() {
        let mut history = history(&[(0, 300), (5_000, 9_000)]);
        assert_eq!(history.expired_before(START + 359), id(START));
        assert_eq!(history.expired_before(START + 360), id(START + 5_000));
    }

    #[test]
    fn the_latest_expiry_of_a_minute_counts() {
        let mut history = history(&[(0, 4_000), (10, 300), (5_000, 9_000)]);
        assert_eq!(history.expired_before(START + 4_059), id(START));
        assert_eq!(history.expired_before(START + 4_060), id(START + 5_000));
    }

    #[test]
    fn a_clock_that_is_ahead_does_not_trim_what_the_server_considers_new() {
        let mut history = history(&[(0, 300), (1, 400)]);
        assert!(history.expired_before(u64::MAX).seconds() <= START);
        history.add(id(START + 500), Vec::new(), (START + 900) as u32);
        assert!((START + 1..=START + 500).contains(&history.expired_before(u64::MAX).seconds()));
    }

    #[test]
    fn all_entries_before_the_last_may_have_expired() {
        let mut history = history(&[(0, 10), (1_000, 1_001), (5_000, 20)]);
        assert_eq!(history.expired_before(START + 9_000), id(START + 5_000));
        assert_eq!(History::default().expired_before(START), StreamId::START);
    }

    #[test]
    fn the_anchor_is_the_newest_entry_that_has_not_expired() {
        let mut history = history(&[(0, 9_000), (1, 600), (2, 3_000), (3, 300), (4, 1_000)]);
        let mut at =
            |now: u64| history.anchor(START + now).map(|anchor| (anchor.id.seconds() - START, anchor.value[0]));
        assert_eq!(at(0), Some((4, 4)));
        assert_eq!(at(999), Some((4, 4)));
        assert_eq!(at(1_000), Some((2, 2)), "the entry before it expired even earlier");
        assert_eq!(at(3_000), Some((0, 0)));
        assert_eq!(at(9_000), None);
    }

    #[test]
    fn an_entry_of_a_newer_version_is_kept_and_is_no_anchor() {
        let mut history = history(&[(0, 300), (10, 400)]);
        history.add_unknown(id(START + 70));
        history.add(id(START + 10_000), Vec::new(), (START + 10_300) as u32);
        let before = history.expired_before(START + 10_000).seconds();
        assert!((START + 10..=START + 70).contains(&before), "{before}");
        assert_eq!(history.anchor(START + 10_300), None);
    }

    #[test]
    fn memory_is_bounded_by_the_minutes_of_the_longest_lifetime() {
        let mut history = History::default();
        // Each entry expires a little earlier than the one before it.
        for n in 0..200_000_u64 {
            history.add(id(START + n / 1_000), vec![0; 42], (START + 86_400 - n / 4) as u32);
        }
        assert!(history.anchors.len() <= 86_400 / 60, "{}", history.anchors.len());
        assert!(history.groups.len() <= 60, "{}", history.groups.len());
    }

    #[test]
    fn entries_of_a_server_whose_clock_was_ahead_are_trimmed() {
        let mut history = History::default();
        let ahead = START + 86_400;
        for number in 0..20_000 {
            let id = StreamId { millis: ahead * 1_000, number };
            history.add(id, Vec::new(), (START + number) as u32);
        }
        let before = history.expired_before(START + 10_060);
        assert!(before.millis == ahead * 1_000 && (4_096..=10_000).contains(&before.number), "{before}");
    }
}
