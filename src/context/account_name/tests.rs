//! The folding of account names.

use proptest::prelude::*;

use super::*;

#[test]
fn spellings_of_one_name_are_folded_to_one_text() {
    for name in [
        "ann@example.com",
        "Ann@Example.com",
        "ANN@EXAMPLE.COM",
        "  ann@example.com\t\r\n",
        "\u{200b}ann@example.com\u{feff}",
        "a\u{200d}nn@exam\u{ad}ple.com",
        "\u{a0}\u{3000}ann@example.com\u{2003}",
        "\u{ff21}nn@example.com",
        "\u{ff41}\u{ff4e}\u{ff4e}\u{ff20}\u{ff45}\u{ff58}\u{ff41}\u{ff4d}\u{ff50}\u{ff4c}\u{ff45}\u{ff0e}\u{ff43}\u{ff4f}\u{ff4d}",
        "ann@example.com\0",
        "\u{202e}ann@example.com\u{202c}",
        " \u{200b} \u{200b}ann@example.com \u{200b} ",
        "ann@e\u{e0041}xample.com",
    ] {
        assert_eq!(fold(name), "ann@example.com", "{name:?}");
    }
}

#[test]
fn case_is_folded_beyond_ascii() {
    for (name, folded) in [
        ("STRASSE", "strasse"),
        ("Stra\u{df}e", "strasse"),
        ("STRA\u{1e9e}E", "strasse"),
        ("\u{39f}\u{394}\u{39f}\u{3a3}", "\u{3bf}\u{3b4}\u{3bf}\u{3c3}"),
        ("\u{3bf}\u{3b4}\u{3bf}\u{3c2}", "\u{3bf}\u{3b4}\u{3bf}\u{3c3}"),
        ("\u{fb01}sh", "fish"),
        ("\u{17f}am", "sam"),
        ("\u{212a}elvin", "kelvin"),
        ("JOSE\u{301}", "jos\u{e9}"),
        ("\u{1c5}", "d\u{17e}"),
    ] {
        assert_eq!(fold(name), folded, "{name:?}");
    }
}

#[test]
fn different_names_stay_different() {
    let names = ["ann", "bob", "ann b", "annb", "ann.b", "\u{e4}nn", "anne", ""];
    for (index, name) in names.iter().enumerate() {
        assert!(names[..index].iter().all(|other| fold(other) != fold(name)), "{name}");
    }
}

#[test]
fn a_name_of_white_space_is_empty() {
    for name in ["", " ", "\u{200b}", "\u{3000}\u{200b} "] {
        assert_eq!(fold(name), "");
    }
}

#[test]
fn characters_beyond_the_first_256_do_not_count_and_invisible_ones_before_them_take_no_place() {
    for start in ["a", "\u{e4}"] {
        let name = start.repeat(256);
        assert_eq!(fold(&name), fold(&format!("{name}xyz")));
        assert_eq!(fold(&format!("{}{name}", "\u{200b}".repeat(10_000))), fold(&name));
        assert_ne!(fold(&name), fold(&start.repeat(255)));
    }
    // U+FDFA becomes 18 characters, which is the most.
    assert!(fold(&"\u{fdfa}".repeat(100_000)).chars().count() <= 18 * MAX_CHARS);
}

#[test]
fn every_character_is_folded_by_two_passes() {
    for char in (0..=0x10_ffff_u32).filter_map(char::from_u32) {
        let once = fold(&char.to_string());
        assert_eq!(fold(&once), once, "{char:?}");
    }
}

proptest! {
    #[test]
    fn folding_a_folded_name_changes_nothing(name in "\\PC{0,40}") {
        let folded = fold(&name);
        prop_assert_eq!(fold(&folded), folded);
    }

    #[test]
    fn case_spaces_and_invisible_characters_make_no_difference(
        name in "[a-z\u{e0}-\u{f6}\u{f8}-\u{fe}\u{3b1}-\u{3c9}\u{430}-\u{44f}0-9@.+ -]{1,40}",
        upper in any::<u64>(),
        at in 0..40_usize,
        invisible in "[\u{200b}-\u{200f}\u{feff}\u{ad}\u{2060}\\x00-\\x08]{0,3}",
        (before, after) in ("[ \t\u{a0}\u{3000}]{0,3}", "[ \t\u{a0}\u{3000}]{0,3}"),
    ) {
        let mut spelling = before;
        for (index, char) in name.chars().enumerate() {
            if index == at {
                spelling.push_str(&invisible);
            }
            if upper >> (index % 64) & 1 == 1 { spelling.extend(char.to_uppercase()) } else { spelling.push(char) }
        }
        spelling.push_str(&after);
        prop_assert_eq!(fold(&spelling), fold(&name));
        let compatible: String = name.nfd().collect();
        prop_assert_eq!(fold(&compatible), fold(&name));
    }

    #[test]
    fn ascii_names_are_folded_alike_on_both_ways(name in "[\\x00-\\x7f]{0,60}") {
        // The other way is taken if a character is not ASCII, and this one is removed.
        prop_assert_eq!(fold(&name), fold(&format!("\u{200b}{name}")));
    }
}
