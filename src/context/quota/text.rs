//! The text of a `Quota`, such as `100/h`: `FromStr` and `Display`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::context::quota::{Algorithm, Quota};
use crate::error::{ConfigError, ConfigIssue, IssueKind};

/// Parses a quota; see [Quotas as text](Quota#quotas-as-text).
impl FromStr for Quota {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        parse(text).map_err(|issue| issue.with_value(text).into())
    }
}

fn parse(text: &str) -> Result<Quota, ConfigIssue> {
    let (rate, algorithm) = match text.split_once(' ') {
        Some((rate, name)) => (rate, Some(parse_algorithm(name)?)),
        None => (text, None),
    };
    let Some((units, window)) = rate.split_once('/') else {
        return Err(issue(IssueKind::Invalid, "not of the form units/window", "write for example 100/h or 5/15min"));
    };
    let Some(units) = parse_number(units).and_then(|units| u32::try_from(units).ok()) else {
        let reason = "the units are not a whole number from 1 to 4294967295";
        return Err(issue(IssueKind::Invalid, reason, "write for example 100/h"));
    };
    let quota = Quota::checked("Quota::from_str", units, parse_window(window)?)?;
    Ok(Quota { algorithm, ..quota })
}

fn parse_window(text: &str) -> Result<Duration, ConfigIssue> {
    let (count, name) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    let Some(unit) = UNITS.iter().find(|unit| unit.names.contains(&name)) else {
        let reason = format!("unknown unit of time {name:?}");
        return Err(issue(IssueKind::Unknown, reason, "use ms, s, min, h or d, for example 100/h or 5/15min"));
    };
    // A number of 20 digits or more is the longest duration, which the caller rejects.
    let count = if count.is_empty() { 1 } else { parse_number(count).unwrap_or(u64::MAX) };
    Ok(Duration::from_millis(count.saturating_mul(unit.millis)))
}

fn parse_algorithm(name: &str) -> Result<Algorithm, ConfigIssue> {
    let found = ALGORITHMS.iter().find(|(_, known)| *known == name);
    found.map(|(algorithm, _)| *algorithm).ok_or_else(|| {
        let remedy = "use sliding_log, sliding_window, token_bucket or fixed_window, after one space";
        issue(IssueKind::Unknown, format!("unknown algorithm {name:?}"), remedy)
    })
}

/// Parses digits only: `u64::from_str` would accept a `+` too.
fn parse_number(text: &str) -> Option<u64> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_digits)
}

fn issue(kind: IssueKind, reason: impl Into<Cow<'static, str>>, remedy: &'static str) -> ConfigIssue {
    ConfigIssue::new("Quota::from_str", kind, reason, remedy)
}

/// Writes the canonical text: the window in its largest whole unit, and the algorithm only if one was set.
impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // At most 366 days, in whole milliseconds.
        let millis = u64::try_from(self.window.as_millis()).unwrap_or(u64::MAX);
        let unit = UNITS.iter().find(|unit| millis.is_multiple_of(unit.millis));
        let (name, count) = unit.map_or(("ms", millis), |unit| (unit.names[0], millis / unit.millis));
        write!(f, "{}/", self.units)?;
        if count != 1 {
            write!(f, "{count}")?;
        }
        f.write_str(name)?;
        match ALGORITHMS.iter().find(|(algorithm, _)| Some(*algorithm) == self.algorithm) {
            Some((_, name)) => write!(f, " {name}"),
            None => Ok(()),
        }
    }
}

