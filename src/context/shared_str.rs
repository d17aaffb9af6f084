//! `SharedStr`: a string that shares the memory of the claims it was read from, or owns its memory.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A string that shares the memory of the claims it was read from, or owns its memory.
///
/// The crate has its own type because an access token usually has eight or more string claims: a copy of each would be
/// as many allocations each time a token is verified. `Arc<str>` cannot refer to a part of another one, and a part of a
/// `bytes::Bytes` would have to be checked for UTF-8 on every access.
#[derive(Clone)]
pub(crate) struct SharedStr(Repr);

#[derive(Clone)]
enum Repr {
    Owned(Box<str>),
    Shared { whole: Arc<str>, start: usize, end: usize },
}

impl SharedStr {
    /// Shares the memory of `whole` if `part` is a slice of it; copies `part` otherwise.
    #[cfg_attr(
        not(any(feature = "introspection", feature = "jwt", test)),
        expect(dead_code, reason = "only `jwt` reads claims")
    )]
    pub(crate) fn part_of(whole: &Arc<str>, part: &str) -> Self {
        // Safe code: the offset is only a guess, which `get` and `ptr::eq` confirm.
        let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize);
        let shared = start.and_then(|start| {
            let end = start.checked_add(part.len())?;
            // Two strings may have equal bytes at different addresses; only a true slice of `whole` is shared.
            whole.get(start..end).filter(|same| std::ptr::eq(*same, part))?;
            Some(Repr::Shared { whole: Arc::clone(whole), start, end })
        });
        Self(shared.unwrap_or_else(|| Repr::Owned(part.into())))
    }
}

impl Deref for SharedStr {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Repr::Owned(text) => text,
            Repr::Shared { whole, start, end } => whole.get(*start..*end).unwrap_or_default(),
        }
    }
}

impl From<&str> for SharedStr {
    fn from(text: &str) -> Self {
        Self(Repr::Owned(text.into()))
    }
}

impl From<String> for SharedStr {
    fn from(text: String) -> Self {
        Self(Repr::Owned(text.into_boxed_str()))
    }
}

impl PartialEq for SharedStr {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for SharedStr {}

impl fmt::Debug for SharedStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_shares_the_memory_of_the_whole() {
        let whole: Arc<str> = "{\"sub\":\"ann\"}".into();
        let text = SharedStr::part_of(&whole, &whole[8..11]);
        assert_eq!(&*text, "ann");
        assert!(std::ptr::eq(&*text, &whole[8..11]));
    }

    #[test]
    fn an_unrelated_string_is_copied() {
        let whole: Arc<str> = "ann".into();
        let other = String::from("ann");
        let text = SharedStr::part_of(&whole, &other);
        drop(other);
        assert_eq!(&*text, "ann");
    }

    #[test]
    fn shared_and_owned_strings_compare_by_content() {
        let whole: Arc<str> = "ann".into();
        assert_eq!(SharedStr::part_of(&whole, &whole), SharedStr::from("ann"));
        assert_ne!(SharedStr::from("ann"), SharedStr::from("bob"));
    }
}
