//! The house judges itself: what `src/_guide/architecture.md` says of floors, files and names is read off the source.

mod places;
mod rooms;
mod source;

use source::{Source, line_after, words};

/// Fails with all offenders at once.
fn nobody(rule: &str, offenders: &[String]) {
    assert!(offenders.is_empty(), "{rule}:\n  {}", offenders.join("\n  "));
}

#[test]
fn no_file_is_longer_than_400_lines() {
    let files = Source::below(&["src", "tests/it", "examples", "benches"]);
    // What cargo writes is nobody's to split.
    let long = files.iter().filter(|file| !is_short(&file.text) && !file.path.ends_with(".lock"));
    let offenders: Vec<_> = long.map(|file| format!("{}: {} lines", file.path, file.text.lines().count())).collect();
    nobody("a file has 400 lines at most: split it by a noun", &offenders);
}

fn is_short(text: &str) -> bool {
    text.lines().count() <= 400
}

#[test]
fn every_file_opens_with_a_line_that_says_what_lives_there() {
    let files = Source::rust(&["src", "tests", "examples", "benches", "fuzz"]);
    let silent = files.iter().filter(|file| !opens_with_a_line(&file.text));
    let offenders: Vec<_> = silent.map(|file| file.path.clone()).collect();
    nobody("a file opens with a `//!` line that is a sentence of at least three words", &offenders);
}

fn opens_with_a_line(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    first.strip_prefix("//! ").is_some_and(|line| line.split_whitespace().count() >= 3)
}

#[test]
fn no_name_is_a_drawer_for_everything() {
    let files = Source::below(&["src", "tests", "examples", "benches", "fuzz"]);
    let offenders: Vec<_> = files.iter().filter(|file| is_a_drawer(&file.path)).map(|file| file.path.clone()).collect();
    nobody("a file is named by a noun of its matter, not utils, helpers, common, types or prelude", &offenders);
}

fn is_a_drawer(path: &str) -> bool {
    const DRAWERS: [&str; 8] = ["common", "helper", "helpers", "misc", "prelude", "types", "util", "utils"];
    path.split('/').any(|part| DRAWERS.contains(&part.split('.').next().unwrap_or_default()))
}

#[test]
fn nothing_is_left_undone_and_nothing_is_unsafe() {
    let mut offenders = Vec::new();
    for file in Source::rust(&["src", "tests", "examples", "benches"]) {
        let code = source::without_text(&file.text);
        offenders.extend(unfinished(&code).map(|(line, word)| format!("{}:{line}: {word}", file.path)));
    }
    nobody("no unsafe code, and nothing left undone", &offenders);
}

fn unfinished(code: &str) -> impl Iterator<Item = (usize, &str)> {
    words(code).filter_map(|(before, word, after)| {
        let is_macro = after.starts_with('!') && ["dbg", "todo", "unimplemented"].contains(&word);
        (is_macro || word == "unsafe").then(|| (line_after(before), word))
    })
}

#[test]
fn no_code_that_ships_panics() {
    let mut offenders = Vec::new();
    let files = Source::rust(&["src"]);
    // A user's own tests fail by panicking.
    for file in files.iter().filter(|file| file.floor() != "testing") {
        let code = file.code();
        offenders.extend(panics(&code).map(|(line, word)| format!("{}:{line}: {word}", file.path)));
    }
    nobody("no panic on any request: return an error, or `expect` with the invariant", &offenders);
}

fn panics(code: &str) -> impl Iterator<Item = (usize, &str)> {
    words(code).filter_map(|(before, word, after)| {
        let is_call = word == "unwrap" && after.starts_with("()") && before.ends_with('.');
        let is_macro = after.starts_with('!') && ["assert", "assert_eq", "panic", "unreachable"].contains(&word);
        (is_call || is_macro).then(|| (line_after(before), word))
    })
}

#[test]
fn every_fallible_function_says_when_it_fails() {
    let mut offenders = Vec::new();
    for file in Source::rust(&["src"]) {
        offenders.extend(silent_errors(&file.text, &file.code()).map(|name| format!("{}: {name}", file.path)));
    }
    nobody("a `pub fn` that returns a Result has `# Errors` in its docs", &offenders);
}

/// The public functions of `code` that return a `Result`, and whose docs in `text` do not say when it is an error.
fn silent_errors<'a>(text: &'a str, code: &'a str) -> impl Iterator<Item = String> + 'a {
    let lines: Vec<&str> = text.lines().collect();
    words(code).filter_map(move |(before, word, after)| {
        let line = before.lines().next_back().unwrap_or_default().trim();
        if word != "fn" || !(line == "pub" || line.starts_with("pub ")) || !returns_a_result(after) {
            return None;
        }
        let above = lines[..line_after(before) - 1].iter().rev().map(|line| line.trim());
        let mut docs = above.take_while(|line| line.starts_with("///") || line.starts_with('#'));
        let name = words(after).next().map_or("", |(_, name, _)| name);
        (!docs.any(|line| line == "/// # Errors")).then(|| name.to_owned())
    })
}

