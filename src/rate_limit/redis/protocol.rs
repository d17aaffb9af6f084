//! The binary protocol of the script: how jobs are encoded and responses decoded.

// A call has one argument and one result, each a sequence of doubles. The script unpacks and packs them with one call
// of Redis' struct library, where text arguments would be parsed one by one. The header of decide.lua describes the
// layout.

use std::fmt::Write;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::rate_limit::algorithm::Algorithm;
use crate::rate_limit::decision::{Charge, Decision, Usage};

/// The operations of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Decide,
    /// Refunds what was charged at a time.
    Refund,
    /// Refunds what was charged last.
    RefundLast,
    Peek,
    Reset,
    Unblock,
}

/// The operations with their names in the script.
pub(super) const OPERATIONS: [(Operation, &str); 6] = [
    (Operation::Decide, "DECIDE"),
    (Operation::Refund, "REFUND"),
    (Operation::RefundLast, "REFUND_LAST"),
    (Operation::Peek, "PEEK"),
    (Operation::Reset, "RESET"),
    (Operation::Unblock, "UNBLOCK"),
];

/// The codes of the algorithms with their names in the script.
pub(super) const ALGORITHMS: [(u32, &str); 4] = [
    (SLIDING_LOG, "SLIDING_LOG"),
    (SLIDING_WINDOW, "SLIDING_WINDOW"),
    (TOKEN_BUCKET, "TOKEN_BUCKET"),
    (FIXED_WINDOW, "FIXED_WINDOW"),
];

const SLIDING_LOG: u32 = 1;
const SLIDING_WINDOW: u32 = 2;
const TOKEN_BUCKET: u32 = 3;
const FIXED_WINDOW: u32 = 4;

/// Everything that is asked about one request, or in a cluster about one part of it. It is decided as a whole.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) operation: Operation,
    pub(super) charges: Vec<JobCharge>,
}

/// What is asked about one limit.
#[derive(Clone, Debug)]
pub(super) struct JobCharge {
    pub(super) prefix: Arc<str>,
    pub(super) digest: u128,
    pub(super) rule: Arc<[u8]>,
    pub(super) cost: u32,
    /// For [`Operation::Refund`], when the units were charged.
    pub(super) charged_at: u64,
}

/// The script's response to a [`Job`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JobResponse {
    /// The server's time, in microseconds since 1970.
    pub(super) now: u64,
    is_rejected: bool,
    is_blocked: bool,
    /// A bit for each charge that exceeds its limit.
    exceeded: u64,
    /// The microseconds until the request is admitted; `None`: never.
    wait: Option<u64>,
    /// The usage under each limit, and the microseconds for which the subject is blocked.
    pub(super) usages: Vec<(Usage, u64)>,
}

impl JobResponse {
    pub(super) fn is_rejected(&self) -> bool {
        self.is_rejected
    }

    /// Returns the microseconds until the request is admitted; `None`: never.
    pub(super) fn wait(&self) -> Option<u64> {
        self.wait
    }

    /// Whether the charge at this position of the job exceeds its limit.
    pub(super) fn has_exceeded(&self, index: usize) -> bool {
        self.exceeded.checked_shr(index as u32).is_some_and(|bits| bits & 1 == 1)
    }

    /// Adds the response about the charges at these positions to the decision about the whole request.
    pub(super) fn add_to(&self, decision: &mut Decision, charges: &[Charge], positions: &[usize]) {
        for (index, (position, (usage, blocked))) in positions.iter().zip(&self.usages).enumerate() {
            let Some(charge) = charges.get(*position) else { continue };
            decision.set_usage(*position, *usage);
            // The script reports one wait for the job: the longest.
            if self.has_exceeded(index) {
                decision.exceed(*position, charge, self.wait());
                if *blocked > 0 && !charge.is_shadow {
                    if !self.is_blocked {
                        decision.start_block(*position);
                    }
                    decision.block(*position, charge, *blocked);
                }
            }
        }
    }
}