/// A unit of time.
struct Unit {
    millis: u64,
    /// The first name is the canonical one.
    names: [&'static str; 4],
}

/// The units of time, the longest first.
const UNITS: [Unit; 5] = [
    Unit { millis: 86_400_000, names: ["d", "day", "days", "days"] },
    Unit { millis: 3_600_000, names: ["h", "hour", "hours", "hours"] },
    Unit { millis: 60_000, names: ["min", "m", "minute", "minutes"] },
    Unit { millis: 1_000, names: ["s", "sec", "second", "seconds"] },
    Unit { millis: 1, names: ["ms", "millisecond", "milliseconds", "milliseconds"] },
];

const ALGORITHMS: [(Algorithm, &str); 4] = [
    (Algorithm::FixedWindow, "fixed_window"),
    (Algorithm::SlidingLog, "sliding_log"),
    (Algorithm::SlidingWindow, "sliding_window"),
    (Algorithm::TokenBucket, "token_bucket"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(text: &str) -> String {
        text.parse::<Quota>().unwrap().to_string()
    }

    #[test]
    fn every_unit_of_time_has_short_and_long_names() {
        for (names, millis, canonical_name) in [
            (&["ms", "millisecond", "milliseconds"][..], 1, "ms"),
            (&["s", "sec", "second", "seconds"], 1_000, "s"),
            (&["min", "m", "minute", "minutes"], 60_000, "min"),
            (&["h", "hour", "hours"], 3_600_000, "h"),
            (&["d", "day", "days"], 86_400_000, "d"),
        ] {
            for name in names {
                let quota: Quota = format!("7/{name}").parse().unwrap();
                assert_eq!(quota, Quota::per(7, Duration::from_millis(millis)).unwrap(), "{name}");
                assert_eq!(canonical(&format!("7/5{name}")), format!("7/5{canonical_name}"));
            }
        }
    }

    #[test]
    fn the_canonical_text_has_the_largest_whole_unit() {
        for (text, expected) in [
            ("100/60min", "100/h"),
            ("100/1h", "100/h"),
            ("5/900s", "5/15min"),
            ("5/36h", "5/36h"),
            ("5/48hours", "5/2d"),
            ("007/01500ms", "7/1500ms"),
            ("4294967295/366d", "4294967295/366d"),
        ] {
            assert_eq!(canonical(text), expected, "{text}");
        }
    }

    #[test]
    fn the_algorithm_is_written_if_it_was_set() {
        for (algorithm, name) in ALGORITHMS {
            let quota = Quota::per_hour(100).unwrap().algorithm(algorithm);
            assert_eq!(quota.to_string(), format!("100/h {name}"));
            assert_eq!(quota.to_string().parse(), Ok(quota));
        }
        assert_eq!("100/h".parse::<Quota>().unwrap().configured_algorithm(), None);
    }

    #[test]
    fn an_invalid_text_is_an_error_with_the_text_the_reason_and_the_remedy() {
        for (text, message) in [
            ("", "not of the form units/window; write for example 100/h or 5/15min"),
            ("100", "not of the form units/window; write for example 100/h or 5/15min"),
            ("/h", "the units are not a whole number from 1 to 4294967295; write for example 100/h"),
            ("+1/h", "the units are not a whole number from 1 to 4294967295; write for example 100/h"),
            ("1.5/h", "the units are not a whole number from 1 to 4294967295; write for example 100/h"),
            ("4294967296/h", "the units are not a whole number from 1 to 4294967295; write for example 100/h"),
            (
                "0/h",
                "a quota of zero units rejects every request; set at least one unit; to close a route, remove it from \
                 the router",
            ),
            ("100/", "unknown unit of time \"\"; use ms, s, min, h or d, for example 100/h or 5/15min"),
            ("100/week", "unknown unit of time \"week\"; use ms, s, min, h or d, for example 100/h or 5/15min"),
            ("100/H", "unknown unit of time \"H\"; use ms, s, min, h or d, for example 100/h or 5/15min"),
            (
                "100/0s",
                "the window is not a whole number of milliseconds from one millisecond to 366 days; set another window",
            ),
            (
                "1/99999999999999999999999h",
                "the window is not a whole number of milliseconds from one millisecond to 366 days; set another window",
            ),
            (
                "100/h bucket",
                "unknown algorithm \"bucket\"; use sliding_log, sliding_window, token_bucket or fixed_window, after one \
                 space",
            ),
            (
                "100 / h",
                "unknown algorithm \"/ h\"; use sliding_log, sliding_window, token_bucket or fixed_window, after one \
                 space",
            ),
        ] {
            let error = text.parse::<Quota>().unwrap_err();
            assert_eq!(error.to_string(), format!("Quota::from_str {text:?}: {message}"));
        }
    }

    fn any_algorithm() -> impl Strategy<Value = Option<Algorithm>> {
        prop::option::of(prop::sample::select(ALGORITHMS.map(|(algorithm, _)| algorithm).to_vec()))
    }

    proptest! {
        #[test]
        fn the_text_of_a_quota_parses_back_to_it(
            units in 1..=u32::MAX,
            count in 1..=366_u64,
            unit in prop::sample::select(UNITS.iter().map(|unit| unit.millis).collect::<Vec<_>>()),
            algorithm in any_algorithm(),
        ) {
            let quota = Quota { algorithm, ..Quota::per(units, Duration::from_millis(count * unit)).unwrap() };
            prop_assert_eq!(quota.to_string().parse(), Ok(quota));
        }

        #[test]
        fn any_text_parses_without_a_panic(text in "[0-9+./ a-z\u{e9}]{0,24}") {
            if let Ok(quota) = text.parse::<Quota>() {
                prop_assert_eq!(quota.to_string().parse(), Ok(quota));
            }
        }

        #[test]
        fn any_text_of_the_form_of_a_quota_parses_without_a_panic(
            text in "[0-9]{1,24}/[0-9]{0,24}(ms|s|m|min|h|d|day)( [a-z_]{0,14})?",
        ) {
            if let Ok(quota) = text.parse::<Quota>() {
                prop_assert_eq!(quota.to_string().parse(), Ok(quota));
            }
        }
    }
}
