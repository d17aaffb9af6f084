//! `MergedCsp`: all content security policies of a response, merged into one as the Observatory does.
//!
//! A browser enforces each policy on its own. The Observatory approximates that with one list of sources per directive:
//! the sources that every policy allows.

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::headers::audit::text::WHITESPACE;

/// The sources of each directive, in lower case.
#[derive(Debug, Default)]
pub(super) struct MergedCsp {
    pub(super) directives: BTreeMap<String, BTreeSet<String>>,
    /// Whether `report-to` or `report-uri` occurs twice in a policy. Any other duplicate is an error.
    pub(super) has_duplicates: bool,
}

impl MergedCsp {
    /// Parses policies that are separated by commas. Returns `None` if one of them is not a policy.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let policies: Vec<&str> = text.split(',').map(|policy| policy.trim_matches(WHITESPACE)).collect();
        if policies.iter().any(|policy| policy.chars().count() < MIN_LEN) {
            return None;
        }
        let mut merged = BTreeMap::new();
        let mut has_duplicates = false;
        for (index, policy) in policies.iter().enumerate() {
            let mut seen = BTreeSet::new();
            for directive in policy.split(';') {
                let mut words = directive.split(WHITESPACE).filter(|word| !word.is_empty()).map(str::to_lowercase);
                let Some(name) = words.next() else { continue };
                if !seen.insert(name.clone()) {
                    if !REPEATABLE.contains(&name.as_str()) {
                        return None;
                    }
                    has_duplicates = true;
                }
                let mut sources: Vec<Source> = words.map(|text| Source { text, index, is_kept: index == 0 }).collect();
                if sources.is_empty() && name.ends_with("-src") {
                    sources.push(Source { text: NONE.to_owned(), index, is_kept: index == 0 });
                }
                // The sources of earlier policies come first: `reduce` sorts stably, so of two equal sources the
                // earlier one precedes.
                let earlier = merged.entry(name).or_insert_with(Vec::new);
                if index > 0 {
                    sources.splice(..0, earlier.drain(..));
                }
                *earlier = reduce(sources)?;
            }
            // From here on, a source of the first policy stays only if a further policy allows it too.
            if index == 0 && policies.len() > 1 {
                merged.values_mut().flatten().for_each(|source| source.is_kept = false);
            }
        }
        let directives = merged.into_iter().map(|(name, sources)| (name, texts(sources))).collect();
        Some(Self { directives, has_duplicates })
    }
}

/// A source, and the policy that it comes from.
#[derive(Debug)]
struct Source {
    text: String,
    /// The index of the policy that has the source.
    index: usize,
    /// Whether the merged policy still allows the source.
    is_kept: bool,
}

/// Sorts the sources, then compares each one with its predecessor.
///
/// Within a policy, a source that starts with its predecessor is redundant. Across policies, a source that its
/// predecessor covers is in both. Returns `None` if a path to compare is not percent-encoded UTF-8.
fn reduce(mut sources: Vec<Source>) -> Option<Vec<Source>> {
    sources.sort_by(|a, b| collate(&a.text, &b.text));
    for at in 1..sources.len() {
        let (before, rest) = sources.split_at_mut(at);
        let (Some(previous), Some(source)) = (before.last(), rest.first_mut()) else { break };
        if source.index == previous.index {
            source.is_kept &= !source.text.starts_with(&previous.text);
        } else {
            source.is_kept |= covers(&previous.text, &source.text)?;
        }
    }
    sources.retain(|source| source.is_kept);
    Some(sources)
}

/// Path matching (CSP 3 §6.7.2.10), which the Observatory applies to whole sources.
fn covers(pattern: &str, source: &str) -> Option<bool> {
    let is_folder = pattern.ends_with('/');
    let pattern_parts = pattern.split('/').count();
    let source_parts = source.split('/').count();
    if pattern_parts > source_parts || !is_folder && pattern_parts != source_parts {
        return Some(false);
    }
    let compared = pattern_parts - usize::from(is_folder);
    for (one, other) in pattern.split('/').zip(source.split('/')).take(compared) {
        if percent_decode(one)? != percent_decode(other)? {
            return Some(false);
        }
    }
    Some(true)
}

/// Decodes as `decodeURIComponent` does. Returns `None` if that would throw.
fn percent_decode(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut decoded: Vec<u8> = parts.next().unwrap_or_default().into();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        decoded.push(u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?);
        decoded.extend(rest.as_bytes());
    }
    String::from_utf8(decoded).ok()
}

/// Returns the texts of the sources, or `'none'` if none remains.
fn texts(sources: Vec<Source>) -> BTreeSet<String> {
    let texts: BTreeSet<String> = sources.into_iter().map(|source| source.text).collect();
    if texts.is_empty() { BTreeSet::from([NONE.to_owned()]) } else { texts }
}

/// Compares as `String.prototype.localeCompare` does for lower-case ASCII (Unicode collation algorithm).
///
/// No source can contain other characters. They sort last, by code point.
fn collate(one: &str, other: &str) -> Ordering {
    let rank = |c: char| COLLATION.find(c).unwrap_or(COLLATION.len() + c as usize);
    one.chars().map(rank).cmp(other.chars().map(rank))
}

/// Printable ASCII in the order of the Unicode collation algorithm, without upper case.
const COLLATION: &str = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz";
/// The length, in characters, below which the Observatory does not accept a policy.
const MIN_LEN: usize = 6;
pub(super) const NONE: &str = "'none'";
/// The directives that may occur more than once in a policy.
const REPEATABLE: [&str; 2] = ["report-to", "report-uri"];
