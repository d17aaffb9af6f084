//! The test for `Strict-Transport-Security`.

use crate::headers::audit::text::{WHITESPACE, truncate};

/// Returns the result's name and its points.
pub(super) fn outcome(value: Option<&str>) -> (&'static str, i16) {
    let Some(value) = value else { return ("hsts-not-implemented", -20) };
    let value = truncate(value, 1024);
    // A comma means that the header was sent twice.
    match max_age(value).filter(|_| !value.contains(',')) {
        None => ("hsts-header-invalid", -20),
        Some(Some(seconds)) if seconds < SIX_MONTHS => ("hsts-implemented-max-age-less-than-six-months", -10),
        // The Observatory tests `seconds < SIX_MONTHS`, which is false for a value that is not a number.
        Some(_) => ("hsts-implemented-max-age-at-least-six-months", 0),
    }
}

/// Returns the seconds of the last `max-age` directive: `None` without one, `Some(None)` if its value is not a number.
fn max_age(value: &str) -> Option<Option<i64>> {
    let mut directives = value.rsplit(';').map(|directive| directive.trim_matches(WHITESPACE).to_lowercase());
    directives.find_map(|directive| Some(leading_integer(truncate(directive.strip_prefix("max-age=")?, 120))))
}

/// Parses the integer at the start of a text, as ECMAScript's `parseInt` does.
fn leading_integer(text: &str) -> Option<i64> {
    let text = text.trim_start_matches(WHITESPACE);
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut number = None;
    for digit in digits.bytes().take_while(u8::is_ascii_digit) {
        number = Some(number.unwrap_or(0_i64).saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    }
    number.map(|number| if is_negative { -number } else { number })
}

/// 180 days in seconds. The Observatory's texts name 15768000, but its code compares with this number.
const SIX_MONTHS: i64 = 15_552_000;
