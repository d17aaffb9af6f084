//! Tests of watchers: which ones a revocation wakes, and what their slots keep.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::task::Wake;
use std::thread;

use super::*;
use crate::context::RevocationKind;

/// Counts how often it is woken.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Counter {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

const ISSUER: &str = "https://auth.example.com";

fn id(kind: RevocationKind<'_>) -> RevocationId {
    RevocationId::of(kind)
}

fn token(id_of_token: &str) -> RevocationId {
    id(RevocationKind::Token { issuer: issuer(ISSUER), id: id_of_token })
}

fn session(id_of_session: &str) -> RevocationId {
    id(RevocationKind::Session { issuer: issuer(ISSUER), id: id_of_session })
}

fn subject(name: &str) -> RevocationId {
    id(RevocationKind::Subject { issuer: issuer(ISSUER), id: name })
}

fn issuer(name: &str) -> RevocationId {
    id(RevocationKind::Issuer { name })
}

fn client(name: &str) -> RevocationId {
    id(RevocationKind::Client { issuer: issuer(ISSUER), id: name })
}

/// The ids of a token of a user, in a session of the client `web`.
fn ids(token_id: &str, session_id: &str, user: &str) -> Arc<RevocationIds> {
    Arc::new(RevocationIds {
        issuer: Some(issuer(ISSUER)),
        subject: Some(subject(user)),
        client: Some(client("web")),
        session: Some(session(session_id)),
        credential: Some(token(token_id)),
        hashes: Default::default(),
        issued_at: 1,
        expires_at: None,
        checked_generation: AtomicU64::new(0),
    })
}

/// A watcher that was polled once.
fn watch(watchers: &Watchers, ids: &Arc<RevocationIds>) -> (Place, Arc<Counter>) {
    let place = watchers.insert(Arc::clone(ids));
    let counter = Arc::new(Counter::default());
    assert!(!watchers.poll(&place, &Waker::from(Arc::clone(&counter)), |_| false));
    (place, counter)
}

#[test]
fn a_revoked_id_wakes_the_watchers_that_have_it_and_no_others() {
    let watchers = Watchers::new();
    let users = [("t1", "s1", "ann"), ("t2", "s1", "ann"), ("t3", "s2", "ann"), ("t4", "s3", "bob")];
    for (id, expected) in [
        (token("t1"), [1, 0, 0, 0]),
        (session("s1"), [1, 1, 0, 0]),
        (subject("ann"), [1, 1, 1, 0]),
        (subject("bob"), [0, 0, 0, 1]),
        (client("web"), [1, 1, 1, 1]),
        (issuer(ISSUER), [1, 1, 1, 1]),
        (token("s1"), [0; 4]),
        (subject("t1"), [0; 4]),
        (client("app"), [0; 4]),
        (issuer("https://other.example.com"), [0; 4]),
    ] {
        let watched = users.map(|(token, session, user)| watch(&watchers, &ids(token, session, user)));
        watchers.wake(id);
        assert_eq!(watched.each_ref().map(|(_, counter)| counter.count()), expected, "{id:?}");
        // A watcher is woken once until it is polled again.
        watchers.wake(id);
        assert_eq!(watched.each_ref().map(|(_, counter)| counter.count()), expected, "{id:?}");
        watched.iter().for_each(|(place, _)| watchers.remove(place));
    }
    assert_eq!(watchers.len(), 0);
}

#[test]
fn a_watcher_without_a_session_or_an_id_is_woken_by_its_subject() {
    let watchers = Watchers::new();
    let least = RevocationIds { client: None, session: None, credential: None, ..new_ids("ann") };
    let (place, counter) = watch(&watchers, &Arc::new(least));
    watchers.wake(subject("ann"));
    assert_eq!(counter.count(), 1);
    watchers.remove(&place);
}

fn new_ids(user: &str) -> RevocationIds {
    Arc::into_inner(ids("t", "s", user)).unwrap()
}

#[test]
fn the_last_waker_is_woken() {
    let watchers = Watchers::new();
    let (place, first) = watch(&watchers, &ids("t", "s", "ann"));
    let second = Arc::new(Counter::default());
    watchers.poll(&place, &Waker::from(Arc::clone(&second)), |_| false);
    watchers.wake(token("t"));
    assert_eq!((first.count(), second.count()), (0, 1));
    assert_eq!(Arc::strong_count(&first), 1, "the old waker was dropped");
    assert!(watchers.poll(&place, Waker::noop(), |ids| ids.subject == Some(subject("ann"))));
}

/// A small generator of pseudo-random numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 as usize % bound
    }
}

#[test]
fn a_random_sequence_of_insertions_removals_and_revocations_agrees_with_a_model() {
    let watchers = Watchers::new();
    let mut random = Random(7);
    let mut model: Vec<(Place, Arc<Counter>, [usize; 3])> = Vec::new();
    for step in 0..20_000 {
        // More insertions first, so that the lists grow, and more removals later.
        let inserts = random.below(10) < if step < 10_000 { 6 } else { 4 };
        if inserts || model.is_empty() {
            let numbers = [random.below(500), random.below(300), random.below(20)];
            let [token, session, user] = numbers.map(|number| number.to_string());
            let (place, counter) = watch(&watchers, &ids(&token, &session, &user));
            model.push((place, counter, numbers));
        } else {
            let (place, ..) = model.swap_remove(random.below(model.len()));
            watchers.remove(&place);
        }
        if step % 50 == 0 {
            let kind = random.below(3);
            let number = random.below([500, 300, 20][kind]);
            let name = number.to_string();
            watchers.wake([token(&name), session(&name), subject(&name)][kind]);
            for (place, counter, numbers) in &model {
                let expected = usize::from(numbers[kind] == number);
                assert_eq!(counter.0.swap(0, Ordering::SeqCst), expected, "step {step}");
                watchers.poll(place, &Waker::from(Arc::clone(counter)), |_| false);
            }
        }
    }
}

