//! `FetchSite`: what `Sec-Fetch-Site` says about the page that caused a request (Fetch Metadata §2.3).

use http::{HeaderMap, HeaderName};

/// How the page that caused a request is related to the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FetchSite {
    /// `same-origin`, or `none`: the user caused the request, for example by a bookmark.
    Own,
    /// `same-site` or `cross-site`.
    Foreign,
    /// The header has several lines, which no browser sends.
    Repeated,
    /// There is no such header, or its value is unknown.
    Unknown,
}

impl FetchSite {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut lines = headers.get_all(&SEC_FETCH_SITE).iter();
        let Some(first) = lines.next() else { return Self::Unknown };
        if lines.next().is_some() {
            return Self::Repeated;
        }
        match first.as_bytes() {
            b"same-origin" | b"none" => Self::Own,
            b"same-site" | b"cross-site" => Self::Foreign,
            _ => Self::Unknown,
        }
    }
}

pub(crate) static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_value_is_compared_as_a_whole_and_in_lower_case() {
        for (lines, site) in [
            (&["same-origin"][..], FetchSite::Own),
            (&["none"], FetchSite::Own),
            (&["same-site"], FetchSite::Foreign),
            (&["cross-site"], FetchSite::Foreign),
            (&["Same-Origin"], FetchSite::Unknown),
            (&["same-origin, cross-site"], FetchSite::Unknown),
            (&["same-origin;a=1"], FetchSite::Unknown),
            (&[""], FetchSite::Unknown),
            (&[], FetchSite::Unknown),
            (&["same-origin", "same-origin"], FetchSite::Repeated),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(&SEC_FETCH_SITE, HeaderValue::from_static(line));
            }
            assert_eq!(FetchSite::of(&headers), site, "{lines:?}");
        }
    }
}
