//! `RequiredNames`: the roles, permissions or credentials that a check requires.

use std::fmt;

/// The names of the roles, permissions or credentials that a check requires, in the order in which they were given.
///
/// ```
/// use portcullis::gate::DenialKind;
///
/// let kind = DenialKind::insufficient_role(["editor", "admin"]);
/// let DenialKind::InsufficientRole { required, .. } = kind else {
///     panic!("another kind")
/// };
/// assert_eq!(required.iter().collect::<Vec<_>>(), ["editor", "admin"]);
/// assert_eq!(required.to_string(), "editor, admin");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredNames(Box<[Box<str>]>);

impl RequiredNames {
    pub(super) fn new(names: impl IntoIterator<Item: AsRef<str>>) -> Self {
        Self(names.into_iter().map(|name| name.as_ref().into()).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|name| &**name)
    }
}

/// Writes the names, separated by commas.
impl fmt::Display for RequiredNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}