/// Returns the keys and the argument of a call. Keys and rules are sent once each; charges refer to their positions.
pub(super) fn encode<'a>(jobs: impl ExactSizeIterator<Item = &'a Job>) -> (Vec<String>, Vec<u8>) {
    let mut rules: Vec<&Arc<[u8]>> = Vec::new();
    let mut subjects: Vec<(u128, &Arc<str>)> = Vec::with_capacity(jobs.len());
    let mut body = Vec::with_capacity(jobs.len() * NUMBERS_PER_JOB * NUMBER);
    // Linear searches: a batch has few subjects and rules, and most jobs of a busy app share theirs.
    for job in jobs {
        push(&mut body, f64::from(job.operation as u32));
        push(&mut body, job.charges.len() as f64);
        for charge in &job.charges {
            let is_same_key =
                |(digest, prefix): &(u128, &Arc<str>)| *digest == charge.digest && **prefix == charge.prefix;
            let key = subjects.iter().position(is_same_key).unwrap_or_else(|| {
                subjects.push((charge.digest, &charge.prefix));
                subjects.len() - 1
            });
            let rule = rules.iter().position(|rule| Arc::ptr_eq(rule, &charge.rule)).unwrap_or_else(|| {
                rules.push(&charge.rule);
                rules.len() - 1
            });
            // Lua counts from one.
            push(&mut body, key as f64 + 1.0);
            push(&mut body, rule_position(rule));
            push(&mut body, f64::from(charge.cost));
            push(&mut body, charge.charged_at as f64);
        }
    }
    let mut request = Vec::with_capacity(NUMBER + rules.len() * RULE_FIELDS.len() * NUMBER + body.len());
    push(&mut request, rule_position(rules.len()));
    rules.iter().for_each(|rule| request.extend_from_slice(rule));
    request.append(&mut body);
    (subjects.iter().map(|(digest, prefix)| key(prefix, *digest)).collect(), request)
}

/// Returns the position of a rule's first number in the request, counted from one. The first number of all is the
/// position of the jobs.
fn rule_position(rule: usize) -> f64 {
    (2 + RULE_FIELDS.len() * rule) as f64
}

/// Decodes the response to a batch; `None` if it is not a response of the script.
pub(super) fn decode<'a>(response: &[u8], jobs: impl Iterator<Item = &'a Job>) -> Option<Vec<JobResponse>> {
    // A response that is not the script's must not admit a request: every number is checked, and none may be left over.
    let (numbers, []) = response.as_chunks() else { return None };
    let mut numbers = numbers.iter().map(|bytes| f64::from_le_bytes(*bytes));
    let now = whole(numbers.next()?)?;
    let mut responses = Vec::new();
    for job in jobs {
        let usages = job.charges.iter().map(|_| {
            // A bucket's debt is fractional: part of a unit counts as a whole one.
            let used = whole(numbers.next()?.ceil())?;
            let more = whole(numbers.next()?)?;
            let reset = whole(numbers.next()?)?;
            Some((Usage { used: u32::try_from(used).unwrap_or(u32::MAX), more, reset }, 0))
        });
        let usages = usages.collect::<Option<_>>()?;
        let mut response = JobResponse { now, is_rejected: false, is_blocked: false, exceeded: 0, wait: None, usages };
        let rejected = numbers.next()?;
        if rejected != NO_DETAILS {
            whole(rejected)?;
            response.is_rejected = rejected != ADMITTED;
            response.is_blocked = rejected == BLOCKED;
            response.exceeded = whole(numbers.next()?)?;
            // `NEVER` is negative, which is `None` here.
            response.wait = whole(numbers.next()?);
            for (_, blocked) in &mut response.usages {
                *blocked = whole(numbers.next()?)?;
            }
        }
        responses.push(response);
    }
    numbers.next().is_none().then_some(responses)
}

/// A rule as the script reads it.
pub(in crate::rate_limit) struct RuleParams<'a> {
    pub(in crate::rate_limit) name: &'a str,
    pub(in crate::rate_limit) algorithm: Algorithm,
    pub(in crate::rate_limit) limit: u32,
    pub(in crate::rate_limit) window: u64,
    pub(in crate::rate_limit) step: u64,
    pub(in crate::rate_limit) first_block: u64,
    pub(in crate::rate_limit) longest_block: u64,
    pub(in crate::rate_limit) readmits: bool,
    pub(in crate::rate_limit) is_shadow: bool,
    /// Whether the response says when more units are available.
    pub(in crate::rate_limit) reports_more: bool,
}

/// The fields of an encoded rule, in order, with their names in the script.
pub(super) const RULE_FIELDS: [&str; 11] = [
    "TAG",
    "BLOCK_TAG",
    "ALGORITHM",
    "LIMIT",
    "WINDOW",
    "STEP",
    "FIRST_BLOCK",
    "LONGEST_BLOCK",
    "READMITS",
    "SHADOW",
    "REPORTS_MORE",
];

