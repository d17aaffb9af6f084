//! The glossary: phrases that are not plain English in this crate, each with the wanted words.

use std::collections::BTreeMap;

use super::{COMMON_PASSWORDS, assert_none, files_below};

/// Phrases to avoid, variants separated by `|`, and what to write instead. A word here is almost never right; `ALLOWED`
/// has the exceptions. Case does not matter, and `snake_case` and `CamelCase` names are read as words.
const AVOIDED: &[(&str, &str)] = &[
    // HTTP and decisions
    ("answer|answers|answered|answering|unanswered", "response, respond, return"),
    ("in the handler's place|in the handler's stead", "instead of the handler"),
    ("judge|judges|judged|judging|judgement|judgment", "validate (settings), verify (tokens), check"),
    ("cannot be meant|can be meant", "invalid"),
    ("misfit|misfits", "invalid argument"),
    ("word of leave|asks for leave|ask for leave|leave given|leave denied", "allow, permit, preflight allowed"),
    (
        "let in|lets in|let it in|lets it in|let them in|lets them in|let him in|lets through|let through",
        "allow, admit",
    ),
    ("stands twice|stand twice|stood twice|given twice", "repeated, duplicate"),
    ("stands inside|stand inside|stands outside|stand outside|stood outside", "runs before, runs after; inner, outer"),
    ("stands in|stands at|stands where|stands there|stands between|stands beside|stands above|stands below", "is in"),
    ("stood there|what stands|what is left", "the previous value, the remaining ..."),
    ("where there is none|where there are none", "if there is none, if missing"),
    // Time, caches and limits
    ("known again|seen before|seen first", "cached"),
    ("driven out|drives out|drive out", "evict"),
    ("given up|gives up|give up|gave up", "time out, stop, abandon"),
    ("has places for|has room for|have room for|places left", "capacity"),
    ("units left", "remaining"),
    ("with hands|in hands|clock with hands", "fake clock"),
    ("tally|tallies", "usage, count"),
    ("shelf|shelves", "table, shard"),
    ("seat|seats", "limit tables, connection"),
    ("flight|flights", "batch"),
    ("broom", "sweep cursor"),
    ("porter|porters|gatekeeper|gatekeepers", "the gate's own name, `Gate`"),
    ("the house|the house's|drawer|drawers", "crate, module"),
    // Words without a noun
    ("one's own|ones own", "custom, your own"),
    ("whoever|whomever|somebody|nobody|everybody", "client, caller, user; everyone, no one"),
    ("who asks|such a one|whom", "the client, the caller"),
    // Verbs
    ("told|tells|tell apart|tells apart", "log, report, return; distinguish"),
    ("be had|to be had", "available"),
    ("heed|heeds|heeded", "respect, follow"),
    ("spelt|misspelt", "spelled, written; misspelled"),
    ("mend|mends|mended", "fix, correct"),
    ("begun", "started"),
    ("goes by|gone by|go by", "uses, compares; has passed"),
    ("bears|borne|strays", "has, carries; unexpected"),
    ("lies in|lies on|lies above|lies below|lies beyond|lies there|lies elsewhere", "is in"),
    // Inverted and archaic syntax
    ("anew|at hand|speaks of", "again, new; available; describes"),
    ("but for", "except, unless"),
    ("in vain|without a look|no more than is", "without effect, without checking, at most"),
    ("thus|hence|therein|wherein|whence|upon|whereupon|thereof", "so, in it, on"),
    ("outside of|inside of|can not|of no use", "outside, inside, cannot, useless"),
    // American spelling, as in the names of the ecosystem
    ("behaviour|behaviours|honour|honours|favour|colour|neighbour", "behavior, honor, favor, color, neighbor"),
    ("serialise|serialises|serialised|serialising|serialisation|deserialise|deserialisation", "serialize"),
    ("authorise|authorised|authorisation|recognise|recognises|recognised|normalise|normalised", "authorize, ..."),
    ("initialise|initialised|organisation|cancelled|cancelling", "initialize, organization, canceled"),
];

/// Words that are names in code but not in prose: comments and Markdown avoid them.
const AVOIDED_IN_PROSE: &[(&str, &str)] = &[("visitor|visitors", "caller, client, user, or `Visitor`")];

/// Uses of an avoided phrase that are right, each with the reason.
const ALLOWED: &[(&str, &str)] =
    &[("in flight", "sent, and without a response yet"), ("is cancelled", "a method of tokio's `JoinError`")];

