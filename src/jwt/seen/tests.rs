//! What is known again, what is not, and who must go.

use super::*;

fn known(user: &str, until: u64) -> Known {
    let user = UserContext::new(user);
    Known { user, issuer: 0, sets: 0, since: Duration::from_secs(100), until: Duration::from_secs(until) }
}

/// One line of eight places.
fn line() -> SeenTokens {
    SeenTokens::with_shelves(NonZeroUsize::MIN, 1)
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn id(seen: &SeenTokens, token: &str, now: u64) -> Option<String> {
    seen.find(token.as_bytes(), at(now)).map(|known| known.user.id().to_owned())
}

#[test]
fn a_token_is_known_again_by_all_its_bytes() {
    let seen = line();
    let tail = "x".repeat(HASHED);
    seen.remember(&format!("aa.{tail}"), known("ann", 200));
    assert_eq!(id(&seen, &format!("aa.{tail}"), 150).as_deref(), Some("ann"));
    // The same hash, and other bytes.
    for other in [format!("ab.{tail}"), format!("a.{tail}"), format!("aaa.{tail}"), tail.clone(), String::new()] {
        assert_eq!(id(&seen, &other, 150), None, "{other}");
    }
    seen.remember(&format!("ab.{tail}"), known("bob", 200));
    assert_eq!(id(&seen, &format!("aa.{tail}"), 150).as_deref(), Some("ann"));
    assert_eq!(id(&seen, &format!("ab.{tail}"), 150).as_deref(), Some("bob"));
}

#[test]
fn it_is_known_from_when_it_was_verified_until_it_expires() {
    let seen = line();
    seen.remember("token", known("ann", 200));
    for (now, is_known) in [(99, false), (100, true), (199, true), (200, false), (201, false)] {
        assert_eq!(id(&seen, "token", now).is_some(), is_known, "{now}");
    }
}

#[test]
fn a_token_that_is_seen_anew_takes_its_own_place() {
    let seen = line();
    seen.remember("token", known("ann", 200));
    seen.remember("token", Known { sets: 1, ..known("ann", 200) });
    assert_eq!(seen.find(b"token", at(150)).map(|known| known.sets), Some(1));
    let line = seen.shelves[0].lines[0].lock().unwrap();
    assert_eq!(line.0.iter().flatten().count(), 1);
}

#[test]
fn what_was_not_used_again_goes_first_and_the_oldest_of_those() {
    let seen = line();
    for number in 0..8_u64 {
        let user = format!("user{number}");
        seen.remember(&user, Known { since: at(100 + number), ..known(&user, 200) });
    }
    for used in ["user0", "user1", "user3"] {
        assert!(id(&seen, used, 150).is_some());
    }
    seen.remember("new", known("new", 200));
    assert_eq!(id(&seen, "user2", 150), None);
    for kept in ["user0", "user1", "user3", "user4", "user5", "user6", "user7", "new"] {
        assert!(id(&seen, kept, 150).is_some(), "{kept}");
    }
}

#[test]
fn newcomers_that_find_no_place_make_the_others_older() {
    let seen = line();
    let users: Vec<_> = (0..8).map(|number| format!("user{number}")).collect();
    for user in &users {
        seen.remember(user, known(user, 200));
    }
    for _ in 0..99 {
        assert!(users.iter().all(|user| id(&seen, user, 150).is_some()));
    }
    for number in 0..MOST_USES {
        let newcomer = format!("new{number}");
        seen.remember(&newcomer, known(&newcomer, 200));
        assert_eq!(id(&seen, &newcomer, 150), None, "{newcomer}");
    }
    // Whoever was not seen all this while may go now; who comes in between stays.
    assert!(id(&seen, "user0", 150).is_some());
    seen.remember("last", known("last", 200));
    assert!(id(&seen, "last", 150).is_some() && id(&seen, "user0", 150).is_some());
}

#[test]
fn a_flood_of_one_subjects_tokens_takes_two_places_of_a_line() {
    let seen = line();
    let users: Vec<_> = (0..6).map(|number| format!("user{number}")).collect();
    for user in &users {
        seen.remember(user, known(user, 200));
    }
    for number in 0..1_000 {
        let token = format!("token{number}");
        seen.remember(&token, known("mallory", 200));
        id(&seen, &token, 150);
    }
    for user in &users {
        assert!(id(&seen, user, 150).is_some(), "{user}");
    }
    let line = seen.shelves[0].lines[0].lock().unwrap();
    assert_eq!(line.0.iter().flatten().filter(|seen| seen.known.user.id() == "mallory").count(), 2);
}

#[test]
fn subjects_of_one_name_at_two_issuers_are_two() {
    let seen = line();
    for issuer in 0..3 {
        for token in 0..2 {
            seen.remember(&format!("{issuer}.{token}"), Known { issuer, ..known("ann", 200) });
        }
    }
    let line = seen.shelves[0].lines[0].lock().unwrap();
    assert_eq!(line.0.iter().flatten().count(), 6);
}

#[test]
fn what_has_expired_is_let_go_of_by_those_that_come_later() {
    let seen = SeenTokens::with_shelves(NonZeroUsize::new(64).unwrap(), 1);
    for number in 0..64 {
        let user = format!("user{number}");
        seen.remember(&user, known(&user, 200));
    }
    let held =
        || seen.shelves[0].lines.iter().map(|line| line.lock().unwrap().0.iter().flatten().count()).sum::<usize>();
    assert!(held() > 32, "{}", held());
    // Each newcomer sweeps its own line and one more, in turn.
    for number in 0..8 {
        let user = format!("late{number}");
        seen.remember(&user, Known { since: at(200), ..known(&user, 300) });
    }
    assert_eq!(held(), 8);
}

#[test]
fn a_token_of_more_than_8192_bytes_is_not_remembered() {
    let seen = line();
    for (len, is_known) in [(MAX_LEN, true), (MAX_LEN + 1, false)] {
        let token = "a".repeat(len);
        seen.remember(&token, known("ann", 200));
        assert_eq!(id(&seen, &token, 150).is_some(), is_known, "{len}");
    }
}

#[test]
fn there_are_places_for_about_as_many_as_were_asked_for() {
    for (asked, shelves, places) in [(1, 1, 8), (8, 1, 8), (9, 1, 16), (4_096, 2, 4_096), (100, 16, 128)] {
        let seen = SeenTokens::with_shelves(NonZeroUsize::new(asked).unwrap(), shelves);
        assert_eq!(seen.shelves.iter().map(|shelf| shelf.lines.len() * PLACES).sum::<usize>(), places);
        assert_eq!(format!("{seen:?}"), format!("SeenTokens {{ places: {places}, .. }}"));
    }
    assert!((1..=MOST_SHELVES).contains(&SeenTokens::new(NonZeroUsize::MIN).shelves.len()));
}
