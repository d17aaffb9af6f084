//! The response headers that report how much of the quota remains.

use std::io::Write;

use bytes::Bytes;
use http::header::Entry;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::context::LimitSnapshot;
use crate::field::header_map::append;
use crate::rate_limit::decision::Charge;
use crate::rate_limit::rule::Rule;

/// What `X-RateLimit-Reset` contains; see [`reset_format`](crate::rate_limit::RateLimitBuilder::reset_format).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResetFormat {
    /// The seconds from now until all units are available again.
    Delta,
    /// The time at which all units are available again, in seconds since 1970 by the wall clock.
    Epoch,
}

/// Which headers are sent, on successful and on rejected requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RateLimitHeaders {
    /// `X-RateLimit-*`, with the format of the reset; `None` sends none.
    pub(super) legacy: Option<ResetFormat>,
    /// `RateLimit` and `RateLimit-Policy`.
    pub(super) ietf_draft: bool,
}

impl RateLimitHeaders {
    /// Whether a header contains a time.
    #[inline]
    pub(super) fn needs_time(self) -> bool {
        self.legacy == Some(ResetFormat::Epoch)
    }

    /// Writes the headers for a decision at `now`, in microseconds since 1970.
    #[inline]
    pub(super) fn write(self, rules: &[Rule], snapshots: &[LimitSnapshot], now: u64, headers: &mut HeaderMap) {
        if let Some(tightest) = TightestLimit::of(snapshots) {
            self.write_legacy(rules, tightest, now, headers);
        }
        if self.ietf_draft {
            write_ietf_draft(rules, snapshots, headers);
        }
    }

    /// Writes the headers `X-RateLimit-*`, unless an inner layer reported a limit with no more units remaining.
    ///
    /// The three headers describe one limit: of all limits in all layers, the tightest.
    pub(super) fn write_legacy(self, rules: &[Rule], tightest: TightestLimit, now: u64, headers: &mut HeaderMap) {
        let limit = limit_header(rules, tightest);
        let (Some(format), Some(limit)) = (self.legacy, limit) else { return };
        // The entry saves a second lookup for the write. A header map that is full stays as it is.
        let Ok(entry) = headers.try_entry(REMAINING) else { return };
        if let Entry::Occupied(inner) = &entry
            && is_at_most(inner.get(), tightest.remaining)
        {
            return;
        }
        let reset = match format {
            ResetFormat::Delta => u64::from(tightest.reset),
            ResetFormat::Epoch => now.div_ceil(1_000_000) + u64::from(tightest.reset),
        };
        let Some((remaining, reset)) = decimal_values(tightest.remaining, reset) else { return };
        match entry {
            Entry::Occupied(mut inner) => drop(inner.insert(remaining)),
            Entry::Vacant(entry) => drop(entry.try_insert(remaining)),
        }
        let _ = headers.try_insert(LIMIT, limit);
        let _ = headers.try_insert(RESET, reset);
    }
}

/// The limit that the legacy headers report: the one with the fewest units remaining.
#[derive(Clone, Copy, Debug)]
pub(super) struct TightestLimit {
    limit: u32,
    remaining: u32,
    reset: u32,
    rule_index: u8,
    quota_index: u8,
}

impl TightestLimit {
    #[inline]
    pub(super) fn of(snapshots: &[LimitSnapshot]) -> Option<Self> {
        let tightest = snapshots.iter().min_by_key(|snapshot| snapshot.tightness())?;
        let LimitSnapshot { limit, remaining, reset, rule_index, quota_index, .. } = *tightest;
        Some(Self { limit, remaining, reset, rule_index, quota_index })
    }
}

