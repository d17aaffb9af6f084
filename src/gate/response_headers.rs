//! `ResponseHeaders`: the response headers that a gate declares to read or write.

use http::HeaderName;

/// The response headers that a gate reads or writes in [`leave`](crate::gate::Gate::leave).
///
/// A gate declares them in [`response_headers`](crate::gate::Gate::response_headers). A [`Stack`](crate::Stack)
/// compares the declarations of its gates once, when it is built, to find out whether it may write the headers of
/// [`SecurityHeaders`](crate::SecurityHeaders) first. Nothing is checked per request.
///
/// ```
/// use http::header::{AGE, CACHE_CONTROL, VARY};
/// use portcullis::gate::ResponseHeaders;
///
/// let caching = ResponseHeaders::only([AGE, CACHE_CONTROL]);
/// assert!(caching.overlaps(&ResponseHeaders::only([CACHE_CONTROL, VARY])));
/// assert!(caching.overlaps(&ResponseHeaders::any()));
/// assert!(!caching.overlaps(&ResponseHeaders::none()));
///
/// // The declaration of a gate that wraps another one:
/// let both = caching.union(ResponseHeaders::only([VARY]));
/// assert!(both.overlaps(&ResponseHeaders::only([VARY])));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ResponseHeaders(Names);

#[derive(Clone, Debug)]
enum Names {
    Any,
    Only(Vec<HeaderName>),
}

impl ResponseHeaders {
    /// Declares every header. A gate that changes the status of a response declares this too.
    pub fn any() -> Self {
        Self(Names::Any)
    }

    /// Declares no header.
    pub fn none() -> Self {
        Self::only([])
    }

    /// Declares these headers and no others.
    pub fn only(names: impl IntoIterator<Item = HeaderName>) -> Self {
        Self(Names::Only(names.into_iter().collect()))
    }

    /// Combines the headers of both declarations.
    pub fn union(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Names::Only(mut names), Names::Only(more)) => {
                names.extend(more);
                Self(Names::Only(names))
            }
            _ => Self::any(),
        }
    }

    /// Returns whether a header is in both declarations.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Names::Any, Names::Any) => true,
            (Names::Any, Names::Only(names)) | (Names::Only(names), Names::Any) => !names.is_empty(),
            (Names::Only(names), Names::Only(others)) => names.iter().any(|name| others.contains(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header::{AGE, DATE, VARY};

    use super::*;

    #[test]
    fn declarations_overlap_if_a_header_is_in_both() {
        let [any, none] = [ResponseHeaders::any(), ResponseHeaders::none()];
        let [age, age_and_vary] = [ResponseHeaders::only([AGE]), ResponseHeaders::only([VARY, AGE])];
        let date = ResponseHeaders::only([DATE]);
        for (one, other, expected) in [
            (&any, &any, true),
            (&any, &age, true),
            (&any, &none, false),
            (&none, &none, false),
            (&none, &age, false),
            (&age, &age_and_vary, true),
            (&age_and_vary, &date, false),
        ] {
            assert_eq!(one.overlaps(other), expected, "{one:?} and {other:?}");
            assert_eq!(other.overlaps(one), expected, "{other:?} and {one:?}");
        }
    }

    #[test]
    fn a_union_has_the_headers_of_both_declarations() {
        let both = ResponseHeaders::only([AGE]).union(ResponseHeaders::only([VARY]));
        for (name, expected) in [(AGE, true), (VARY, true), (DATE, false)] {
            assert_eq!(both.overlaps(&ResponseHeaders::only([name.clone()])), expected, "{name}");
        }
        assert!(both.union(ResponseHeaders::any()).overlaps(&ResponseHeaders::only([DATE])));
    }
}
