//! What the script is asked and what it answers.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::rate_limit::quota::Algorithm;
use crate::rate_limit::subject::Subject;
use crate::rate_limit::verdict::{Ask, Tally, Verdict};

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
    pub(super) key: String,
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
    refused: i64,
    exceeded: i64,
    wait: i64,
    /// What is in use, and for how long the subject is blocked.
    pub(super) tallies: Vec<(Tally, u64)>,
}

/// The keys and the request of a batch.
pub(super) fn encode<'a>(jobs: impl ExactSizeIterator<Item = &'a Job>) -> (Vec<String>, Vec<u8>) {
    let mut rules: Vec<&Arc<[u8]>> = Vec::new();
    let mut keys = Vec::new();
    let mut body = Vec::new();
    array(&mut body, jobs.len());
    for job in jobs {
        array(&mut body, 1 + 3 * job.parts.len());
        integer(&mut body, job.operation as u64);
        for part in &job.parts {
            keys.push(part.key.clone());
            let known = rules.iter().position(|rule| Arc::ptr_eq(rule, &part.rule));
            let place = known.unwrap_or_else(|| {
                rules.push(&part.rule);
                rules.len() - 1
            });
            integer(&mut body, place as u64);
            integer(&mut body, u64::from(part.cost));
            integer(&mut body, part.then);
        }
    }
    let mut request = Vec::with_capacity(body.len() + 64 * rules.len() + 10);
    array(&mut request, 2);
    array(&mut request, rules.len());
    rules.iter().for_each(|rule| request.extend_from_slice(rule));
    request.append(&mut body);
    (keys, request)
}

/// The answers to a batch; `None` where they are not what the script gives.
pub(super) fn decode<'a>(answer: &[i64], jobs: impl Iterator<Item = &'a Job>) -> Option<Vec<Answer>> {
    let mut numbers = answer.iter().copied();
    let now = u64::try_from(numbers.next()?).ok()?;
    let mut answers = Vec::new();
    for job in jobs {
        let (refused, exceeded, wait) = (numbers.next()?, numbers.next()?, numbers.next()?);
        let tallies = job.parts.iter().map(|_| {
            let used = u32::try_from(numbers.next()?).unwrap_or(u32::MAX);
            let reset = u64::try_from(numbers.next()?).ok()?;
            Some((Tally { used, reset }, u64::try_from(numbers.next()?).ok()?))
        });
        let tallies = tallies.collect::<Option<_>>()?;
        answers.push(Answer { now, refused, exceeded, wait, tallies });
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
        u64::try_from(self.wait).ok()
    }

    pub(super) fn has_exceeded(&self, index: usize) -> bool {
        self.exceeded.checked_shr(index as u32).is_some_and(|bits| bits & 1 == 1)
    }

    /// Adds this answer, to the asks at these places, to what is said of the whole request.
    pub(super) fn add_to(&self, verdict: &mut Verdict, asks: &[Ask], places: &[usize]) {
        for (index, (place, (tally, blocked))) in places.iter().zip(&self.tallies).enumerate() {
            let Some(ask) = asks.get(*place) else { continue };
            verdict.set(*place, *tally);
            if self.has_exceeded(index) {
                verdict.refuse(*place, ask, self.wait());
                if self.is_blocked() && *blocked > 0 && !ask.is_shadow {
                    verdict.block(*place, *blocked);
                }
            }
        }
    }
}

const BLOCKED: i64 = 2;

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
    /// Counts of another window or algorithm are others: the id tells them apart.
    pub(in crate::rate_limit) fn encode(&self) -> Arc<[u8]> {
        let (number, letter) = match self.algorithm {
            Algorithm::Exact => (1, 'e'),
            Algorithm::Sliding => (2, 's'),
            Algorithm::TokenBucket => (3, 't'),
            Algorithm::Fixed => (4, 'f'),
        };
        let id = format!("{}:{letter}{}", self.name, self.window);
        let mut bytes = Vec::new();
        array(&mut bytes, 8);
        text(&mut bytes, &id);
        let numbers = [
            number,
            u64::from(self.limit),
            self.window,
            self.step,
            self.first_block,
            self.longest_block,
            u64::from(self.is_shadow),
        ];
        numbers.into_iter().for_each(|number| integer(&mut bytes, number));
        bytes.into()
    }
}

/// The first half of a subject's SHA-256: who it is, is not told.
pub(in crate::rate_limit) fn digest(subject: &Subject<'_>, ipv6_prefix: u8, by_route: bool) -> u128 {
    let mut hash = Sha256::new();
    subject.feed(ipv6_prefix, by_route, |part| hash.update(part));
    let hash: [u8; 32] = hash.finalize().into();
    hash.iter().take(16).fold(0, |digest, byte| digest << 8 | u128::from(*byte))
}

/// The key of a subject's counts. Its hash tag (Redis Cluster) is the subject, whatever the prefix.
pub(super) fn key(prefix: &str, digest: u128) -> String {
    format!("{prefix}:{{{}}}", tag(digest))
}

pub(super) fn tag(digest: u128) -> String {
    format!("{digest:032x}")
}

// MessagePack, as far as the script is asked in it.

fn array(bytes: &mut Vec<u8>, len: usize) {
    bytes.push(0xdd);
    bytes.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(0xdb);
    bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

fn integer(bytes: &mut Vec<u8>, number: u64) {
    match u8::try_from(number) {
        Ok(small) if small < 0x80 => bytes.push(small),
        _ => {
            bytes.push(0xcf);
            bytes.extend_from_slice(&number.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
