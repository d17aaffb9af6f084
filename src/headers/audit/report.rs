//! `Audit`: the score, the grade and the outcome of each test.

use std::fmt;

use crate::headers::audit::grade::Grade;

/// The result of Mozilla's HTTP Observatory for a site that sends certain response headers.
///
/// [`SecurityHeaders::audit`](crate::SecurityHeaders::audit) computes it. The rules are those of the Observatory's
/// algorithm 6 (mdn-http-observatory, `ALGORITHM_VERSION` in `src/constants.js`, as of August 2026), which also scores
/// the opener and embedder policies. A site starts with 100 points. Each of the [`modifiers`](Self::modifiers)
/// subtracts points or gives extra credit. Extra credit counts only if the site keeps at least 90 points without it.
///
/// Anything that headers do not show is assumed to be fine: the site has a valid certificate, redirects http to https
/// on the same host, and is not on the HSTS preload list; the page has no scripts and no `<meta>` element that sets a
/// policy; a preflight request gets the same headers. `Set-Cookie` is not checked.
///
/// `Display` prints one line per modifier, then the score and the grade.
///
/// ```
/// use portcullis::SecurityHeaders;
///
/// let audit = SecurityHeaders::api().build()?.audit();
/// assert_eq!(audit.score(), 140);
/// let costly = audit.modifiers().iter().find(|test| test.points() < 0);
/// assert!(costly.is_none(), "{audit}");
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    pub(super) modifiers: [Modifier; 12],
}

impl Audit {
    /// Returns the grade for the [`score`](Self::score).
    #[must_use]
    pub fn grade(&self) -> Grade {
        Grade::of(self.score())
    }

    /// Returns the score, which is never below 0. 100 points or more are an A+.
    #[must_use]
    pub fn score(&self) -> u16 {
        let penalties: i16 = self.modifiers.iter().map(|modifier| modifier.points.min(0)).sum();
        let credit: i16 = self.modifiers.iter().map(|modifier| modifier.points.max(0)).sum();
        let base = FULL_SCORE + penalties;
        let score = if base >= MIN_FOR_EXTRA_CREDIT { base + credit } else { base };
        u16::try_from(score).unwrap_or(0)
    }

    /// Returns the outcomes of the twelve tests, in the Observatory's order.
    #[must_use]
    pub fn modifiers(&self) -> &[Modifier] {
        &self.modifiers
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for modifier in &self.modifiers {
            writeln!(f, "{modifier}")?;
        }
        write!(f, "score {}, grade {}", self.score(), self.grade())
    }
}

/// The outcome of one of the Observatory's tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modifier {
    pub(super) test: &'static str,
    pub(super) result: &'static str,
    pub(super) points: i16,
}

impl Modifier {
    /// Returns the name of the test, for example `content-security-policy`.
    #[must_use]
    pub fn test(&self) -> &'static str {
        self.test
    }

    /// Returns the name of the result, for example `csp-not-implemented`.
    #[must_use]
    pub fn result(&self) -> &'static str {
        self.result
    }

    /// Returns the points that the result adds to the score.
    ///
    /// They are negative for a penalty, positive for extra credit.
    #[must_use]
    pub fn points(&self) -> i16 {
        self.points
    }
}

impl fmt::Display for Modifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>4} {:<29} {}", self.points, self.test, self.result)
    }
}

/// The score before the modifiers.
const FULL_SCORE: i16 = 100;
/// The lowest score without extra credit to which extra credit is added.
const MIN_FOR_EXTRA_CREDIT: i16 = 90;
