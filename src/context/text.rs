//! `Text`: a string that is a part of the claims it was read from, or stands on its own.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A string that shares the memory of a token's claims where it can, so that reading a token's
/// strings allocates nothing.
#[derive(Clone)]
pub(crate) struct Text(Repr);

#[derive(Clone)]
enum Repr {
    Owned(Box<str>),
    Part { whole: Arc<str>, start: usize, end: usize },
}

impl Text {
    /// `part`, sharing `whole`'s memory where `part` lies in it, else copied.
    pub(crate) fn part_of(whole: &Arc<str>, part: &str) -> Self {
        let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize);
        let shared = start.and_then(|start| {
            let end = start.checked_add(part.len())?;
            // Two strings may hold equal bytes at different places: only the very same memory is shared.
            whole.get(start..end).filter(|same| std::ptr::eq(*same, part))?;
            Some(Repr::Part { whole: Arc::clone(whole), start, end })
        });
        Self(shared.unwrap_or_else(|| Repr::Owned(part.into())))
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Repr::Owned(text) => text,
            Repr::Part { whole, start, end } => whole.get(*start..*end).unwrap_or_default(),
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Repr::Owned(text.into()))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Repr::Owned(text.into_boxed_str()))
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text {}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_shares_the_memory_of_the_whole() {
        let whole: Arc<str> = "{\"sub\":\"ann\"}".into();
        let text = Text::part_of(&whole, &whole[8..11]);
        assert_eq!(&*text, "ann");
        assert!(std::ptr::eq(&*text, &whole[8..11]));
    }

    #[test]
    fn a_string_from_elsewhere_is_copied() {
        let whole: Arc<str> = "ann".into();
        let other = String::from("ann");
        let text = Text::part_of(&whole, &other);
        drop(other);
        assert_eq!(&*text, "ann");
    }

    #[test]
    fn equal_texts_are_equal_however_they_are_held() {
        let whole: Arc<str> = "ann".into();
        assert_eq!(Text::part_of(&whole, &whole), Text::from("ann"));
        assert_ne!(Text::from("ann"), Text::from("bob"));
    }
}
