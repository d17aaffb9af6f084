//! Patterns that no list covers: repetitions, sequences, and runs on a keyboard.

/// Whether fewer than eight characters repeat, at least twice: `aaaaaaaa`, `qwertyqwertyqw`.
pub(super) fn has_short_period(characters: &[char]) -> bool {
    let longest = MAX_PERIOD.min(characters.len() / 2);
    (1..=longest).any(|period| characters.iter().zip(characters.iter().skip(period)).all(|(one, next)| one == next))
}

/// The shortest text of which this one is a whole number of copies, at least two.
pub(super) fn repeated_unit(text: &str) -> Option<&str> {
    (1..=text.len() / 2).filter(|len| text.len().is_multiple_of(*len)).find_map(|len| {
        let unit = text.get(..len)?;
        let is_copy = |chunk: &[u8]| chunk == unit.as_bytes();
        text.as_bytes().chunks(len).all(is_copy).then_some(unit)
    })
}

/// Whether a password in lower case consists only of runs of at least three characters: neighbors on one of the
/// [`TRACKS`] or in Unicode, in either direction, or one character repeated.
pub(super) fn is_made_of_runs(characters: &[char]) -> bool {
    // For each number of characters: whether so many from the start are made of runs.
    let mut is_made = vec![false; characters.len() + 1];
    let mut runs: Vec<(Steps, usize)> = Steps::all().map(|steps| (steps, 0)).collect();
    let mut previous = None;
    if let Some(start) = is_made.first_mut() {
        *start = true;
    }
    for (index, &character) in characters.iter().enumerate() {
        let mut longest = 0;
        for (steps, length) in &mut runs {
            let continues = previous.is_some_and(|previous| steps.lead(previous, character));
            *length = if continues { *length + 1 } else { 1 };
            longest = longest.max(*length);
        }
        let end = index + 1;
        // A part of a run is a run, so each length up to the longest is possible.
        let starts = is_made.get(end - longest..(end + 1).saturating_sub(MIN_RUN)).unwrap_or_default();
        let is_end = starts.contains(&true);
        if let Some(made) = is_made.get_mut(end) {
            *made = is_end;
        }
        previous = Some(character);
    }
    characters.len() >= MIN_RUN && is_made.last() == Some(&true)
}

/// The steps of one kind of run.
#[derive(Clone, Copy)]
enum Steps {
    Same,
    /// To the next code point, which is the next letter in most scripts.
    Ascending,
    Descending,
    Forward(&'static str),
    Backward(&'static str),
}

impl Steps {
    fn all() -> impl Iterator<Item = Self> {
        let both = TRACKS.iter().flat_map(|track| [Self::Forward(track), Self::Backward(track)]);
        [Self::Same, Self::Ascending, Self::Descending].into_iter().chain(both)
    }

    /// Whether one step leads from a character to another.
    fn lead(self, from: char, to: char) -> bool {
        match self {
            Self::Same => from == to,
            Self::Ascending => u32::from(from) + 1 == u32::from(to),
            Self::Descending => u32::from(from) == u32::from(to) + 1,
            Self::Forward(track) => follows(track, from, to),
            Self::Backward(track) => follows(track, to, from),
        }
    }
}

/// Whether `next` stands right after `one` on a track, or at its start if `one` is the last.
fn follows(track: &str, one: char, next: char) -> bool {
    let Some((_, rest)) = track.split_once(one) else { return false };
    rest.chars().next().or_else(|| track.chars().next()) == Some(next)
}

/// The longest period that is a repetition by itself. A longer unit must be a common password.
const MAX_PERIOD: usize = 7;

/// The shortest run. Runs of two are in every text.
const MIN_RUN: usize = 3;

/// The alphabet, the digits, and the rows and columns of keyboards (QWERTY, QWERTZ, AZERTY, JCUKEN), each a ring. A
/// character is at most once on a track.
const TRACKS: [&str; 16] = [
    "abcdefghijklmnopqrstuvwxyz",
    "0123456789",
    "!@#$%^&*()_+",
    "1234567890-=",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertyuiop[]asdfghjkl;'zxcvbnm,./",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "\u{439}\u{446}\u{443}\u{43a}\u{435}\u{43d}\u{433}\u{448}\u{449}\u{437}\u{445}\
     \u{44a}\u{444}\u{44b}\u{432}\u{430}\u{43f}\u{440}\u{43e}\u{43b}\u{434}\u{436}\
     \u{44d}\u{44f}\u{447}\u{441}\u{43c}\u{438}\u{442}\u{44c}\u{431}\u{44e}",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "!qaz@wsx#edc$rfv%tgb^yhn&ujm*ik,(ol.)p;/",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "1a2b3c4d5e6f7g8h9i0j",
    "a1b2c3d4e5f6g7h8i9j0",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn is_run(text: &str) -> bool {
        is_made_of_runs(&text.chars().collect::<Vec<_>>())
    }

    #[test]
    fn runs_of_keyboards_alphabets_and_digits_are_found_in_both_directions() {
        for text in [
            "qwertyuiopasdfgh",
            "poiuytrewq",
            "123456789012345",
            "9876543210987",
            "abcdefghijklmnop",
            "zyxwvutsrq",
            "1qaz2wsx3edc4rfv",
            "1q2w3e4r5t6y7u8i",
            "qazwsxedcrfvtgb",
            "qwerty123456789",
            "abcxyz789aaa!@#$",
            "\u{439}\u{446}\u{443}\u{43a}\u{435}\u{43d}\u{433}\u{448}\u{449}\u{437}\u{445}",
            "\u{430}\u{431}\u{432}\u{433}\u{434}\u{435}\u{436}\u{437}\u{438}\u{439}",
            "123454321123",
        ] {
            assert!(is_run(text), "{text}");
        }
    }

    #[test]
    fn one_more_character_ends_the_pattern() {
        for text in ["", "ab", "qwertyuiop1", "xqwertyuiop", "abcdxefgh", "correct horse", "acegikmoqs", "qwertz1x2"] {
            assert!(!is_run(text), "{text}");
        }
    }

    #[test]
    fn a_repetition_is_found_up_to_seven_characters_and_needs_two_copies() {
        let has_period = |text: &str| has_short_period(&text.chars().collect::<Vec<_>>());
        for text in ["aa", "abab", "aaaaaaaaaaaaaaa", "abcdefgabcdefg", "qwertyqwertyqwerty", "x1!x1!x1!x", "éaéaé"]
        {
            assert!(has_period(text), "{text}");
        }
        for text in ["", "a", "monkey1m", "abcdefghabcdefgh", "abab1"] {
            assert!(!has_period(text), "{text}");
        }
    }

    #[test]
    fn the_repeated_unit_is_the_shortest_and_whole() {
        for (text, unit) in [
            ("passwordpassword", Some("password")),
            ("aaaa", Some("a")),
            ("ééé", Some("é")),
            ("passwordpasswor", None),
            ("", None),
            ("a", None),
        ] {
            assert_eq!(repeated_unit(text), unit, "{text}");
        }
    }

    #[test]
    fn a_character_is_at_most_once_on_a_track() {
        for track in TRACKS {
            let characters: std::collections::BTreeSet<_> = track.chars().collect();
            assert_eq!(characters.len(), track.chars().count(), "{track}");
            assert_eq!(track.to_lowercase(), track);
        }
    }
}
