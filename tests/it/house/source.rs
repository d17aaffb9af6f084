//! A file of the repository as the rules read it: its text, and its code without comments, strings and tests.

use std::fs;
use std::path::{Path, PathBuf};

/// A text file, by its path from the root with `/` between the parts.
pub(super) struct Source {
    pub(super) path: String,
    pub(super) text: String,
}

impl Source {
    /// All files below these folders and files of the root; binary files are left out.
    pub(super) fn below(parts: &[&str]) -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = Vec::new();
        let mut ahead: Vec<PathBuf> = parts.iter().map(|part| root.join(part)).collect();
        while let Some(path) = ahead.pop() {
            if path.is_dir() {
                let entries = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
                ahead.extend(entries.filter(|entry| !is_ignored(entry.strip_prefix(root).unwrap())));
            } else if let Ok(text) = fs::read_to_string(&path) {
                let path = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                found.push(Self { path, text });
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found
    }

    /// All Rust files below these folders.
    pub(super) fn rust(parts: &[&str]) -> Vec<Self> {
        let mut files = Self::below(parts);
        files.retain(|file| file.path.ends_with(".rs"));
        assert!(!files.is_empty(), "no Rust file below {parts:?}");
        files
    }

    /// The code that ships: without comments, the insides of strings, and tests.
    pub(super) fn code(&self) -> String {
        let ships = ["tests.rs", "fuzzing.rs"].iter().all(|name| !self.path.ends_with(name));
        if !ships || !self.path.starts_with("src/") {
            return String::new();
        }
        without_tests(&without_text(&self.text))
    }

    /// The folder or file of `src` that the file belongs to: `jwt` for `src/jwt/gate.rs`, `clock` for `src/clock.rs`.
    pub(super) fn floor(&self) -> &str {
        let path = self.path.strip_prefix("src/").unwrap_or(&self.path);
        path.split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }
}

fn is_ignored(path: &Path) -> bool {
    const IGNORED: [&str; 8] =
        ["target", "node_modules", ".node", ".venv", "corpus", "artifacts", "seeds", "__pycache__"];
    path.file_name().is_some_and(|name| name == ".git" || IGNORED.iter().any(|ignored| name == *ignored))
}

/// The text with comments and the insides of strings and characters blanked; its lines stay where they were.
pub(super) fn without_text(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let before = code.chars().next_back();
        let len = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => string(rest),
            'r' | 'b' | 'c' if !before.is_some_and(is_word) => match raw_string(rest) {
                Some(len) => len,
                None => {
                    code.push(first);
                    rest = &rest[1..];
                    continue;
                }
            },
            '\'' => character(rest),
            _ => {
                code.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
        };
        let (blanked, after) = rest.split_at(len);
        code.push(' ');
        code.extend(blanked.chars().filter(|c| *c == '\n'));
        rest = after;
    }
    code
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    loop {
        let ahead = &rest[at..];
        if ahead.is_empty() {
            return at;
        } else if ahead.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if ahead.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += ahead.chars().next().map_or(0, char::len_utf8);
        }
    }
}

fn string(rest: &str) -> usize {
    let mut escaped = true;
    for (at, c) in rest.char_indices() {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    rest.len()
}

fn raw_string(rest: &str) -> Option<usize> {
    let hashes = rest.trim_start_matches(['b', 'c', 'r']);
    let prefix = rest.len() - hashes.len();
    let quote = hashes.trim_start_matches('#');
    if !rest[..prefix].ends_with('r') || !quote.starts_with('"') {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes.len() - quote.len()));
    let start = rest.len() - quote.len() + 1;
    Some(rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len()))
}

/// A character, or the quote of a lifetime.
fn character(rest: &str) -> usize {
    let mut inside = rest[1..].chars();
    match (inside.next(), inside.next()) {
        (Some('\\'), Some(escaped)) => {
            let after = 2 + escaped.len_utf8();
            rest[after..].find('\'').map_or(rest.len(), |at| after + at + 1)
        }
        (Some(c), Some('\'')) => 2 + c.len_utf8(),
        _ => 1,
    }
}

/// The code without the modules, functions and imports that stand under `#[cfg(test)]`.
pub(super) fn without_tests(code: &str) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            let indent = line.len() - line.trim_start().len();
            kept.push('\n');
            for line in lines.by_ref() {
                kept.push('\n');
                let ends = line.trim_end().ends_with(';') || line.trim() == "}";
                if ends && line.len() - line.trim_start().len() == indent {
                    break;
                }
            }
            continue;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    kept
}

/// The words of code, each with what stands before and after it.
pub(super) fn words(code: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + code[at..].find(is_word)?;
        let end = start + code[start..].find(|c| !is_word(c)).unwrap_or(code.len() - start);
        at = end;
        Some((&code[..start], &code[start..end], &code[end..]))
    })
}

pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The line on which the rest of some code begins.
pub(super) fn line_after(before: &str) -> usize {
    before.matches('\n').count() + 1
}

#[test]
fn comments_strings_and_characters_are_no_code() {
    let source = "a // b\nc /* d /* e */ f */ g(\"h // i\\\" j\", r#\"k \" l\"#, 'm', '\\'', '\"', b\"n\") 'o: p";
    let code = without_text(source);
    let found: Vec<_> = words(&code).map(|(_, word, _)| word).collect();
    assert_eq!(found, ["a", "c", "g", "b", "o", "p"]);
    assert_eq!(without_text("a\n\"b\n\nc\"\nd").lines().count(), 5);
}

#[test]
fn what_stands_under_cfg_test_does_not_ship() {
    let code =
        "a\n#[cfg(test)]\nuse b;\nc\n#[cfg(test)]\nmod tests {\n    fn d() {\n    }\n}\ne\n#[cfg(test)]\nmod tests;\nf";
    let kept = without_tests(code);
    let found: Vec<_> = words(&kept).map(|(_, word, _)| word).collect();
    assert_eq!(found, ["a", "c", "e", "f"]);
    assert_eq!(kept.lines().count(), code.lines().count());
}
