//! `Csp::parse`: reads a content security policy from the text of its header.

use std::collections::HashSet;
use std::mem;
use std::str::FromStr;

use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::headers::csp::directive::Directive;
use crate::headers::csp::policy::Csp;
use crate::headers::csp::source::Source;
use crate::headers::csp::validate::empty_policy;

impl Csp {
    /// Parses the value of a `Content-Security-Policy` header, for an app that already sends one.
    ///
    /// The parser is stricter than browsers, which skip what they do not know: a misspelled directive protects nothing.
    ///
    /// ```
    /// use portcullis::headers::Csp;
    ///
    /// let text = "default-src 'self'; img-src 'self' data:";
    /// assert_eq!(Csp::parse(text)?.to_string(), text);
    ///
    /// let error = Csp::parse("default-src 'self'; script-scr 'self'");
    /// assert_eq!(error.unwrap_err().issues()[0].value(), Some("script-scr"));
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    ///
    /// Write `'nonce-...'`, with three dots, for the [nonce](crate::CspNonce) of the response. A policy with a fixed
    /// nonce parses, but `build()` rejects it, because every response would have the same nonce:
    ///
    /// ```
    /// use portcullis::SecurityHeaders;
    /// use portcullis::headers::Csp;
    ///
    /// let csp = Csp::parse("script-src 'nonce-...'; base-uri 'none'")?;
    /// assert!(SecurityHeaders::html().csp(csp).build().is_ok());
    ///
    /// let fixed = Csp::parse("script-src 'nonce-abc'; base-uri 'none'")?;
    /// assert!(SecurityHeaders::html().csp(fixed).build().is_err());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the text has no directive, or if a directive occurs twice, is obsolete, is unknown in
    /// CSP 3 or has the wrong number of values. Invalid sources are reported by `build()`.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let mut issues = ConfigIssues::default();
        let mut csp = Self::new();
        let mut seen = HashSet::new();
        // CSP 3 §2.2.1, "parse a serialized CSP": directives end at semicolons, words at ASCII whitespace.
        for directive in text.split(';') {
            let mut words = directive.split_ascii_whitespace();
            let Some(name) = words.next().map(str::to_ascii_lowercase) else { continue };
            if seen.contains(&name) {
                // CSP 3 §2.2.1: browsers ignore the second one.
                let remedy = "merge the sources into one directive";
                let issue = ConfigIssue::new("Csp::parse", IssueKind::Duplicate, "duplicate directive", remedy);
                issues.add(issue.with_value(name));
                continue;
            }
            // After the first issue, the policy itself no longer matters.
            match mem::take(&mut csp).with_directive(&name, &words.collect::<Vec<_>>()) {
                Ok(extended) => csp = extended,
                Err(issue) => issues.add(issue.with_value(name.as_str())),
            }
            seen.insert(name);
        }
        if seen.is_empty() {
            issues.add(empty_policy("Csp::parse"));
        }
        issues.into_result(|| csp)
    }

    /// Adds a directive by its name in lower case and the words after it.
    ///
    /// Calls the same setters as an app would, so that a parsed policy cannot contain anything that they do not allow.
    fn with_directive(self, name: &str, words: &[&str]) -> Result<Self, ConfigIssue> {
        if let Some(directive) = Directive::from_name(name) {
            return Ok(match words {
                // CSP 3 §6.7.2.3: an empty list matches nothing.
                [] => self.set(directive, [Source::None]),
                sources => self.set(directive, sources.iter().copied()),
            });
        }
        match (name, words) {
            ("sandbox", flags) => Ok(self.sandbox(flags.iter().copied())),
            ("trusted-types", policies) => Ok(self.trusted_types(policies.iter().copied())),
            ("require-trusted-types-for", ["'script'"]) => Ok(self.require_trusted_types()),
            ("report-to", [endpoint]) => Ok(self.report_to(*endpoint)),
            ("report-uri", [uri]) => Ok(self.report_uri(*uri)),
            ("upgrade-insecure-requests", []) => Ok(self.upgrade_insecure_requests()),
            ("block-all-mixed-content", _) => Err(ConfigIssue::new(
                "Csp::parse",
                IssueKind::Prohibited,
                "obsolete: browsers block mixed content without it",
                "remove it",
            )),
            _ => Err(ConfigIssue::new(
                "Csp::parse",
                IssueKind::Unknown,
                "unknown directive, or a known one with the wrong number of values",
                "use a directive from Directive or a setter of Csp",
            )),
        }
    }
}

/// Parses the value of a `Content-Security-Policy` header, as [`Csp::parse`] does.
impl FromStr for Csp {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::parse(text).map_err(|error| error.with_setting("Csp::from_str"))
    }
}