/// The positions of two fields.
const LIMIT: usize = 3;
const STEP: usize = 5;

impl RuleParams<'_> {
    /// Encodes the rule. Limits that differ in name, algorithm or window have different tags, and so different
    /// counters. The quota is not part of the tag: a changed quota and the quotas of tiers use the same counter.
    pub(in crate::rate_limit) fn encode(&self) -> Arc<[u8]> {
        let (algorithm, letter) = match self.algorithm {
            Algorithm::SlidingLog => (SLIDING_LOG, 'e'),
            Algorithm::SlidingWindow => (SLIDING_WINDOW, 's'),
            Algorithm::TokenBucket => (TOKEN_BUCKET, 't'),
            Algorithm::FixedWindow => (FIXED_WINDOW, 'f'),
        };
        let id = format!("{}:{letter}{}", self.name, self.window);
        // In the order of `RULE_FIELDS`.
        let fields: [u64; RULE_FIELDS.len()] = [
            short_hash(&id),
            short_hash(&format!("{id}!")),
            algorithm.into(),
            self.limit.into(),
            self.window,
            self.step,
            self.first_block,
            self.longest_block,
            self.readmits.into(),
            self.is_shadow.into(),
            self.reports_more.into(),
        ];
        fields.into_iter().flat_map(|field| (field as f64).to_le_bytes()).collect()
    }

    /// Returns an encoded rule with another limit, for a credential with a quota of its own.
    pub(super) fn with_limit(rule: &[u8], limit: u32, step: u64) -> Option<Arc<[u8]>> {
        let mut rule = rule.to_vec();
        replace_field(&mut rule, LIMIT, limit.into())?;
        replace_field(&mut rule, STEP, step)?;
        Some(rule.into())
    }
}

/// Returns an encoded rule with a number at the place of a field.
fn replace_field(rule: &mut [u8], field: usize, number: u64) -> Option<()> {
    let field = rule.as_chunks_mut::<NUMBER>().0.get_mut(field)?;
    *field = (number as f64).to_le_bytes();
    Some(())
}

/// Returns the first six bytes of the SHA-256: the largest number of bytes that a double holds exactly.
///
/// A record has a few entries, so 48 bits are enough to distinguish them.
fn short_hash(id: &str) -> u64 {
    Sha256::digest(id).iter().take(6).fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

/// Returns the key of a subject. The digest is its hash tag, which selects the node of a Redis Cluster.
fn key(prefix: &str, digest: u128) -> String {
    let mut key = String::with_capacity(prefix.len() + ":{}".len() + DIGEST_DIGITS);
    key.push_str(prefix);
    key.push_str(":{");
    push_hash_tag(&mut key, digest);
    key.push('}');
    key
}

/// Returns the hash tag of a subject's key.
pub(super) fn hash_tag(digest: u128) -> String {
    let mut tag = String::with_capacity(DIGEST_DIGITS);
    push_hash_tag(&mut tag, digest);
    tag
}

fn push_hash_tag(text: &mut String, digest: u128) {
    // Writing to a String cannot fail.
    let _ = write!(text, "{digest:032x}");
}

// Numbers are little-endian doubles, in both directions. Times in microseconds fit into their 53 bits.

fn push(bytes: &mut Vec<u8>, number: f64) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

/// Returns a number that is not negative, without its fraction; `None` for NaN too.
fn whole(number: f64) -> Option<u64> {
    (number >= 0.0).then_some(number as u64)
}

/// The request is admitted.
pub(super) const ADMITTED: f64 = 0.0;
/// The request exceeds a limit.
pub(super) const EXCEEDED: f64 = 1.0;
/// The subject is blocked.
pub(super) const BLOCKED: f64 = 2.0;
/// In place of the above: nothing is exceeded and no subject is blocked, so no details follow.
pub(super) const NO_DETAILS: f64 = -1.0;
/// The wait of a request that costs more than the limit.
pub(super) const NEVER: f64 = -1.0;
/// The longest time that the script keeps an entry, in microseconds: 71 years. Entries that claim more are discarded.
pub(in crate::rate_limit) const MAX_LIFETIME: u64 = 1 << 51;
const DIGEST_DIGITS: usize = 32;
const NUMBER: usize = size_of::<f64>();
/// The numbers of a job with one charge.
const NUMBERS_PER_JOB: usize = 6;

#[cfg(test)]
mod tests;
