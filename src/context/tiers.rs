//! `Tiers` and `Tier`: an app's subscription tiers, in ascending order.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};

/// The subscription tiers of an app, lowest first.
///
/// [`RequireTier`](crate::RequireTier) requires one, and a [`RateLimit`](crate::RateLimit) may have a quota for each.
///
/// ```
/// use portcullis::Tiers;
///
/// let tiers = Tiers::ascending(["basic", "professional", "enterprise"])?;
/// assert!(tiers.get("enterprise")?.is_at_least(&tiers.get("professional")?));
/// assert!(tiers.get("enterprize").is_err());
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
///
/// # Tiers as text
///
/// Tiers can be parsed from their names with `<` between them, and are displayed so. The `<` makes it impossible to
/// write the highest tier first by mistake. Spaces around the names are ignored.
///
/// ```
/// use portcullis::Tiers;
///
/// let tiers: Tiers = "basic < professional < enterprise".parse()?;
/// assert!(tiers.get("enterprise")?.is_at_least(&tiers.get("basic")?));
/// assert_eq!(tiers.to_string(), "basic < professional < enterprise");
/// assert!("basic, professional".parse::<Tiers>().is_err());
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
///
/// With the feature `serde`, they are serialized as a list of names, and deserialized from such a list or this text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiers(Arc<[Box<str>]>);

impl Tiers {
    /// Creates tiers with these names, each higher than the one before it.
    ///
    /// The names are those that the token's claim has, or the user loader sets.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if there is no name, or if a name is empty or repeated.
    pub fn ascending<I>(names: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let mut issues = ConfigIssues::default();
        let mut tiers: Vec<Box<str>> = Vec::new();
        for name in names {
            let name = name.as_ref();
            if name.is_empty() {
                issues.add(ConfigIssue::new(
                    "Tiers::ascending",
                    IssueKind::Invalid,
                    "a name is empty",
                    "name every tier",
                ));
            } else if tiers.iter().any(|known| **known == *name) {
                let (reason, remedy) = ("the name is repeated", "name each tier once, lowest first");
                issues.add(ConfigIssue::new("Tiers::ascending", IssueKind::Duplicate, reason, remedy).with_value(name));
            } else {
                tiers.push(name.into());
            }
        }
        if tiers.is_empty() {
            issues.add(ConfigIssue::new(
                "Tiers::ascending",
                IssueKind::Missing,
                "the list is empty",
                "name at least one tier",
            ));
        }
        issues.into_result(|| Self(tiers.into()))
    }

    /// Returns the tier of this name. The comparison is case-sensitive.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if no tier has this name. The error lists the names that exist.
    pub fn get(&self, name: &str) -> Result<Tier, ConfigError> {
        self.find(name).ok_or_else(|| {
            let known = self.0.join(", ");
            ConfigIssue::new("Tiers::get", IssueKind::Unknown, "no such tier", format!("use one of: {known}"))
                .with_value(name)
                .into()
        })
    }

    /// Returns the names, the lowest tier first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|name| &**name)
    }

    /// Returns the tier of this name; `None` if there is none.
    pub(crate) fn find(&self, name: &str) -> Option<Tier> {
        let rank = self.0.iter().position(|tier| **tier == *name)?;
        Some(Tier { tiers: self.clone(), rank })
    }
}

/// Parses names with `<` between them, the lowest tier first.
///
/// Fails as [`Tiers::ascending`] does, and if a name contains a comma, semicolon or `>`: the text is then probably a
/// list in another notation.
impl FromStr for Tiers {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        if text.contains([',', ';', '>']) {
            let remedy = "write for example basic < professional < enterprise, lowest first";
            let issue =
                ConfigIssue::new("Tiers::from_str", IssueKind::Invalid, "not names with < between them", remedy);
            return Err(issue.with_value(text).into());
        }
        let text = text.trim_ascii();
        // Splitting the empty text would give one empty name.
        let names = (!text.is_empty()).then(|| text.split('<').map(str::trim_ascii));
        let tiers = Self::ascending(names.into_iter().flatten());
        tiers.map_err(|error| error.with_setting("Tiers::from_str"))
    }
}

/// Writes the names with ` < ` between them, the lowest tier first.
///
/// Only names that the text form allows parse back: without `<`, `>`, commas, semicolons, and spaces at either end.
impl fmt::Display for Tiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" < "))
    }
}

/// One of an app's [`Tiers`].
///
/// It is displayed as its name. To get a tier from text, call [`Tiers::get`], which knows the app's tiers.
#[derive(Clone, PartialEq, Eq)]
pub struct Tier {
    tiers: Tiers,
    rank: usize,
}

