//! `Permission`: what may be done to what, as `action:resource`.

use std::fmt;

use crate::error::{ConfigError, ConfigIssue, IssueKind};

/// What may be done to what, as `action:resource`: two words with one colon between them.
///
/// In a role's grants a `*` stands for any action or any resource. A gate asks for one permission, never for `*`.
///
/// ```
/// use portcullis::Permission;
///
/// let create = Permission::new("create:valuation")?;
/// assert_eq!((create.action(), create.resource()), ("create", "valuation"));
/// assert!(Permission::new("valuation").is_err());
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission {
    text: Box<str>,
    colon: usize,
}

impl Permission {
    /// One permission, spelt `action:resource`.
    ///
    /// # Errors
    ///
    /// Where the text is not two words of ASCII letters, digits, `-`, `_` or `.` with one colon between them.
    pub fn new(text: &str) -> Result<Self, ConfigError> {
        Self::parse(text, is_word)
    }

    /// A grant: as a permission, but either word may be `*`.
    pub(crate) fn grant(text: &str) -> Result<Self, ConfigError> {
        Self::parse(text, |word| word == ANY || is_word(word))
    }

    fn parse(text: &str, is_part: impl Fn(&str) -> bool) -> Result<Self, ConfigError> {
        match text.split_once(':') {
            Some((action, resource)) if is_part(action) && is_part(resource) => {
                Ok(Self { text: text.into(), colon: action.len() })
            }
            _ => Err(ConfigIssue::new(
                "permission",
                IssueKind::Invalid,
                "not of the form action:resource",
                "write two words of letters, digits, '-', '_' or '.' with one colon, as create:valuation",
            )
            .with_value(text)
            .into()),
        }
    }

    /// What is done.
    #[must_use]
    pub fn action(&self) -> &str {
        self.text.get(..self.colon).unwrap_or_default()
    }

    /// What it is done to.
    #[must_use]
    pub fn resource(&self) -> &str {
        self.text.get(self.colon + 1..).unwrap_or_default()
    }

    /// The permission as `action:resource`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this grant covers the permission.
    pub(crate) fn covers(&self, wanted: &str) -> bool {
        wanted.split_once(':').is_some_and(|(action, resource)| {
            covers(self.action(), action) && covers(self.resource(), resource) && is_word(action) && is_word(resource)
        })
    }
}

impl AsRef<str> for Permission {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permission").field(&self.text).finish()
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn covers(grant: &str, wanted: &str) -> bool {
    grant == ANY || grant == wanted
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

const ANY: &str = "*";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_permission_is_two_words_with_one_colon() {
        for text in ["create:valuation", "a.b:c_d", "read:market-data"] {
            let permission = Permission::new(text).unwrap();
            assert_eq!([permission.as_str(), permission.as_ref()], [text; 2]);
            assert_eq!(format!("{permission}"), text);
        }
        for text in ["", ":", "a:", ":b", "ab", "a:b:c", "a b:c", "*:b", "a:*", "é:b"] {
            assert!(Permission::new(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_grant_covers_itself_and_what_its_stars_stand_for() {
        for grant in ["read:webhook", "*:webhook", "read:*", "*:*"] {
            assert!(Permission::grant(grant).unwrap().covers("read:webhook"), "{grant}");
        }
        for grant in ["write:webhook", "read:webhooks", "*:valuation", "write:*"] {
            assert!(!Permission::grant(grant).unwrap().covers("read:webhook"), "{grant}");
        }
        assert!(Permission::grant("r*:webhook").is_err());
    }

    #[test]
    fn a_grant_of_everything_covers_no_text_that_is_no_permission() {
        for text in ["", ":", "webhook", "a:b:c", "*:*", "read:"] {
            assert!(!Permission::grant("*:*").unwrap().covers(text), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_parses_reads_back(text in ".{0,24}") {
            if let Ok(permission) = Permission::new(&text) {
                prop_assert_eq!(format!("{}:{}", permission.action(), permission.resource()), text);
            }
        }
    }
}
