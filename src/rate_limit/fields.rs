//! The fields that tell a caller what is left.

use std::io::Write;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::context::{Allowance, Reading};
use crate::rate_limit::policy::{Grade, Rule};

/// Which fields are sent, on successes as on refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) reset: Option<Reset>,
    pub(super) has_standard: bool,
}

/// What `X-RateLimit-Reset` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reset {
    /// The seconds from now until all units are back.
    Delta,
    /// When all units are back, in seconds since 1970.
    Epoch,
}

impl Fields {
    /// Writes the fields of a decision made at `now`, in microseconds since 1970.
    pub(super) fn write(self, rules: &[Rule], allowance: &Allowance, now: u64, headers: &mut HeaderMap) {
        let readings = allowance.readings();
        let grade = |reading: &Reading| {
            let rule = rules.get(usize::from(reading.index))?;
            rule.grades.get(usize::from(reading.grade))
        };
        if let Some(reset) = self.reset
            && let Some(tightest) = readings.iter().min_by_key(|reading| reading.tightness())
            && let Some(grade) = grade(tightest)
            && !is_tighter(headers, tightest.remaining)
        {
            write_x(reset, tightest, grade, now, headers);
        }
        if self.has_standard {
            for reading in readings {
                let Some(grade) = grade(reading) else { continue };
                headers.append(RATE_LIMIT_POLICY, grade.policy_field.clone());
                let mut item = grade.item.clone().into_bytes();
                let wrote = write!(item, ";r={};t={}", reading.remaining, reading.reset);
                if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(item))
                    && wrote.is_ok()
                {
                    headers.append(RATE_LIMIT, value);
                }
            }
        }
    }
}

/// Whether a layer inside has told of a limit with no more left than this.
fn is_tighter(headers: &HeaderMap, remaining: u32) -> bool {
    let told = headers.get(REMAINING).and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
    told.is_some_and(|told| told <= remaining)
}

fn write_x(reset: Reset, reading: &Reading, grade: &Grade, now: u64, headers: &mut HeaderMap) {
    let reset = match reset {
        Reset::Delta => u64::from(reading.reset),
        Reset::Epoch => now.div_ceil(1_000_000) + u64::from(reading.reset),
    };
    // Both numbers in one piece of memory.
    let mut text = Vec::with_capacity(DIGITS);
    let mut split = 0;
    let wrote = write!(text, "{}", reading.remaining).and_then(|()| {
        split = text.len();
        write!(text, "{reset}")
    });
    let text = Bytes::from(text);
    let values =
        (HeaderValue::from_maybe_shared(text.slice(..split)), HeaderValue::from_maybe_shared(text.slice(split..)));
    if let (Ok(()), (Ok(remaining), Ok(reset))) = (wrote, values) {
        headers.insert(LIMIT, grade.limit_field.clone());
        headers.insert(REMAINING, remaining);
        headers.insert(RESET, reset);
    }
}

/// Text as a string of structured fields (RFC 9651 §3.3.3); the name of a limit is of its characters.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The most that two numbers and the growth to `u64` take.
const DIGITS: usize = 32;
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

#[cfg(test)]
mod tests;
