//! `Permission`: an action on a resource, as `action:resource`.

use std::fmt;
use std::str::FromStr;

use crate::error::{ConfigError, ConfigIssue, IssueKind};

/// An action on a resource, as `action:resource`: two words with one colon between them.
///
/// A role's grant may use `*` for any action or any resource. A permission that a layer requires may not.
///
/// ```
/// use portcullis::Permission;
///
/// let create = Permission::new("create:valuation")?;
/// assert_eq!((create.action(), create.resource()), ("create", "valuation"));
/// assert!(Permission::new("valuation").is_err());
/// assert_eq!("create:valuation".parse(), Ok(create));
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission {
    text: Box<str>,
    colon: usize,
}

impl Permission {
    /// Creates a permission from `action:resource`.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the text is not two words with one colon between them. A word consists of ASCII
    /// letters, digits, `-`, `_` and `.`. In particular, `*` is an error: a check for "any action" would be ambiguous.
    pub fn new(text: &str) -> Result<Self, ConfigError> {
        Self::parse(text, is_word).ok_or_else(|| invalid("Permission::new", text).into())
    }

    /// Creates a grant of a [role](crate::context::RolesBuilder::role): a permission in which a word may be `*`.
    pub(crate) fn grant(text: &str) -> Result<Self, ConfigError> {
        Self::parse(text, |word| word == ANY || is_word(word)).ok_or_else(|| invalid("role", text).into())
    }

    /// Splits the text at its first colon. A second colon is not a part of a word, so it is invalid.
    fn parse(text: &str, is_part: impl Fn(&str) -> bool) -> Option<Self> {
        let (action, resource) = text.split_once(':')?;
        let is_valid = is_part(action) && is_part(resource);
        is_valid.then(|| Self { text: text.into(), colon: action.len() })
    }

    /// Returns the action.
    #[must_use]
    pub fn action(&self) -> &str {
        self.text.get(..self.colon).unwrap_or_default()
    }

    /// Returns the resource.
    #[must_use]
    pub fn resource(&self) -> &str {
        self.text.get(self.colon + 1..).unwrap_or_default()
    }

    /// Returns the permission as `action:resource`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this grant covers a permission. Text that is not a permission is covered by no grant, not even by `*:*`.
    pub(crate) fn covers(&self, permission: &str) -> bool {
        permission.split_once(':').is_some_and(|(action, resource)| {
            let is_covered = covers(self.action(), action) && covers(self.resource(), resource);
            is_covered && is_word(action) && is_word(resource)
        })
    }
}

/// Parses `action:resource`, as [`Permission::new`] does.
impl FromStr for Permission {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::new(text).map_err(|error| error.with_setting("Permission::from_str"))
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

fn covers(granted: &str, word: &str) -> bool {
    granted == ANY || granted == word
}

fn invalid(setting: &'static str, text: &str) -> ConfigIssue {
    let remedy = "write two words of letters, digits, '-', '_' or '.' with one colon, as create:valuation";
    ConfigIssue::new(setting, IssueKind::Invalid, "not of the form action:resource", remedy).with_value(text)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// In a grant, any action or any resource.
const ANY: &str = "*";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_permission_is_two_words_with_one_colon_between_them() {
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
    fn a_grant_covers_itself_and_what_its_stars_match() {
        for grant in ["read:webhook", "*:webhook", "read:*", "*:*"] {
            assert!(Permission::grant(grant).unwrap().covers("read:webhook"), "{grant}");
        }
        for grant in ["write:webhook", "read:webhooks", "*:valuation", "write:*"] {
            assert!(!Permission::grant(grant).unwrap().covers("read:webhook"), "{grant}");
        }
        assert!(Permission::grant("r*:webhook").is_err());
    }

    #[test]
    fn a_grant_of_everything_covers_only_valid_permissions() {
        for text in ["", ":", "webhook", "a:b:c", "*:*", "read:"] {
            assert!(!Permission::grant("*:*").unwrap().covers(text), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_parses_without_a_panic_into_its_own_parts(text in ".{0,24}") {
            if let Ok(permission) = Permission::new(&text) {
                prop_assert_eq!(format!("{}:{}", permission.action(), permission.resource()), text);
                prop_assert_eq!(permission.to_string().parse(), Ok(permission));
            }
        }
    }
}
