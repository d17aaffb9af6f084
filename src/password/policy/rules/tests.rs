//! Passwords that each rule rejects, and those that it does not.

use super::*;
use crate::password::policy::block_list::ENTRIES;

fn check(password: &str) -> Vec<PasswordProblem> {
    PasswordPolicy::default().check(password, &[])
}

#[test]
fn a_password_of_14_characters_is_too_short_and_one_of_15_is_accepted() {
    assert_eq!(check("vq7 grzm,tlwxb"), [PasswordProblem::TooShort { min: 15 }]);
    assert_eq!(check("vq7 grzm,tlwxbn"), []);
}

#[test]
fn an_emoji_of_four_bytes_counts_as_one_character() {
    assert_eq!(check("😀vq7 grzm,tlwx"), [PasswordProblem::TooShort { min: 15 }]);
    assert_eq!(check("😀vq7 grzm,tlwxb"), []);
}

#[test]
fn a_password_of_128_characters_is_accepted_and_a_longer_one_is_too_long() {
    let long: String = (0_u32..129).filter_map(|index| char::from_u32(0x4e00 + index * 7 % 1000)).collect();
    assert_eq!(check(&long), [PasswordProblem::TooLong { max: 128 }]);
    assert_eq!(check(&long[..128 * 3]), []);
}

#[test]
fn fifteen_characters_of_one_class_are_accepted() {
    for password in [
        "xkqvbzjwpmtrhfd",
        "XKQVBZJWPMTRHFD",
        "836105927461830",
        "!?:;%(]~{<^|>}.",
        "\u{436}\u{449}\u{444}\u{44d}\u{44b}\u{44e}\u{44a}\u{431}\u{43d}\u{433}\u{448}\u{434}\u{43b}\u{44c}\u{43f}",
    ] {
        assert_eq!(check(password), [], "{password}");
    }
}

#[test]
fn every_entry_of_the_list_of_at_least_the_minimum_length_is_common_in_either_case() {
    let policy = PasswordPolicy::builder().min_length(8).build().unwrap();
    assert!(ENTRIES.len() > 8_000 && ENTRIES.iter().all(|entry| entry.chars().count() >= 8));
    assert!(ENTRIES.is_sorted());
    for entry in ENTRIES.iter() {
        for password in [(*entry).to_owned(), entry.to_uppercase()] {
            assert_eq!(policy.check(&password, &[]), [PasswordProblem::Common], "{password}");
        }
    }
}

#[test]
fn only_the_whole_password_is_compared_with_the_list() {
    assert_eq!(check("correct horse password staple"), []);
    assert_eq!(check("manchesterunited"), [PasswordProblem::Common]);
    assert_eq!(check("manchesterunited of 1999"), []);
}

#[test]
fn repetitions_sequences_and_keyboard_runs_are_common() {
    for password in [
        "passwordpassword",
        "qwertyqwertyqwerty",
        "aaaaaaaaaaaaaaa",
        "123456789012345",
        "abcdefghijklmnop",
        "qwertyuiopasdfgh",
        "PasswordPassword",
        "footballfootball",
        "QWERTYUIOP123456",
    ] {
        assert_eq!(check(password), [PasswordProblem::Common], "{password}");
    }
}

#[test]
fn a_context_word_is_rejected_alone_doubled_and_with_up_to_four_characters_after_it() {
    let policy = PasswordPolicy::builder().min_length(8).context(["Portcullis"]).build().unwrap();
    let context = ["ann.marie@example.com", "Ann-Marie Smith"];
    for password in [
        "ann.marie@example.com",
        "ANN.MARIE@EXAMPLE.COM",
        "ann.marie",
        "ann.marie2026",
        "ann.marieann.marie",
        "ann-marie smith",
        "Ann-Marie Smith!",
        "portcullis",
        "Portcullis2026",
        "portcullisportcullis",
    ] {
        assert_eq!(policy.check(password, &context), [PasswordProblem::Context], "{password}");
    }
    for password in ["ann.marie20260", "my name is ann.marie", "portcullis is a gate", "1portcullis"] {
        assert_eq!(policy.check(password, &context), [], "{password}");
    }
    assert_eq!(policy.check("ann.marie2026", &[]), []);
}

#[test]
fn context_words_under_four_characters_are_ignored_and_those_in_nfd_are_found() {
    let policy = PasswordPolicy::builder().min_length(8).build().unwrap();
    assert_eq!(policy.check("ann7&xQz", &["ann@example.com", "ann", "", " "]), []);
    assert_eq!(
        policy.check("jos\u{e9}jos\u{e9}", &["jose\u{301}"]),
        [PasswordProblem::Common, PasswordProblem::Context]
    );
    assert_eq!(policy.check("jos\u{e9}1999", &["jose\u{301}"]), [PasswordProblem::Context]);
}

#[test]
fn all_problems_are_returned_at_once_and_none_contains_the_password() {
    let problems = check("1234567\t");
    assert_eq!(problems, [PasswordProblem::TooShort { min: 15 }, PasswordProblem::InvalidCharacter]);
    let problems = PasswordPolicy::default().check("zebrafish", &["zebrafish@example.com"]);
    assert_eq!(problems, [PasswordProblem::TooShort { min: 15 }, PasswordProblem::Context]);
    let text: String = problems.iter().map(|problem| format!("{problem} {problem:?}")).collect();
    assert!(!text.contains("zebrafish"), "{text}");
}

#[test]
fn a_control_character_is_a_problem_of_its_own() {
    for password in ["vq7 grzm\0tlwxbnk", "vq7 grzm\ntlwxbnk", "vq7 grzm\u{85}tlwxbnk"] {
        assert_eq!(check(password), [PasswordProblem::InvalidCharacter], "{password:?}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_causes_a_panic_and_a_problem_is_returned_once(text in ".{0,200}", word in ".{0,20}") {
        let problems = PasswordPolicy::default().check(&text, &[&word]);
        let codes: std::collections::BTreeSet<_> = problems.iter().map(PasswordProblem::code).collect();
        proptest::prop_assert_eq!(codes.len(), problems.len());
    }

    #[test]
    fn every_doubled_word_is_rejected_with_its_user(word in "[a-z]{8,12}") {
        let problems = PasswordPolicy::default().check(&format!("{word}{word}"), &[&word]);
        proptest::prop_assert!(problems.contains(&PasswordProblem::Context));
    }
}