/// Whether a function returns a `Result` of any path, by what follows its `fn`.
fn returns_a_result(signature: &str) -> bool {
    let (mut angles, mut parens) = (0, 0);
    let mut last = ' ';
    for (at, c) in signature.char_indices() {
        match c {
            '<' => angles += 1,
            '>' if last != '-' => angles -= 1,
            '(' if angles == 0 => parens += 1,
            ')' if angles == 0 => {
                parens -= 1;
                if parens == 0 {
                    let after = signature[at + 1..].trim_start();
                    let returned = after.strip_prefix("->").map(str::trim_start).unwrap_or_default();
                    let path = returned.split('<').next().unwrap_or_default();
                    return path.rsplit("::").next() == Some("Result");
                }
            }
            _ => {}
        }
        last = c;
    }
    false
}

#[test]
fn no_character_hides_in_any_file() {
    let mut offenders = Vec::new();
    for file in Source::below(&["."]) {
        offenders.extend(strange(&file.text).map(|(line, c)| format!("{}:{line}: {c:?}", file.path)));
    }
    nobody("plain ASCII, and the few signs that prose and tests need", &offenders);
}

fn strange(text: &str) -> impl Iterator<Item = (usize, char)> {
    // The section sign and what trees and tables are drawn with; then what tests of other people's texts hold.
    const ALLOWED: &str =
        "\u{a7}\u{2026}\u{2514}\u{251c}\u{2500}\u{2502}\u{b7}\u{2192}\u{e4}\u{e9}\u{eb}\u{fc}\u{df}\u{9580}\u{1f600}";
    let lines = text.split('\n').enumerate();
    lines
        .flat_map(|(at, line)| line.chars().map(move |c| (at + 1, c)))
        .filter(|(_, c)| !(matches!(c, ' '..='~') || ALLOWED.contains(*c)))
}

#[test]
fn no_line_ends_in_blanks() {
    let mut offenders = Vec::new();
    for file in
        Source::below(&["src", "tests", "examples", "benches", "fuzz", "Cargo.toml", "README.md", "CHANGELOG.md"])
    {
        offenders.extend(blank_ends(&file.text).map(|line| format!("{}:{line}", file.path)));
        if !file.text.is_empty() && (!file.text.ends_with('\n') || file.text.ends_with("\n\n")) {
            offenders.push(format!("{}: its end", file.path));
        }
    }
    nobody("no blanks at the end of a line, and one line feed at the end of a file", &offenders);
}

fn blank_ends(text: &str) -> impl Iterator<Item = usize> {
    let lines = text.split('\n').enumerate();
    lines.filter(|(_, line)| line.ends_with([' ', '\t', '\r'])).map(|(at, _)| at + 1)
}

#[test]
fn the_rules_see_what_breaks_them() {
    assert!(is_short(&"a\n".repeat(400)) && !is_short(&"a\n".repeat(401)));
    for text in ["", "use a;", "//!", "//! tmp", "// Says what it is.", "\n//! Says what it is."] {
        assert!(!opens_with_a_line(text), "{text:?}");
    }
    assert!(is_a_drawer("src/jwt/utils.rs") && is_a_drawer("tests/it/common/a.rs") && !is_a_drawer("src/jwt/typ.rs"));
    let code = "a.unwrap();\nb.unwrap_or(c);\npanic!();\nd.unwrap_used;\nunreachable!()\nfn panic() {}";
    assert_eq!(panics(code).collect::<Vec<_>>(), [(1, "unwrap"), (3, "panic"), (5, "unreachable")]);
    let code = "todo!()\nunsafe { dbg!(a) }\nunsafe_code";
    assert_eq!(unfinished(code).collect::<Vec<_>>(), [(1, "todo"), (2, "unsafe"), (2, "dbg")]);
    let hidden = "a\u{202e}b\nc\u{200b}\u{a7}\t\r\n\u{2013}";
    assert_eq!(
        strange(hidden).map(|(line, c)| (line, u32::from(c))).collect::<Vec<_>>(),
        [(1, 0x202e), (2, 0x200b), (2, 9), (2, 13), (3, 0x2013)]
    );
    assert_eq!(blank_ends("a \nb\nc\t\r\n").collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn a_result_is_told_from_what_only_speaks_of_one() {
    let text = "
        /// # Errors
        /// Where it rains.
        #[must_use]
        pub fn told<T: Fn() -> u8>(a: (T, u8)) -> io::Result<()> {}
        /// Says nothing.
        pub async fn silent<F>(f: F) -> Result<F, Error> where F: Fn() {}
        pub(crate) fn inner() -> Result<(), Error> {}
        /// Takes one.
        pub fn takes(f: impl Fn() -> Result<(), Error>) -> Self {}
        pub fn bare<F: Fn(u8) -> Result<(), ()>>(
            f: F,
        ) -> Result<(), Error>;
    ";
    assert_eq!(silent_errors(text, text).collect::<Vec<_>>(), ["silent", "bare"]);
}