/// Adds `RateLimit` and `RateLimit-Policy` for every limit (draft-ietf-httpapi-ratelimit-headers-10).
///
/// Both are lists, so the items of several layers are appended.
fn write_ietf_draft(rules: &[Rule], snapshots: &[LimitSnapshot], headers: &mut HeaderMap) {
    for snapshot in snapshots {
        let Some(rule) = rules.get(usize::from(snapshot.rule_index)) else { continue };
        let is_of_credential = snapshot.quota_index == Charge::OF_CREDENTIAL;
        let quota_index = if is_of_credential { 0 } else { snapshot.quota_index };
        let Some(quota) = rule.quotas.get(usize::from(quota_index)) else { continue };
        let policy = if is_of_credential {
            Rule::policy_header(&quota.quoted_name, snapshot.limit, rule.window)
        } else {
            quota.policy_header.clone()
        };
        append(headers, &RATE_LIMIT_POLICY, policy);
        let mut item = Vec::with_capacity(quota.quoted_name.len() + MAX_DRAFT_PARAMETERS);
        item.extend_from_slice(quota.quoted_name.as_bytes());
        let written = write!(item, ";r={};t={}", snapshot.remaining, snapshot.more);
        if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(item))
            && written.is_ok()
        {
            append(headers, &RATE_LIMIT, value);
        }
    }
}

/// Returns the value of `X-RateLimit-Limit`. Only that of a credential's quota is not known at startup.
fn limit_header(rules: &[Rule], tightest: TightestLimit) -> Option<HeaderValue> {
    if tightest.quota_index == Charge::OF_CREDENTIAL {
        return Some(HeaderValue::from(tightest.limit));
    }
    let rule = rules.get(usize::from(tightest.rule_index))?;
    Some(rule.quotas.get(usize::from(tightest.quota_index))?.limit_header.clone())
}

/// Whether a value is a number that is at most `remaining`.
fn is_at_most(value: &HeaderValue, remaining: u32) -> bool {
    value.to_str().ok().and_then(|text| text.parse::<u32>().ok()).is_some_and(|number| number <= remaining)
}

/// Returns two numbers as header values that share one allocation. `HeaderValue::from` allocates twice for each.
///
/// Both are written into one array, which becomes a `Bytes` that is split in two.
fn decimal_values(first: u32, second: u64) -> Option<(HeaderValue, HeaderValue)> {
    let mut digits = Digits([0; Digits::LEN]);
    let (first_digits, second_digits) = digits.0.split_at_mut(Digits::FIRST);
    let first_len = write_decimal(first_digits, itoa::Buffer::new().format(first));
    let second_len = write_decimal(second_digits, itoa::Buffer::new().format(second));
    let mut second = Bytes::from_owner(digits);
    let mut first = second.split_to(Digits::FIRST);
    first.truncate(first_len);
    second.truncate(second_len);
    Some((HeaderValue::from_maybe_shared(first).ok()?, HeaderValue::from_maybe_shared(second).ok()?))
}

/// Copies a decimal number to the start of `digits`. Returns its length.
fn write_decimal(digits: &mut [u8], decimal: &str) -> usize {
    let len = decimal.len().min(digits.len());
    digits.iter_mut().zip(decimal.bytes()).for_each(|(digit, byte)| *digit = byte);
    len
}

/// The decimal digits of a `u32` and of a `u64`.
struct Digits([u8; Self::LEN]);

impl Digits {
    /// A `u32` has at most 10 digits, and a `u64` 20.
    const FIRST: usize = 10;
    const LEN: usize = Self::FIRST + 20;
}

impl AsRef<[u8]> for Digits {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Quotes a limit's name as a string of structured fields (RFC 9651 §3.3.3). The builder accepted only printable ASCII.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The longest `;r=` with a `u32` and `;t=` with a `u64`: with it, each item is one allocation.
const MAX_DRAFT_PARAMETERS: usize = 36;
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// Every header that a limit may write.
pub(super) const NAMES: [HeaderName; 5] = [LIMIT, REMAINING, RESET, RATE_LIMIT, RATE_LIMIT_POLICY];

#[cfg(test)]
mod tests;
