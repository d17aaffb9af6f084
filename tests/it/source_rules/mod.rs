//! Rules about the source that no lint checks: file length, first lines, names, characters, imports, wording.

mod dependencies;
mod doc_examples;
mod feature_tables;
mod glossary;
mod imports;
mod module_tree;
mod public_api;
mod public_paths;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

/// Fails with all offenders at once.
fn assert_none(rule: &str, offenders: impl IntoIterator<Item: Display>) {
    let offenders: Vec<_> = offenders.into_iter().map(|offender| format!("\n  {offender}")).collect();
    assert!(offenders.is_empty(), "{rule}:{}", offenders.concat());
}

/// The text files below these folders and files of the repository, by their path from its root with `/` between the
/// parts.
fn files_below(parts: &[&str]) -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeMap::new();
    let mut queue: Vec<PathBuf> = parts.iter().map(|part| root.join(part)).collect();
    while let Some(path) = queue.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
            queue.extend(entries.filter(|entry| !is_ignored(entry)));
        } else if let Ok(text) = fs::read_to_string(&path) {
            let path = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            found.insert(path, text);
        }
    }
    found
}

/// Whether a file or folder is generated or downloaded.
fn is_ignored(path: &Path) -> bool {
    const IGNORED: [&str; 9] =
        [".git", ".node", ".venv", "__pycache__", "artifacts", "corpus", "node_modules", "seeds", "target"];
    path.file_name().is_some_and(|name| IGNORED.iter().any(|ignored| name == *ignored))
}

/// The words of other people.
const COMMON_PASSWORDS: &str = "src/password/policy/common_passwords.txt";

fn rust_files_below(parts: &[&str]) -> BTreeMap<String, String> {
    let mut files = files_below(parts);
    files.retain(|path, _| path.ends_with(".rs"));
    assert!(!files.is_empty(), "no Rust file below {parts:?}");
    files
}

/// The Rust files of the library.
fn source_files() -> BTreeMap<String, String> {
    rust_files_below(&["src"])
}

#[test]
fn no_file_is_longer_than_400_lines() {
    let mut files = files_below(&["src", "tests/it", "examples", "benches"]);
    files.extend(rust_files_below(&["tests", "fuzz"]));
    // Cargo writes the lock files, and the list of common passwords is data.
    files.retain(|path, _| !path.ends_with(".lock") && path != COMMON_PASSWORDS);
    let long = files.iter().filter(|(_, text)| text.lines().count() > 400);
    let offenders = long.map(|(path, text)| format!("{path}: {} lines", text.lines().count()));
    assert_none("a file has at most 400 lines: split it by a noun", offenders);
}

#[test]
fn every_file_starts_with_a_line_that_says_what_it_holds() {
    let files = rust_files_below(&["src", "tests", "examples", "benches", "fuzz"]);
    let offenders = files.iter().filter(|(_, text)| !starts_with_a_sentence(text)).map(|(path, _)| path);
    assert_none("a file starts with a `//!` sentence of at least three words", offenders);
}

fn starts_with_a_sentence(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    first.strip_prefix("//! ").is_some_and(|line| line.split_whitespace().count() >= 3)
}

#[test]
fn no_file_has_a_catch_all_name() {
    let files = files_below(&["src", "tests", "examples", "benches", "fuzz"]);
    let offenders = files.keys().filter(|path| has_a_catch_all_name(path));
    assert_none("a file is named by a noun of its subject, not utils, helpers, common, types or prelude", offenders);
}

fn has_a_catch_all_name(path: &str) -> bool {
    const CATCH_ALL: [&str; 8] = ["common", "helper", "helpers", "misc", "prelude", "types", "util", "utils"];
    path.split('/').any(|part| CATCH_ALL.contains(&part.split('.').next().unwrap_or_default()))
}

#[test]
fn no_file_has_hidden_or_unusual_characters() {
    let mut offenders = Vec::new();
    for (path, text) in files_below(&["."]) {
        offenders.extend(unusual_characters(&text).map(|(line, c)| format!("{path}:{line}: {c:?}")));
    }
    assert_none("plain ASCII, and the few characters that prose and tests need", offenders);
}

fn unusual_characters(text: &str) -> impl Iterator<Item = (usize, char)> {
    // The section sign, the lines of trees and tables, and letters in test data.
    const ALLOWED: &str =
        "\u{a7}\u{2026}\u{2514}\u{251c}\u{2500}\u{2502}\u{b7}\u{2192}\u{e4}\u{e9}\u{eb}\u{fc}\u{df}\u{9580}\u{1f600}";
    let lines = text.split('\n').enumerate();
    lines
        .flat_map(|(index, line)| line.chars().map(move |c| (index + 1, c)))
        .filter(|(_, c)| !(matches!(c, ' '..='~') || ALLOWED.contains(*c)))
}

#[test]
fn no_line_ends_with_whitespace() {
    let mut offenders = Vec::new();
    let parts = ["src", "tests", "examples", "benches", "fuzz", "Cargo.toml", "README.md", "CHANGELOG.md"];
    for (path, text) in files_below(&parts) {
        offenders.extend(lines_with_trailing_whitespace(&text).map(|line| format!("{path}:{line}")));
        if !text.is_empty() && (!text.ends_with('\n') || text.ends_with("\n\n")) {
            offenders.push(format!("{path}: its last line"));
        }
    }
    assert_none("no whitespace at the end of a line, and one line feed at the end of a file", offenders);
}

fn lines_with_trailing_whitespace(text: &str) -> impl Iterator<Item = usize> {
    let lines = text.split('\n').enumerate();
    lines.filter(|(_, line)| line.ends_with([' ', '\t', '\r'])).map(|(index, _)| index + 1)
}

#[test]
fn the_rules_detect_violations() {
    for text in ["", "use a;", "//!", "//! tmp", "// Holds the type.", "\n//! Holds the type."] {
        assert!(!starts_with_a_sentence(text), "{text:?}");
    }
    assert!(starts_with_a_sentence("//! Holds the type.\nuse a;"));
    assert!(has_a_catch_all_name("src/jwt/utils.rs") && has_a_catch_all_name("tests/it/common/a.rs"));
    assert!(!has_a_catch_all_name("src/jwt/typ.rs"));
    let hidden = "a\u{202e}b\nc\u{200b}\u{a7}\t\r\n\u{2013}";
    assert_eq!(
        Vec::from_iter(unusual_characters(hidden).map(|(line, c)| (line, u32::from(c)))),
        [(1, 0x202e), (2, 0x200b), (2, 9), (2, 13), (3, 0x2013)]
    );
    assert_eq!(Vec::from_iter(lines_with_trailing_whitespace("a \nb\nc\t\r\n")), [1, 3]);
}
