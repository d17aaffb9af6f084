//! Comma-separated lists of tokens (RFC 9110 §5.6.1), as in `Access-Control-Request-Headers` and `Vary`.
//!
//! Recipients must accept empty elements, and several lines are one list. The iterator reads the lines in place,
//! because joining them would allocate as much as a caller sends.

use http::HeaderValue;

use super::token::is_token;

/// Returns the tokens of all header lines, without empty elements.
///
/// An item is `None` for an element that is not a token, and for everything beyond 8 KiB or 64 elements.
pub(crate) fn tokens<'a>(lines: impl IntoIterator<Item = &'a HeaderValue>) -> impl Iterator<Item = Option<&'a [u8]>> {
    let mut bytes = 0;
    let mut is_first = true;
    let elements = lines.into_iter().flat_map(move |line| {
        // Each further line counts one byte more, for the comma that would join it, so that empty lines are bounded
        // too.
        bytes += line.len() + usize::from(!is_first);
        is_first = false;
        let is_over = bytes > MAX_BYTES;
        // A line over the bound is not read. The comma yields two empty elements, which become `None` below.
        let line = if is_over { b"," } else { line.as_bytes() };
        line.split(|byte| *byte == b',').map(move |element| (is_over, element.trim_ascii()))
    });
    let mut count = 0;
    elements.filter(|(is_over, element)| *is_over || !element.is_empty()).map(move |(is_over, element)| {
        count += 1;
        (!is_over && count <= MAX_ELEMENTS && is_token(element)).then_some(element)
    })
}

/// The bounds of a list, over all its lines. Browsers send far less: a page has a few custom headers, with names of a
/// few dozen bytes.
const MAX_BYTES: usize = 8192;
const MAX_ELEMENTS: usize = 64;

#[cfg(test)]
mod tests;
