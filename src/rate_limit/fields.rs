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
    let numbers = Bytes::from_owner(Digits::of(u64::from(reading.remaining), reset));
    let (remaining, reset) = (numbers.slice(..Digits::MOST), numbers.slice(Digits::MOST..));
    let value = |digits: Bytes| HeaderValue::from_maybe_shared(digits.slice(zeros(&digits)..));
    if let (Ok(remaining), Ok(reset)) = (value(remaining), value(reset)) {
        headers.insert(LIMIT, grade.limit_field.clone());
        headers.insert(REMAINING, remaining);
        headers.insert(RESET, reset);
    }
}

/// Two numbers in decimal, each with zeros before it.
struct Digits([u8; 2 * Self::MOST]);

impl Digits {
    /// What `u64` takes.
    const MOST: usize = 20;

    fn of(first: u64, second: u64) -> Self {
        let mut digits = [b'0'; 2 * Self::MOST];
        for (places, number) in digits.chunks_exact_mut(Self::MOST).zip([first, second]) {
            let mut rest = number;
            for place in places.iter_mut().rev() {
                if rest == 0 {
                    break;
                }
                *place = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
        Self(digits)
    }
}

impl AsRef<[u8]> for Digits {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// How many zeros stand before the number, the last digit aside.
fn zeros(digits: &[u8]) -> usize {
    digits.iter().take_while(|digit| **digit == b'0').count().min(digits.len() - 1)
}

/// Text as a string of structured fields (RFC 9651 §3.3.3); the name of a limit is of its characters.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

#[cfg(test)]
mod tests;
