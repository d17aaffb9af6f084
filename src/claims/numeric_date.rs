//! NumericDate (RFC 7519 §2): seconds since 1970, possibly with a fraction.

use std::time::Duration;

use serde_json::Number;

use crate::claims::log_ignored_claim;
#[cfg(any(feature = "back_channel_logout", feature = "shared_signals"))]
use crate::gate::TokenError;
use crate::strict_json::Object;

/// Reads a claim's JSON text as a time. Returns `None` if it is not a number, is negative, or exceeds 2^53 seconds.
///
/// Integers are read exactly, without conversion to a double. Fractions are permitted (RFC 7519 §2), and some issuers
/// send them. A number in a string is not a NumericDate.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let number: Number = serde_json::from_str(text).ok()?;
    let time = match number.as_u64() {
        Some(seconds) => Duration::from_secs(seconds),
        None => {
            let seconds = number.as_f64().filter(|seconds| seconds.is_sign_positive())?;
            Duration::try_from_secs_f64(seconds).ok()?
        }
    };
    (time <= MAX).then_some(time)
}

/// Returns a date that no check needs. A value that is not a date is read as absent.
pub(crate) fn optional(claims: &Object<'_>, name: &'static str, issuer: &str) -> Option<Duration> {
    let date = parse(claims.get(name)?);
    if date.is_none() {
        log_ignored_claim(issuer, name);
    }
    date
}

/// Returns a date that a token must have.
///
/// # Errors
///
/// Returns [`TokenError`] if it is missing, or is not a date.
#[cfg(any(feature = "back_channel_logout", feature = "shared_signals"))]
pub(crate) fn required(claims: &Object<'_>, name: &'static str) -> Result<Duration, TokenError> {
    let value = claims.get(name).ok_or_else(|| TokenError::claim_missing(name))?;
    parse(value).ok_or_else(|| TokenError::claim_invalid(name))
}

// JSON parsers need not agree on larger integers (RFC 8259 §6). It also keeps additions of a leeway far from overflow.
const MAX: Duration = Duration::from_secs(1 << 53);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn integers_and_fractions_are_times() {
        for (text, millis) in [("0", 0), ("1700000000", 1_700_000_000_000), ("1.5", 1500), ("17e8", 1_700_000_000_000)]
        {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parse("9007199254740992"), Some(MAX));
    }

    #[test]
    fn other_values_are_rejected() {
        for text in [
            "\"1700000000\"",
            "true",
            "null",
            "{}",
            "[1]",
            "-1",
            "-0.5",
            "9007199254740993",
            "9223372036854775808",
            "1e400",
            "1e300",
            "NaN",
            "",
            "1 2",
            "0x10",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[-+0-9.eE]{0,30}") {
            prop_assert!(parse(&text).is_none_or(|time| time <= MAX));
        }

        #[test]
        fn every_integer_up_to_the_bound_is_read_exactly(seconds in 0..=1_u64 << 53) {
            prop_assert_eq!(parse(&seconds.to_string()), Some(Duration::from_secs(seconds)));
        }
    }
}
