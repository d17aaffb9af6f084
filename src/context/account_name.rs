//! The folding of account names: all spellings that a user table could take for one name become one text.

use unicode_normalization::UnicodeNormalization;

/// Returns the name in NFKC with its case folded, without control characters and invisible characters, and without
/// white space around it. Only the first characters count, so the work is bounded.
///
/// Names that are folded to one text share a counter even if they are different accounts of the app. That costs their
/// owners nothing unless logins fail.
pub(crate) fn fold(name: &str) -> String {
    if name.is_ascii() {
        return fold_ascii(name);
    }
    let visible = name.chars().filter(|char| !is_invisible(*char)).skip_while(|char| char.is_whitespace());
    let mut folded: String = visible.take(MAX_CHARS).collect();
    // Folding the case may give characters that NFKC changes again, and the other way round.
    for _ in 0..MAX_PASSES {
        let next: String = folded.nfkc().flat_map(fold_case).nfkc().filter(|char| !is_invisible(*char)).collect();
        if next == folded {
            break;
        }
        folded = next;
    }
    folded.trim().to_owned()
}

/// Most names are ASCII, which NFKC does not change. This takes a tenth of the time.
fn fold_ascii(name: &str) -> String {
    let visible = name.chars().filter(|char| !is_invisible(*char)).skip_while(|char| char.is_whitespace());
    let mut folded: String = visible.take(MAX_CHARS).map(|char| char.to_ascii_lowercase()).collect();
    folded.truncate(folded.trim_end().len());
    folded
}

/// Folds the case of one character, through upper case: `ß` and `SS` become `ss`, and all three sigmas one.
///
/// The standard library has no case folding (Unicode §5.18). Lower case alone would leave letters apart that have one
/// upper case.
fn fold_case(char: char) -> impl Iterator<Item = char> {
    char.to_uppercase().flat_map(char::to_lowercase)
}

/// Whether a character is a control character, or one that is not shown (Default_Ignorable_Code_Point of Unicode 16).
fn is_invisible(char: char) -> bool {
    char.is_control() && !char.is_whitespace()
        || matches!(
            char,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fff8}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// No user table has longer names. RFC 5321 §4.5.3.1 allows 254 in an email address.
const MAX_CHARS: usize = 256;
/// Two passes are enough for every character; the bound is for sequences that no test contains.
const MAX_PASSES: usize = 4;

#[cfg(test)]
mod tests;
