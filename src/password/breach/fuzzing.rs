//! The fuzz target of the response of a range service. It panics if an invariant is violated.

use crate::password::breach::range::count;

/// Counts a suffix: what is found is in the body.
pub(crate) fn range(body: &[u8]) {
    const SUFFIX: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";
    if count(body, SUFFIX).is_some_and(|count| count > 0) {
        let is_suffix = |window: &[u8]| window.eq_ignore_ascii_case(SUFFIX.as_bytes());
        assert!(body.windows(SUFFIX.len()).any(is_suffix), "a suffix was found that is not in the body");
    }
}
