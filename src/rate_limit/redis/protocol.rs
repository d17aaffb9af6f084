//! What the script is asked and what it answers.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::rate_limit::decision::{Charge, Decision, Usage};
use crate::rate_limit::quota::Algorithm;
use crate::rate_limit::subject::Subject;

/// The operations of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Decide,
    /// What was charged at a time.
    Refund,
    /// What was charged last.
    Forgive,
    Peek,
    Reset,
    Unblock,
}

/// All that is asked at once for one request.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) operation: Operation,
    pub(super) parts: Vec<Part>,
}

/// What is asked of one limit.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) prefix: Arc<str>,
    pub(super) digest: u128,
    pub(super) rule: Arc<[u8]>,
    pub(super) cost: u32,
    /// When the units were charged that are given back.
    pub(super) then: u64,
}

/// What was answered to a [`Job`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The server's time, in microseconds since 1970.
    pub(super) now: u64,
    refused: u64,
    exceeded: u64,
    /// `None`: never.
    wait: Option<u64>,
    /// What is in use, and for how long the subject is blocked.
    pub(super) usages: Vec<(Usage, u64)>,
}

/// The keys and the request of a batch. Each key is told once, and each rule: the parts name their places.
pub(super) fn encode<'a>(jobs: impl ExactSizeIterator<Item = &'a Job>) -> (Vec<String>, Vec<u8>) {
    let mut rules: Vec<&Arc<[u8]>> = Vec::new();
    let mut subjects: Vec<(u128, &Arc<str>)> = Vec::with_capacity(jobs.len());
    let mut body = Vec::with_capacity(jobs.len() * 6 * NUMBER);
    for job in jobs {
        number(&mut body, job.operation as u32 as f64);
        number(&mut body, job.parts.len() as f64);
        for part in &job.parts {
            let is_known = |(digest, prefix): &(u128, &Arc<str>)| *digest == part.digest && **prefix == part.prefix;
            let key = subjects.iter().position(is_known).unwrap_or_else(|| {
                subjects.push((part.digest, &part.prefix));
                subjects.len() - 1
            });
            let rule = rules.iter().position(|rule| Arc::ptr_eq(rule, &part.rule)).unwrap_or_else(|| {
                rules.push(&part.rule);
                rules.len() - 1
            });
            for told in [key as f64 + 1.0, place(rule), f64::from(part.cost), part.then as f64] {
                number(&mut body, told);
            }
        }
    }
    let mut request = Vec::with_capacity(NUMBER + rules.len() * RULE * NUMBER + body.len());
    number(&mut request, place(rules.len()));
    rules.iter().for_each(|rule| request.extend_from_slice(rule));
    request.append(&mut body);
    (subjects.iter().map(|(digest, prefix)| key(prefix, *digest)).collect(), request)
}

/// Where a rule begins among the numbers, the first of which is the first.
fn place(rule: usize) -> f64 {
    (2 + RULE * rule) as f64
}

/// The answers to a batch; `None` where they are not what the script gives.
pub(super) fn decode<'a>(answer: &[u8], jobs: impl Iterator<Item = &'a Job>) -> Option<Vec<Answer>> {
    let (numbers, []) = answer.as_chunks() else { return None };
    let mut numbers = numbers.iter().map(|bytes| f64::from_le_bytes(*bytes));
    let now = whole(numbers.next()?)?;
    let mut answers = Vec::new();
    for job in jobs {
        let usages = job.parts.iter().map(|_| {
            // A begun unit of a bucket's debt is counted whole.
            let (used, reset) = (whole(numbers.next()?.ceil())?, whole(numbers.next()?)?);
            Some((Usage { used: u32::try_from(used).unwrap_or(u32::MAX), reset }, 0))
        });
        let usages = usages.collect::<Option<_>>()?;
        let mut answer = Answer { now, refused: 0, exceeded: 0, wait: None, usages };
        let told = numbers.next()?;
        if told != NO_MORE {
            answer.refused = whole(told)?;
            answer.exceeded = whole(numbers.next()?)?;
            answer.wait = whole(numbers.next()?);
            for (_, blocked) in &mut answer.usages {
                *blocked = whole(numbers.next()?)?;
            }
        }
        answers.push(answer);
    }
    numbers.next().is_none().then_some(answers)
}

impl Answer {
    pub(super) fn is_refused(&self) -> bool {
        self.refused != 0
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.refused == BLOCKED
    }

