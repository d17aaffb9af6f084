//! `Strict-Transport-Security` as the Observatory reads it.

use super::{BLANKS, cut};

/// The result's name and points.
pub(super) fn judge(value: Option<&str>) -> (&'static str, i16) {
    let Some(value) = value else { return ("hsts-not-implemented", -20) };
    let value = cut(value, 1024);
    // A comma is what a field that was sent twice has.
    match max_age(value).filter(|_| !value.contains(',')) {
        None => ("hsts-header-invalid", -20),
        Some(Some(seconds)) if seconds < SIX_MONTHS => ("hsts-implemented-max-age-less-than-six-months", -10),
        // What is no number passes: it is not less.
        Some(_) => ("hsts-implemented-max-age-at-least-six-months", 0),
    }
}

/// The last `max-age`, if there is one, and its seconds, if they are a number.
fn max_age(value: &str) -> Option<Option<i64>> {
    let mut directives = value.rsplit(';').map(|directive| directive.trim_matches(BLANKS).to_lowercase());
    directives.find_map(|directive| Some(leading_integer(cut(directive.strip_prefix("max-age=")?, 120))))
}

/// The integer that a text begins with, whatever follows it.
fn leading_integer(text: &str) -> Option<i64> {
    let text = text.trim_start_matches(BLANKS);
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let mut number = None;
    for digit in digits[..end].bytes() {
        number = Some(number.unwrap_or(0_i64).saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    }
    number.map(|number| if is_negative { -number } else { number })
}

/// 180 days, in seconds: the Observatory speaks of 15768000 and asks for this.
const SIX_MONTHS: i64 = 15_552_000;