#[test]
fn lists_stay_short_however_many_watchers_there_are() {
    let watchers = Watchers::new();
    for number in 0..20_000 {
        let name = number.to_string();
        watchers.insert(ids(&name, &name, &name));
        if [10, 100, 1_000, 5_000, 16_383, 19_999].contains(&number) {
            let longest = watchers.lock().longest_list();
            assert!((1..30).contains(&longest), "{longest} of {number}");
        }
    }
}

#[test]
fn a_revoked_client_wakes_all_its_watchers() {
    let watchers = Watchers::new();
    let other = RevocationIds { client: Some(client("app")), ..new_ids("bob") };
    let other = watch(&watchers, &Arc::new(other));
    // More than one chunk of slots.
    let watched: Vec<_> = (0..200).map(|_| watch(&watchers, &ids("t", "s", "ann"))).collect();
    watchers.wake(client("web"));
    assert!(watched.iter().all(|(_, counter)| counter.count() == 1));
    assert_eq!(other.1.count(), 0);
}

#[test]
fn a_slot_is_used_again() {
    let watchers = Watchers::new();
    let shared = ids("t", "s", "ann");
    for _ in 0..10 {
        let places: Vec<_> = (0..1_000).map(|_| watchers.insert(Arc::clone(&shared))).collect();
        assert!(places.iter().all(|place| place.slot() < 1_024), "1,000 watchers need 16 chunks");
        places.iter().for_each(|place| watchers.remove(place));
    }
    assert_eq!(Arc::strong_count(&shared), 1, "a free slot keeps no ids");
    assert!(watchers.lock().is_empty());
}

/// A waker that owns watchers, as a future in a set of futures does.
struct Owner(Arc<Watchers>, Mutex<Option<Place>>);

impl Wake for Owner {
    fn wake(self: Arc<Self>) {
        self.remove();
    }
}

impl Owner {
    fn remove(&self) {
        let place = self.1.lock().unwrap().take();
        place.iter().for_each(|place| self.0.remove(place));
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.remove();
    }
}

#[test]
fn a_waker_may_drop_another_watcher() {
    let watchers = Arc::new(Watchers::new());
    let actions: [fn(&Watchers, &Place); 3] = [
        |watchers, _| watchers.wake(token("t")),
        |watchers, place| assert!(!watchers.poll(place, Waker::noop(), |_| false)),
        |watchers, place| watchers.remove(place),
    ];
    for action in actions {
        let [place, owned] = ["ann", "bob"].map(|user| watchers.insert(ids("t", "s", user)));
        let owner = Owner(Arc::clone(&watchers), Mutex::new(Some(owned)));
        watchers.poll(&place, &Waker::from(Arc::new(owner)), |_| false);
        action(&watchers, &place);
        assert_eq!(watchers.len(), usize::from(watchers.lock().watcher(place.slot()).is_some()));
        watchers.remove(&place);
        assert!(watchers.lock().is_empty());
    }
}

#[test]
fn a_revocation_after_the_lookup_wakes_the_watcher() {
    let watchers = Watchers::new();
    let place = watchers.insert(ids("t", "s", "ann"));
    let counter = Arc::new(Counter::default());
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let is_revoked = |_: &_| {
            scope.spawn(|| {
                watchers.wake(subject("ann"));
                is_done.store(true, Ordering::SeqCst);
            });
            // The revocation has to wait until the waker is stored, so this takes all rounds.
            let is_done = (0..10_000).any(|_| {
                thread::yield_now();
                is_done.load(Ordering::SeqCst)
            });
            assert!(!is_done);
            false
        };
        watchers.poll(&place, &Waker::from(Arc::clone(&counter)), is_revoked);
    });
    assert_eq!(counter.count(), 1);
}

#[test]
fn no_wake_up_is_lost_between_threads() {
    // A thread revokes by increasing `revoked`, then wakes. Another one watches, and if it is not woken, it must have
    // seen the increase. Each round starts with no watcher, so the revocation may see that nothing is watched.
    const ROUNDS: usize = 5_000;
    let watchers = Watchers::new();
    let [revoked, round] = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let ids = ids("t", "s", "ann");
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..=ROUNDS {
                while round.load(Ordering::Relaxed) < number {
                    thread::yield_now();
                }
                revoked.store(number, Ordering::Relaxed);
                watchers.wake(subject("ann"));
            }
        });
        for number in 1..=ROUNDS {
            round.store(number, Ordering::Relaxed);
            let place = watchers.insert(Arc::clone(&ids));
            let counter = Arc::new(Counter::default());
            let is_revoked = |_: &_| revoked.load(Ordering::Relaxed) == number;
            let waker = Waker::from(Arc::clone(&counter));
            let mut woken = 0;
            while !watchers.poll(&place, &waker, is_revoked) {
                while counter.count() == woken {
                    thread::yield_now();
                }
                // The call of the round before may have woken it too.
                woken = counter.count();
            }
            assert!(watchers.poll(&place, Waker::noop(), is_revoked));
            watchers.remove(&place);
        }
    });
}