    /// The microseconds until the request is let through; `None`: never.
    pub(super) fn wait(&self) -> Option<u64> {
        self.wait
    }

    pub(super) fn has_exceeded(&self, index: usize) -> bool {
        self.exceeded.checked_shr(index as u32).is_some_and(|bits| bits & 1 == 1)
    }

    /// Adds this answer, to the charges at these places, to what is said of the whole request.
    pub(super) fn add_to(&self, decision: &mut Decision, charges: &[Charge], places: &[usize]) {
        for (index, (place, (usage, blocked))) in places.iter().zip(&self.usages).enumerate() {
            let Some(charge) = charges.get(*place) else { continue };
            decision.set(*place, *usage);
            if self.has_exceeded(index) {
                decision.refuse(*place, charge, self.wait());
                if self.is_blocked() && *blocked > 0 && !charge.is_shadow {
                    decision.block(*place, *blocked);
                }
            }
        }
    }
}

/// What is refused because of a block.
const BLOCKED: u64 = 2;
/// Nothing was refused or exceeded, and nobody is blocked.
const NO_MORE: f64 = -1.0;

/// A rule as the script reads it.
pub(in crate::rate_limit) struct WireRule<'a> {
    pub(in crate::rate_limit) name: &'a str,
    pub(in crate::rate_limit) algorithm: Algorithm,
    pub(in crate::rate_limit) limit: u32,
    pub(in crate::rate_limit) window: u64,
    pub(in crate::rate_limit) step: u64,
    pub(in crate::rate_limit) first_block: u64,
    pub(in crate::rate_limit) longest_block: u64,
    pub(in crate::rate_limit) is_shadow: bool,
}

impl WireRule<'_> {
    /// Counts of another window or algorithm are others: the id tells them apart, and of it, the tag.
    pub(in crate::rate_limit) fn encode(&self) -> Arc<[u8]> {
        let (algorithm, letter) = match self.algorithm {
            Algorithm::SlidingLog => (1, 'e'),
            Algorithm::SlidingWindow => (2, 's'),
            Algorithm::TokenBucket => (3, 't'),
            Algorithm::FixedWindow => (4, 'f'),
        };
        let id = format!("{}:{letter}{}", self.name, self.window);
        let numbers: [u64; RULE] = [
            short(&id),
            short(&format!("{id}!")),
            algorithm,
            self.limit.into(),
            self.window,
            self.step,
            self.first_block,
            self.longest_block,
            self.is_shadow.into(),
        ];
        numbers.into_iter().flat_map(|number| (number as f64).to_le_bytes()).collect()
    }
}

/// The numbers of a rule.
const RULE: usize = 9;

/// The first six bytes of the SHA-256.
fn short(id: &str) -> u64 {
    Sha256::digest(id).iter().take(6).fold(0, |tag, byte| tag << 8 | u64::from(*byte))
}

/// The first half of a subject's SHA-256: who it is, is not told.
pub(in crate::rate_limit) fn digest(subject: &Subject<'_>, ipv6_prefix: u8, by_route: bool) -> u128 {
    let mut hash = Sha256::new();
    subject.feed(ipv6_prefix, by_route, |part| hash.update(part));
    let hash: [u8; 32] = hash.finalize().into();
    hash.iter().take(16).fold(0, |digest, byte| digest << 8 | u128::from(*byte))
}

/// The key of a subject's counts. Its hash tag (Redis Cluster) is the subject, whatever the prefix.
fn key(prefix: &str, digest: u128) -> String {
    let mut key = String::with_capacity(prefix.len() + 35);
    key.push_str(prefix);
    key.push_str(":{");
    push_tag(&mut key, digest);
    key.push('}');
    key
}

pub(super) fn tag(digest: u128) -> String {
    let mut tag = String::with_capacity(32);
    push_tag(&mut tag, digest);
    tag
}

/// 32 hexadecimal digits, without the detour of `format!`.
fn push_tag(text: &mut String, digest: u128) {
    let digit = |place: u32| char::from_digit((digest >> (4 * place)) as u32 & 15, 16).unwrap_or('0');
    text.extend((0..32).rev().map(digit));
}

// Numbers as the script reads and writes them: each a little-endian double, which all of them fit into.

fn number(bytes: &mut Vec<u8>, number: f64) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

fn whole(number: f64) -> Option<u64> {
    (number >= 0.0).then_some(number as u64)
}

const NUMBER: usize = size_of::<f64>();

#[cfg(test)]
mod tests;
