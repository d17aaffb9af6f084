//! `KnownHeader`: the header that an issuer's tokens have of late, known again by its bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;

use crate::jwt::token::header::Header;

/// The header of an accepted token, read once: all tokens of a key have the same.
#[derive(Debug, Default)]
pub(crate) struct KnownHeader(ArcSwapOption<Known>);

#[derive(Debug)]
pub(crate) struct Known {
    /// As it stands in the token, base64url.
    segment: Box<str>,
    pub(crate) header: Header<'static>,
    /// Whether another token of this header was accepted since one of another header was.
    is_in_use: AtomicBool,
}

impl KnownHeader {
    /// What this segment says, if it is the known one.
    pub(crate) fn find(&self, segment: &str) -> Option<Arc<Known>> {
        let known = self.0.load();
        known.as_ref().filter(|known| *known.segment == *segment).map(Arc::clone)
    }

    /// Notes the header of a token that was accepted: anybody may send one that is not. Where two keys are in use, the header
    /// of one of them stays.
    pub(crate) fn accept(&self, segment: &str, header: &Header<'_>) {
        match self.0.load().as_ref() {
            Some(known) if *known.segment == *segment => known.is_in_use.store(true, Ordering::Relaxed),
            Some(known) if known.is_in_use.swap(false, Ordering::Relaxed) => {}
            _ if segment.len() <= MAX_LEN => {
                let (segment, header) = (segment.into(), header.to_owned());
                self.0.store(Some(Arc::new(Known { segment, header, is_in_use: AtomicBool::new(false) })));
            }
            _ => {}
        }
    }
}

/// Headers in use have some hundred bytes.
const MAX_LEN: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwt::algorithm::Algorithm;

    fn header(kid: &str) -> Header<'_> {
        Header { algorithm: Algorithm::Es256, kid: Some(kid.into()), typ: None }
    }

    fn kid(known: &KnownHeader, segment: &str) -> Option<String> {
        known.find(segment).map(|known| known.header.kid.as_deref().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_header_is_known_by_all_its_bytes() {
        let known = KnownHeader::default();
        assert_eq!(kid(&known, "eyJh"), None);
        known.accept("eyJh", &header("a"));
        assert_eq!(kid(&known, "eyJh").as_deref(), Some("a"));
        for other in ["eyJ", "eyJhI", "eyJi", ""] {
            assert_eq!(kid(&known, other), None, "{other}");
        }
    }

    #[test]
    fn of_two_in_use_one_stays_and_one_that_is_not_met_any_more_goes() {
        let known = KnownHeader::default();
        known.accept("a", &header("a"));
        for _ in 0..3 {
            known.accept("a", &header("a"));
            known.accept("b", &header("b"));
            assert_eq!(kid(&known, "b"), None);
        }
        // Tokens that are not accepted do not keep it.
        assert!(known.find("a").is_some());
        known.accept("b", &header("b"));
        assert_eq!((kid(&known, "a"), kid(&known, "b").as_deref()), (None, Some("b")));
    }

    #[test]
    fn a_long_header_is_not_kept() {
        let known = KnownHeader::default();
        let (most, more) = ("a".repeat(MAX_LEN), "a".repeat(MAX_LEN + 1));
        known.accept(&more, &header("a"));
        assert!(known.find(&more).is_none());
        known.accept(&most, &header("a"));
        assert!(known.find(&most).is_some());
    }
}
