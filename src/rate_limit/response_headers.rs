//! The fields that tell a caller what is left.

use std::io::Write;

use bytes::{Buf, Bytes};
use http::header::Entry;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::context::LimitSnapshot;
use crate::field::header_map::append;
use crate::rate_limit::policy::{Rule, TierQuota};

/// Which fields are sent, on successes as on refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ResponseHeaders {
    pub(super) reset: Option<ResetFormat>,
    pub(super) has_standard: bool,
}

/// What `X-RateLimit-Reset` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResetFormat {
    /// The seconds from now until all units are back.
    Delta,
    /// When all units are back, in seconds since 1970.
    Epoch,
}

impl ResponseHeaders {
    /// Whether there are any.
    pub(super) fn are_sent(self) -> bool {
        self.reset.is_some() || self.has_standard
    }

    /// Writes the fields of a decision made at `now`, in microseconds since 1970.
    pub(super) fn write(self, rules: &[Rule], snapshots: &[LimitSnapshot], now: u64, headers: &mut HeaderMap) {
        let grade = |snapshot: &LimitSnapshot| {
            let rule = rules.get(usize::from(snapshot.index))?;
            rule.tier_quotas.get(usize::from(snapshot.grade))
        };
        if let Some(reset) = self.reset
            && let Some(tightest) = snapshots.iter().min_by_key(|snapshot| snapshot.tightness())
            && let Some(grade) = grade(tightest)
        {
            write_x(reset, tightest, grade, now, headers);
        }
        if self.has_standard {
            for snapshot in snapshots {
                let Some(grade) = grade(snapshot) else { continue };
                append(headers, &RATE_LIMIT_POLICY, grade.policy_field.clone());
                let mut item = grade.item.clone().into_bytes();
                let wrote = write!(item, ";r={};t={}", snapshot.remaining, snapshot.reset);
                if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(item))
                    && wrote.is_ok()
                {
                    append(headers, &RATE_LIMIT, value);
                }
            }
        }
    }
}

/// Writes the three fields, unless a layer inside has told of a limit with no more left than this one.
fn write_x(reset: ResetFormat, snapshot: &LimitSnapshot, grade: &TierQuota, now: u64, headers: &mut HeaderMap) {
    // The place that was looked up is the one that is written to.
    let Ok(place) = headers.try_entry(REMAINING) else { return };
    if let Entry::Occupied(told) = &place
        && is_tighter(told.get(), snapshot.remaining)
    {
        return;
    }
    let reset = match reset {
        ResetFormat::Delta => u64::from(snapshot.reset),
        ResetFormat::Epoch => now.div_ceil(1_000_000) + u64::from(snapshot.reset),
    };
    // Both numbers in one piece of memory.
    let mut numbers = Numbers([[b'0'; 2]; Numbers::PAIRS]);
    let (first, second) = numbers.0.split_at_mut(Numbers::FIRST);
    let (before_first, before_second) =
        (write_decimal(u64::from(snapshot.remaining), first), write_decimal(reset, second));
    let mut reset = Bytes::from_owner(numbers);
    let mut remaining = reset.split_to(2 * Numbers::FIRST);
    remaining.advance(before_first);
    reset.advance(before_second);
    if let (Ok(remaining), Ok(reset)) =
        (HeaderValue::from_maybe_shared(remaining), HeaderValue::from_maybe_shared(reset))
    {
        match place {
            Entry::Occupied(mut told) => drop(told.insert(remaining)),
            Entry::Vacant(place) => drop(place.try_insert(remaining)),
        }
        let _ = headers.try_insert(LIMIT, grade.limit_field.clone());
        let _ = headers.try_insert(RESET, reset);
    }
}

/// Whether the value tells of no more left than this.
fn is_tighter(told: &HeaderValue, remaining: u32) -> bool {
    told.to_str().ok().and_then(|told| told.parse::<u32>().ok()).is_some_and(|told| told <= remaining)
}

/// A `u32` and a `u64` in decimal, each with zeros before it.
struct Numbers([[u8; 2]; Self::PAIRS]);

impl Numbers {
    /// The pairs of digits that a `u32` takes.
    const FIRST: usize = 5;
    const PAIRS: usize = Self::FIRST + 10;
}

impl AsRef<[u8]> for Numbers {
    fn as_ref(&self) -> &[u8] {
        self.0.as_flattened()
    }
}

/// Writes a number to the end of these zeros, and says how many stay before it.
#[inline]
fn write_decimal(number: u64, pairs: &mut [[u8; 2]]) -> usize {
    let (mut rest, mut zeros) = (number, 2 * pairs.len());
    for pair in pairs.iter_mut().rev() {
        *pair = DECIMALS.get((rest % 100) as usize).copied().unwrap_or_default();
        zeros -= 2;
        if rest < 100 {
            return zeros + usize::from(rest < 10);
        }
        rest /= 100;
    }
    zeros
}

/// Text as a string of structured fields (RFC 9651 §3.3.3); the name of a limit is of its characters.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The numbers below a hundred.
const DECIMALS: [[u8; 2]; 100] = {
    let mut decimals = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        decimals[number] = [b'0' + number as u8 / 10, b'0' + number as u8 % 10];
        number += 1;
    }
    decimals
};
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// Every header that a limit may write.
pub(super) const NAMES: [HeaderName; 5] = [LIMIT, REMAINING, RESET, RATE_LIMIT, RATE_LIMIT_POLICY];

#[cfg(test)]
mod tests;
