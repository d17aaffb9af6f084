//! `Text`: a value of an event, whose control characters and quotes are escaped, and whose length is bounded.

use std::borrow::Cow;

/// A text that may come from a caller.
///
/// It is escaped when it is read, because most events are not read.
#[derive(Clone, Default)]
pub(super) enum Text<'a> {
    #[default]
    Absent,
    Raw(&'a str),
    /// A sentence of this crate, in which a caller may have chosen a name. It keeps its apostrophes.
    Sentence(&'a str),
    /// Escaped and bounded already: read from a log event.
    Escaped(Box<str>),
}

impl Text<'_> {
    pub(super) fn get(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Absent => None,
            Self::Raw(text) => Some(escaped(text)),
            Self::Sentence(text) => Some(escape(text, |c| is_plain(c) || c == '\'')),
            Self::Escaped(text) => Some(Cow::Borrowed(text)),
        }
    }
}

/// Escapes quotes, backslashes, control characters, line separators and marks that change the direction of text, as
/// `char::escape_debug` does, and cuts a long text between two characters.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    escape(text, is_plain)
}

fn escape(text: &str, is_plain: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.len() <= MAX_LEN && text.chars().all(&is_plain) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(MAX_LEN);
    for c in text.chars() {
        // A cut between the characters of an escape sequence could escape the quote that follows.
        let len = escaped.len();
        if is_plain(c) {
            escaped.push(c);
        } else {
            escaped.extend(c.escape_debug());
        }
        if escaped.len() > MAX_LEN {
            escaped.truncate(len);
            break;
        }
    }
    Cow::Owned(escaped)
}

fn is_plain(c: char) -> bool {
    match c {
        ' '..='~' => !matches!(c, '"' | '\'' | '\\'),
        _ => c.escape_debug().len() == 1,
    }
}

/// The maximum length of a value, in bytes (ASVS 16.4.1 requires that no value can forge or flood a log).
pub(super) const MAX_LEN: usize = 256;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_and_quotes_are_escaped() {
        for (text, expected) in [
            ("ann", "ann"),
            ("J\u{fc}rgen \u{9580}", "J\u{fc}rgen \u{9580}"),
            ("a\r\nERROR forged", "a\\r\\nERROR forged"),
            ("a\" user=\"root", "a\\\" user=\\\"root"),
            ("o'brien\\", "o\\'brien\\\\"),
            ("\u{1b}[31mred\u{7f}\u{85}", "\\u{1b}[31mred\\u{7f}\\u{85}"),
            ("a\u{2028}b\u{202e}c\u{feff}", "a\\u{2028}b\\u{202e}c\\u{feff}"),
            ("", ""),
        ] {
            assert_eq!(escaped(text), expected);
        }
        assert!(matches!(escaped("J\u{fc}rgen"), Cow::Borrowed(_)), "a plain text is not copied");
    }

    #[test]
    fn a_sentence_keeps_its_apostrophes() {
        let text = Text::Sentence("the user's role: \"a\n\"");
        assert_eq!(text.get().as_deref(), Some("the user's role: \\\"a\\n\\\""));
    }

    #[test]
    fn a_text_is_cut_after_256_bytes_and_never_inside_an_escape_sequence() {
        assert_eq!(escaped(&"a".repeat(256)).len(), 256);
        assert_eq!(escaped(&"a".repeat(257)), "a".repeat(256));
        assert_eq!(escaped(&format!("{}\n", "a".repeat(255))), "a".repeat(255));
        assert_eq!(escaped(&format!("{}\u{9580}", "a".repeat(254))), "a".repeat(254));
    }

    proptest! {
        #[test]
        fn no_text_starts_a_line_ends_a_quoted_value_or_exceeds_the_bound(text in "\\PC*|[\\x00-\\x7f\u{80}-\u{9f}]*") {
            let escaped = escaped(&text);
            prop_assert!(escaped.len() <= MAX_LEN);
            let starts_line = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
            prop_assert!(!escaped.contains(starts_line));
            // Each quote has an odd number of backslashes before it, and the text ends with an even one.
            let mut backslashes = 0;
            for c in escaped.chars().chain(['\n']) {
                match c {
                    '"' | '\'' => prop_assert_eq!(backslashes % 2, 1),
                    '\n' => prop_assert_eq!(backslashes % 2, 0),
                    _ => {}
                }
                backslashes = if c == '\\' { backslashes + 1 } else { 0 };
            }
        }
    }
}