impl Tier {
    /// Returns the tier's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.tiers.0.get(self.rank).map_or("", |name| name)
    }

    /// The tiers of the app.
    pub(crate) fn tiers(&self) -> &Tiers {
        &self.tiers
    }

    /// A tier of this name that no app has ranked.
    pub(crate) fn unranked(name: &str) -> Self {
        Self { tiers: Tiers(Arc::new([name.into()])), rank: 0 }
    }

    /// The number of lower tiers.
    #[cfg(feature = "rate_limit")]
    pub(crate) fn rank(&self) -> usize {
        self.rank
    }

    /// Returns whether this tier is `other` or a higher one.
    ///
    /// If the two come from different [`Tiers`], they are compared by name, in the order of `other`'s tiers. A name
    /// that is unknown there ranks below all.
    ///
    /// ```
    /// use portcullis::Tiers;
    ///
    /// let tiers = Tiers::ascending(["basic", "professional"])?;
    /// let [basic, professional] =
    ///     [tiers.get("basic")?, tiers.get("professional")?];
    /// assert!(professional.is_at_least(&basic));
    /// assert!(basic.is_at_least(&basic));
    /// assert!(!basic.is_at_least(&professional));
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    #[must_use]
    pub fn is_at_least(&self, other: &Self) -> bool {
        // The usual case: an app has one list, whose clones share their memory.
        if Arc::ptr_eq(&self.tiers.0, &other.tiers.0) {
            return self.rank >= other.rank;
        }
        other.is_reached_by(self.name())
    }

    /// Whether the tier of this name is this one or a higher one.
    pub(crate) fn is_reached_by(&self, name: &str) -> bool {
        self.tiers.find(name).is_some_and(|tier| tier.rank >= self.rank)
    }
}

/// Writes the tier's name.
impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tier").field(&self.name()).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tiers() -> Tiers {
        Tiers::ascending(["basic", "professional", "enterprise"]).unwrap()
    }

    #[test]
    fn a_tier_is_at_least_itself_and_every_lower_tier() {
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
    fn an_unknown_tier_is_an_error_that_lists_the_known_tiers() {
        let text = tiers().get("Enterprise").unwrap_err().to_string();
        assert_eq!(text, "Tiers::get \"Enterprise\": no such tier; use one of: basic, professional, enterprise");
    }

    #[test]
    fn tiers_are_parsed_from_names_in_ascending_order() {
        for text in ["basic < professional < enterprise", " basic<professional <  enterprise "] {
            assert_eq!(text.parse(), Ok(tiers()), "{text:?}");
        }
        assert_eq!("free tier".parse::<Tiers>().unwrap().names().collect::<Vec<_>>(), ["free tier"]);
        assert_eq!(tiers().get("basic").unwrap().to_string(), "basic");
    }

    #[test]
    fn an_invalid_text_of_tiers_is_an_error() {
        for (text, message) in [
            ("", "Tiers::from_str: the list is empty; name at least one tier"),
            (" ", "Tiers::from_str: the list is empty; name at least one tier"),
            ("a < ", "Tiers::from_str: a name is empty; name every tier"),
            ("a < b < a", "Tiers::from_str \"a\": the name is repeated; name each tier once, lowest first"),
            (
                "b > a",
                "Tiers::from_str \"b > a\": not names with < between them; write for example basic < professional < enterprise, \
                 lowest first",
            ),
        ] {
            assert_eq!(text.parse::<Tiers>().unwrap_err().to_string(), message, "{text:?}");
        }
        assert!("a, b".parse::<Tiers>().is_err() && "a; b".parse::<Tiers>().is_err());
    }

    #[test]
    fn empty_repeated_and_absent_names_are_rejected() {
        for names in [&["a", "a"][..], &[""], &[]] {
            assert!(Tiers::ascending(names).is_err(), "{names:?}");
        }
    }

    #[test]
    fn tiers_of_two_lists_are_compared_by_name_in_the_order_of_the_other() {
        let reversed = Tiers::ascending(["enterprise", "basic"]).unwrap();
        assert!(tiers().get("basic").unwrap().is_at_least(&reversed.get("enterprise").unwrap()));
        let unknown = Tiers::ascending(["gold"]).unwrap().get("gold").unwrap();
        assert!(!unknown.is_at_least(&tiers().get("basic").unwrap()));
    }

    proptest! {
        #[test]
        fn any_text_parses_without_a_panic_to_tiers_that_parse_back(text in "[ab<> ,\u{e9}]{0,24}") {
            if let Ok(tiers) = text.parse::<Tiers>() {
                prop_assert_eq!(tiers.to_string().parse(), Ok(tiers));
            }
        }
    }
}
