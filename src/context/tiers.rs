//! `Tiers`: subscription tiers in ascending order.

use std::fmt;
use std::sync::Arc;

use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};

/// The subscription tiers of an app, lowest first.
///
/// ```
/// use portcullis::Tiers;
///
/// let tiers = Tiers::ascending(["basic", "professional", "enterprise"])?;
/// assert!(tiers.get("enterprise")?.is_at_least(&tiers.get("professional")?));
/// assert!(tiers.get("enterprize").is_err());
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiers(Arc<[Box<str>]>);

impl Tiers {
    /// Tiers of these names, each above the one before it.
    ///
    /// # Errors
    ///
    /// Where there is no name, or one is empty or stands twice.
    pub fn ascending<I>(names: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let mut problems = ConfigIssues::default();
        let mut tiers: Vec<Box<str>> = Vec::new();
        for name in names {
            let name = name.as_ref();
            if name.is_empty() {
                problems.add(ConfigIssue::new("tiers", IssueKind::Invalid, "a name is empty", "name every tier"));
            } else if tiers.iter().any(|known| **known == *name) {
                problems.add(
                    ConfigIssue::new(
                        "tiers",
                        IssueKind::Duplicate,
                        "stands twice",
                        "name each tier once, lowest first",
                    )
                    .with_value(name),
                );
            } else {
                tiers.push(name.into());
            }
        }
        if tiers.is_empty() {
            problems.add(ConfigIssue::new("tiers", IssueKind::Missing, "there is no tier", "name at least one tier"));
        }
        problems.into_result(|| Self(tiers.into()))
    }

    /// The tier of this name, compared case-sensitively.
    ///
    /// # Errors
    ///
    /// Where no tier has this name; the error lists those there are.
    pub fn get(&self, name: &str) -> Result<Tier, ConfigError> {
        self.find(name).ok_or_else(|| {
            let known = self.0.join(", ");
            ConfigIssue::new("tier", IssueKind::Unknown, "no such tier", format!("use one of: {known}"))
                .with_value(name)
                .into()
        })
    }

    pub(crate) fn find(&self, name: &str) -> Option<Tier> {
        let rank = self.0.iter().position(|tier| **tier == *name)?;
        Some(Tier { tiers: self.clone(), rank })
    }
}

/// One of the [`Tiers`].
#[derive(Clone, PartialEq, Eq)]
pub struct Tier {
    tiers: Tiers,
    rank: usize,
}

impl Tier {
    /// The tier's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.tiers.0.get(self.rank).map_or("", |name| name)
    }

    /// How many tiers of its table are below it.
    pub(crate) fn rank(&self) -> usize {
        self.rank
    }

    /// Whether this tier is `other` or above it.
    ///
    /// The order is that of `other`'s tiers: a tier whose name they do not know ranks below them all.
    #[must_use]
    pub fn is_at_least(&self, other: &Self) -> bool {
        if Arc::ptr_eq(&self.tiers.0, &other.tiers.0) {
            return self.rank >= other.rank;
        }
        other.admits(self.name())
    }

    /// Whether the tier of this name is this one or above it.
    pub(crate) fn admits(&self, name: &str) -> bool {
        self.tiers.find(name).is_some_and(|tier| tier.rank >= self.rank)
    }
}

impl fmt::Debug for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tier").field(&self.name()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiers() -> Tiers {
        Tiers::ascending(["basic", "professional", "enterprise"]).unwrap()
    }

    #[test]
    fn a_tier_is_at_least_itself_and_those_below() {
        let names = ["basic", "professional", "enterprise"];
        for (above, high) in names.iter().enumerate() {
            for (below, low) in names.iter().enumerate() {
                let (high, low) = (tiers().get(high).unwrap(), tiers().get(low).unwrap());
                assert_eq!(high.is_at_least(&low), above >= below, "{high:?} {low:?}");
            }
        }
        let same = tiers();
        assert!(same.get("enterprise").unwrap().is_at_least(&same.get("basic").unwrap()));
        assert!(!same.get("basic").unwrap().is_at_least(&same.get("professional").unwrap()));
    }

    #[test]
    fn a_misspelt_tier_is_an_error_that_lists_the_known_ones() {
        let text = tiers().get("Enterprise").unwrap_err().to_string();
        assert_eq!(text, "tier \"Enterprise\": no such tier; use one of: basic, professional, enterprise");
    }

    #[test]
    fn tiers_need_distinct_names_and_at_least_one() {
        for names in [&["a", "a"][..], &[""], &[]] {
            assert!(Tiers::ascending(names).is_err(), "{names:?}");
        }
    }

    #[test]
    fn tiers_of_two_tables_are_compared_by_name_in_the_others_order() {
        let reversed = Tiers::ascending(["enterprise", "basic"]).unwrap();
        assert!(tiers().get("basic").unwrap().is_at_least(&reversed.get("enterprise").unwrap()));
        let strange = Tiers::ascending(["gold"]).unwrap().get("gold").unwrap();
        assert!(!strange.is_at_least(&tiers().get("basic").unwrap()));
    }
}
