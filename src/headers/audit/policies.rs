//! `Policies`: all content security policies of an answer, as the one that the Observatory makes of them.

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::BLANKS;

/// The sources of each directive, in lower case.
#[derive(Debug, Default)]
pub(super) struct Policies {
    pub(super) directives: BTreeMap<String, BTreeSet<String>>,
    /// Whether `report-to` or `report-uri`, which may stand twice in a policy, do.
    pub(super) has_duplicates: bool,
}

impl Policies {
    /// Reads policies that are separated by commas; `None` where one is no policy.
    pub(super) fn read(text: &str) -> Option<Self> {
        let policies: Vec<&str> = text.split(',').map(|policy| policy.trim_matches(BLANKS)).collect();
        if policies.iter().any(|policy| policy.chars().count() < SHORTEST) {
            return None;
        }
        let mut merged = BTreeMap::new();
        let mut has_duplicates = false;
        for (index, policy) in policies.iter().enumerate() {
            let mut seen = BTreeSet::new();
            for directive in policy.split(';') {
                let mut words = directive.split(BLANKS).filter(|word| !word.is_empty()).map(str::to_lowercase);
                let Some(name) = words.next() else { continue };
                if !seen.insert(name.clone()) {
                    MAY_STAND_TWICE.contains(&name.as_str()).then_some(())?;
                    has_duplicates = true;
                }
                let mut sources: Vec<Source> = words.map(|text| Source { text, index, is_kept: index == 0 }).collect();
                if sources.is_empty() && name.ends_with("-src") {
                    sources.push(Source { text: NONE.to_owned(), index, is_kept: index == 0 });
                }
                let earlier = merged.entry(name).or_insert_with(Vec::new);
                if index > 0 {
                    sources.splice(..0, earlier.drain(..));
                }
                *earlier = reduce(sources)?;
            }
            // A further policy must name the first one's sources again, to keep them.
            if index == 0 && policies.len() > 1 {
                merged.values_mut().flatten().for_each(|source| source.is_kept = false);
            }
        }
        let directives = merged.into_iter().map(|(name, sources)| (name, texts(sources))).collect();
        Some(Self { directives, has_duplicates })
    }
}

#[derive(Debug)]
struct Source {
    text: String,
    /// Of its policy.
    index: usize,
    is_kept: bool,
}

/// Sorts sources and lets each judge its successor: one that it begins, in its own policy, says nothing new; one that it
/// covers, in another, is in both. `None` where a path that is compared is not percent-encoded UTF-8.
fn reduce(mut sources: Vec<Source>) -> Option<Vec<Source>> {
    sources.sort_by(|a, b| collate(&a.text, &b.text));
    for at in 1..sources.len() {
        let (before, rest) = sources.split_at_mut(at);
        let (Some(former), Some(source)) = (before.last(), rest.first_mut()) else { break };
        if source.index == former.index {
            source.is_kept &= !source.text.starts_with(&former.text);
        } else {
            source.is_kept |= covers(&former.text, &source.text)?;
        }
    }
    sources.retain(|source| source.is_kept);
    Some(sources)
}

/// Path matching of CSP level 3, section 6.7.2.10, of whole sources.
fn covers(pattern: &str, source: &str) -> Option<bool> {
    let is_folder = pattern.ends_with('/');
    let (wanted, found) = (pattern.split('/').count(), source.split('/').count());
    if wanted > found || !is_folder && wanted != found {
        return Some(false);
    }
    let pairs = pattern.split('/').zip(source.split('/')).take(wanted - usize::from(is_folder));
    for (one, other) in pairs {
        if decode(one)? != decode(other)? {
            return Some(false);
        }
    }
    Some(true)
}

fn decode(text: &str) -> Option<String> {
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

fn texts(sources: Vec<Source>) -> BTreeSet<String> {
    let texts: BTreeSet<String> = sources.into_iter().map(|source| source.text).collect();
    if texts.is_empty() { BTreeSet::from([NONE.to_owned()]) } else { texts }
}

/// The order of the Unicode collation algorithm, of ASCII without capitals. Other characters, which no source may have,
/// follow by their numbers.
fn collate(one: &str, other: &str) -> Ordering {
    let rank = |c: char| COLLATION.find(c).unwrap_or(COLLATION.len() + c as usize);
    one.chars().map(rank).cmp(other.chars().map(rank))
}

const COLLATION: &str = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz";
const MAY_STAND_TWICE: [&str; 2] = ["report-to", "report-uri"];
pub(super) const NONE: &str = "'none'";
/// In characters.
const SHORTEST: usize = 6;
