//! Rules about the examples in the documentation: docs.rs clips code that is wider than 80 columns.

use super::{assert_none, files_below};

const MAX_COLUMNS: usize = 80;

#[test]
fn code_in_the_documentation_has_at_most_80_columns() {
    let mut files = files_below(&["src", "README.md"]);
    files.retain(|path, _| path.ends_with(".rs") || path.ends_with(".md"));
    let lines = files.iter().flat_map(|(path, text)| wide_lines(path, text).map(move |line| format!("{path}:{line}")));
    assert_none("code in the documentation has at most 80 columns", lines);
}

/// The numbers of the lines of code that are wider than 80 columns, in the Markdown of a file or of its doc comments.
/// Hidden lines do not count.
fn wide_lines(path: &str, text: &str) -> impl Iterator<Item = usize> {
    let is_markdown = path.ends_with(".md");
    let mut is_code = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let comment = line.trim_start();
        let doc = comment.strip_prefix("///").or_else(|| comment.strip_prefix("//!"));
        let doc = doc.map(|doc| doc.strip_prefix(' ').unwrap_or(doc));
        let Some(line) = (if is_markdown { Some(line) } else { doc }) else {
            is_code = false;
            return None;
        };
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
            return None;
        }
        let is_hidden = line == "#" || line.starts_with("# ");
        (is_code && !is_hidden && line.chars().count() > MAX_COLUMNS).then_some(index + 1)
    })
}

#[test]
fn wide_code_is_found_in_comments_and_markdown() {
    let [wide, narrow] = [81, 80].map(|len| "x".repeat(len));
    let code = format!("```\n{narrow}\n{wide}\n# {wide}\n#[{wide}]\n```\n{wide}\n");
    assert_eq!(Vec::from_iter(wide_lines("a.md", &code)), [3, 5]);
    let comment = code.lines().map(|line| format!("    /// {line}\n")).collect::<String>();
    assert_eq!(Vec::from_iter(wide_lines("a.rs", &format!("{comment}fn f() {{}}\n//! ```\n//! {wide}\n"))), [3, 5, 10]);
    assert_eq!(wide_lines("a.rs", &code).count(), 0);
}
