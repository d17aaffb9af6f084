//! `NonceUsage`: detects that no handler of an app reads the nonce that its policy requires.

use std::sync::atomic::{AtomicU32, Ordering};

use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderMap, Response};

/// The number of pages without a nonce, until a nonce is read or the warning is logged.
#[derive(Debug)]
pub(super) struct NonceUsage {
    /// The pages so far, or [`SETTLED`].
    pages: AtomicU32,
}

impl NonceUsage {
    /// `is_enforced` is whether the enforced policy has a nonce. A report-only policy blocks nothing.
    pub(super) fn new(is_enforced: bool) -> Self {
        Self { pages: AtomicU32::new(if is_enforced { 0 } else { SETTLED }) }
    }

    /// Records a handler's response, and whether the handler read the nonce.
    ///
    /// Logs one warning after [`MAX_PAGES`] pages if no handler has read a nonce by then. After that, or after the
    /// first nonce, this costs one atomic load.
    pub(super) fn record<B>(&self, is_read: bool, response: &Response<B>) {
        if self.pages.load(Ordering::Relaxed) == SETTLED {
            return;
        }
        if is_read {
            self.pages.store(SETTLED, Ordering::Relaxed);
        } else if is_page(response) && self.count() == Some(MAX_PAGES) {
            tracing::warn!(
                "{MAX_PAGES} pages were sent and no handler read the CspNonce, so browsers block every script and inline \
                 style of these pages: extract CspNonce and write it into the nonce attributes, or set a policy without \
                 Source::Nonce"
            );
        }
    }

    /// Counts a page. Returns the number of pages, unless another thread has settled in between.
    fn count(&self) -> Option<u32> {
        let next = |pages| match pages {
            SETTLED => None,
            pages if pages + 1 >= MAX_PAGES => Some(SETTLED),
            pages => Some(pages + 1),
        };
        self.pages.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok().map(|pages| pages + 1)
    }
}

/// Whether the response is a page to which the layer adds its policy. Error pages rarely have scripts.
fn is_page<B>(response: &Response<B>) -> bool {
    let headers = response.headers();
    response.status().is_success() && !headers.contains_key(CONTENT_SECURITY_POLICY) && is_html(headers)
}

/// Whether the media type is one of pages that may have scripts.
fn is_html(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let essence = media_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(b"text/html") || essence.eq_ignore_ascii_case(b"application/xhtml+xml")
}

/// Enough pages that a few without scripts, such as a login form, do not cause the warning, and few enough that a
/// developer sees it on the first day.
const MAX_PAGES: u32 = 20;
/// A nonce was read, or the warning was logged: no more pages are counted.
const SETTLED: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use http::{HeaderValue, StatusCode};

    use super::*;

    fn page() -> Response<()> {
        Response::builder().header(CONTENT_TYPE, "text/html").body(()).unwrap()
    }

    /// Whether the next page without a nonce is counted.
    fn counts(usage: &NonceUsage) -> bool {
        let before = usage.pages.load(Ordering::Relaxed);
        usage.record(false, &page());
        usage.pages.load(Ordering::Relaxed) != before
    }

    #[test]
    fn pages_are_counted_up_to_the_twentieth() {
        let usage = NonceUsage::new(true);
        assert_eq!((0..100).take_while(|_| counts(&usage)).count(), 20);
        let usage = NonceUsage::new(true);
        assert_eq!([0; 20].map(|_| usage.count()), std::array::from_fn(|index| Some(index as u32 + 1)));
        assert_eq!(usage.count(), None);
    }

    #[test]
    fn no_page_is_counted_after_a_nonce_or_for_a_report_only_policy() {
        let usage = NonceUsage::new(true);
        assert!(counts(&usage));
        usage.record(true, &Response::new(()));
        assert!(!counts(&usage) && !counts(&NonceUsage::new(false)));
    }

    #[test]
    fn only_successful_html_responses_with_the_policy_of_the_layer_are_pages() {
        assert!(is_page(&page()) && !is_page(&Response::new(())));
        let mut not_found = page();
        *not_found.status_mut() = StatusCode::NOT_FOUND;
        let mut own_policy = page();
        own_policy.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'self'"));
        assert!(!is_page(&not_found) && !is_page(&own_policy));
    }

    #[test]
    fn html_is_found_by_its_media_type() {
        let headers = |value| HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]);
        for value in ["text/html", "Text/HTML; charset=utf-8", " text/html ;a=b", "application/xhtml+xml"] {
            assert!(is_html(&headers(value)), "{value}");
        }
        for value in ["", "text/htmlx", "text/plain", "application/json; a=text/html"] {
            assert!(!is_html(&headers(value)), "{value}");
        }
        assert!(!is_html(&HeaderMap::new()));
    }
}