/// The files that people read; this one quotes what it forbids.
fn prose() -> BTreeMap<String, String> {
    let parts = ["src", "tests", "examples", "benches", "fuzz", "README.md", "CHANGELOG.md", "Cargo.toml", ".ci"];
    let mut files = files_below(&parts);
    let is_other = |path: &str| path.ends_with(".lock") || path.ends_with("-lock.json") || path == COMMON_PASSWORDS;
    files.retain(|path, _| !path.ends_with("glossary.rs") && !is_other(path));
    files
}

#[test]
fn prose_and_names_avoid_the_phrases_of_the_glossary() {
    let mut offenders = Vec::new();
    for (path, text) in prose() {
        let mut found = avoided(&Words::new(&text, true), AVOIDED, ALLOWED);
        let comments = if path.ends_with(".md") { text } else { comment_lines(&text) };
        found.extend(avoided(&Words::new(&comments, false), AVOIDED_IN_PROSE, ALLOWED));
        offenders.extend(found.into_iter().map(|found| format!("{path}:{found}")));
    }
    assert_none("a phrase of tests/it/source_rules/glossary.rs", offenders);
}

#[test]
fn every_exception_is_used_and_contains_an_avoided_phrase() {
    let texts: Vec<_> = prose().values().map(|text| Words::new(text, true)).collect();
    for (phrase, reason) in ALLOWED {
        let is_avoided = AVOIDED.iter().any(|(avoided, _)| {
            avoided.split('|').any(|avoided| format!(" {phrase} ").contains(&format!(" {avoided} ")))
        });
        assert!(is_avoided, "{phrase:?} is not avoided: {reason}");
        assert!(texts.iter().any(|words| words.text.contains(&format!(" {phrase} "))), "{phrase:?} is not used");
    }
}

/// Each phrase of a table that the words contain, outside the allowed phrases, with its line and what to write instead.
fn avoided(words: &Words, table: &[(&str, &str)], allowed: &[(&str, &str)]) -> Vec<String> {
    let mut text = words.text.clone();
    for (phrase, _) in allowed {
        text = text.replace(&format!(" {phrase} "), &format!(" {} ", "-".repeat(phrase.len())));
    }
    let mut found = Vec::new();
    for (phrases, instead) in table {
        for phrase in phrases.split('|') {
            let spaced = format!(" {phrase} ");
            found.extend(text.match_indices(&spaced).map(|(at, _)| (words.line(at), phrase, instead)));
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(line, phrase, instead)| format!("{line}: \"{phrase}\", write: {instead}")).collect()
}

/// The words of a text, one space around each. Line ends and comment markers do not separate the words of a phrase.
struct Words {
    text: String,
    /// Where each line starts in `text`.
    line_starts: Vec<usize>,
}

impl Words {
    fn new(text: &str, folds_case: bool) -> Self {
        let mut words = Self { text: " ".to_owned(), line_starts: vec![0] };
        let mut last = ' ';
        for c in text.chars() {
            let is_word = c.is_alphanumeric() || c == '\'';
            let is_hump = folds_case && c.is_uppercase() && last.is_lowercase();
            if (!is_word || is_hump) && !words.text.ends_with(' ') {
                words.text.push(' ');
            }
            if is_word {
                words.text.push(if folds_case { c.to_ascii_lowercase() } else { c });
            }
            if c == '\n' {
                words.line_starts.push(words.text.len() - 1);
            }
            last = c;
        }
        words.text.push(' ');
        words
    }

    fn line(&self, at: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= at)
    }
}

/// The text with all lines but comments emptied.
fn comment_lines(text: &str) -> String {
    let lines = text.lines().map(|line| if line.trim_start().starts_with("//") { line } else { "" });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn avoided_phrases_are_found_in_prose_and_names() {
    let find = |text: &str| avoided(&Words::new(text, true), AVOIDED, &[("in flight", "sent")]);
    assert_eq!(find("fn a() {}\n/// The client is Told."), ["2: \"told\", write: log, report, return; distinguish"]);
    assert_eq!(find("// Of one's\n// own."), ["1: \"one's own\", write: custom, your own"]);
    for text in ["fn is_told() {}", "enum ToldApart {}", "`told`", "\"told,\""] {
        assert_eq!(find(text).len(), 1, "{text}");
    }
    for text in ["untold", "toldo", "in-flight requests"] {
        assert!(find(text).is_empty(), "{text}");
    }
    assert_eq!(find("told in flight, a flight").len(), 2);
    let comments = comment_lines("// `Visitor` or\nlet visitor;\n    // a visitor");
    let found = avoided(&Words::new(&comments, false), AVOIDED_IN_PROSE, &[]);
    assert_eq!(found, ["3: \"visitor\", write: caller, client, user, or `Visitor`"]);
}
