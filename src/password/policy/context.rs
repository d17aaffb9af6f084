//! `ContextWords`: words of a user or an app that make a bad password.

use unicode_normalization::UnicodeNormalization;

/// Words in lower case and NFC: names, e-mail addresses and their local parts.
#[derive(Clone, Debug, Default)]
pub(super) struct ContextWords(Vec<String>);

impl ContextWords {
    /// Adds the local part of each e-mail address, and leaves out words that are too short.
    pub(super) fn new<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let folded = words.into_iter().map(|word| word.trim().nfc().collect::<String>().to_lowercase());
        let with_local_part = folded.flat_map(|word| {
            let local_part = word.rsplit_once('@').map(|(local_part, _)| local_part.to_owned());
            [Some(word), local_part].into_iter().flatten()
        });
        Self(with_local_part.filter(|word| word.chars().count() >= MIN_WORD).collect())
    }

    /// Whether a password, in lower case, is one of the words: alone, doubled, or followed by a few characters.
    pub(super) fn matches(&self, folded: &str) -> bool {
        self.0.iter().any(|word| {
            let rest = folded.strip_prefix(word.as_str());
            rest.is_some_and(|rest| rest == word || rest.chars().count() <= MAX_SUFFIX)
        })
    }
}

/// Shorter words are parts of many good passwords.
const MIN_WORD: usize = 4;

/// A year or a few digits and signs: what people append to a name to make it longer.
const MAX_SUFFIX: usize = 4;
