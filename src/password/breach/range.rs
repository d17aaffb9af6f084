//! The response of a range service: a line for each suffix of a hash, with its count.

/// Returns how often a password was breached, by the suffix of its hash; `None` if no line is well-formed, although
/// the body is not empty.
///
/// A line is `SUFFIX:COUNT`, with 35 hexadecimal digits of either case, and ends with CRLF or LF. Others are skipped. A
/// count of 0 is padding, which hides the number of lines. If a suffix is repeated, the highest count is returned.
pub(super) fn count(body: &[u8], suffix: &str) -> Option<u64> {
    let entries = body.split(|byte| *byte == b'\n').filter_map(Entry::parse);
    let mut entries = entries.peekable();
    if entries.peek().is_none() && !body.trim_ascii().is_empty() {
        return None;
    }
    let counts = entries.filter(|entry| entry.suffix.eq_ignore_ascii_case(suffix.as_bytes())).map(|entry| entry.count);
    Some(counts.max().unwrap_or(0))
}

struct Entry<'a> {
    suffix: &'a [u8],
    count: u64,
}

impl<'a> Entry<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (suffix, rest) = line.split_at_checked(SUFFIX_LEN)?;
        let digits = rest.strip_prefix(b":")?;
        let is_well_formed =
            suffix.iter().all(u8::is_ascii_hexdigit) && !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        // A count that is too great for a number is still a breach.
        let number = |text: &str| text.parse().unwrap_or(u64::MAX);
        is_well_formed.then(|| Self { suffix, count: std::str::from_utf8(digits).map_or(0, number) })
    }
}

/// The number of digits of a SHA-1 after the first five.
pub(super) const SUFFIX_LEN: usize = 35;

#[cfg(test)]
mod tests {
    use super::*;

    const SUFFIX: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";

    #[test]
    fn a_count_above_0_is_found_in_either_case_and_with_crlf_or_lf() {
        let lower = SUFFIX.to_lowercase();
        for body in [
            format!("{SUFFIX}:52372427"),
            format!("003D68EB55068C33ACE09247EE4C639306B:3\r\n{lower}:52372427\r\n"),
            format!("003D68EB55068C33ACE09247EE4C639306B:3\n{SUFFIX}:52372427\n"),
        ] {
            assert_eq!(count(body.as_bytes(), SUFFIX), Some(52_372_427), "{body}");
        }
    }

    #[test]
    fn padding_and_other_suffixes_are_not_found() {
        for body in ["", "\r\n", &format!("{SUFFIX}:0\r\n"), "003D68EB55068C33ACE09247EE4C639306B:3\r\n"] {
            assert_eq!(count(body.as_bytes(), SUFFIX), Some(0), "{body}");
        }
    }

    #[test]
    fn malformed_lines_are_skipped() {
        let other = "003D68EB55068C33ACE09247EE4C639306B:3";
        for line in [
            SUFFIX.to_owned(),
            format!("{SUFFIX}:"),
            format!("{SUFFIX}:-1"),
            format!("{SUFFIX}:+1"),
            format!("{SUFFIX}: 1"),
            format!("{SUFFIX}:1 "),
            format!("{SUFFIX}0:1"),
            format!(" {SUFFIX}:1"),
            format!("{SUFFIX}:1,5"),
            format!("{SUFFIX}:\u{661}"),
        ] {
            assert_eq!(count(format!("{line}\r\n{other}").as_bytes(), SUFFIX), Some(0), "{line:?}");
            assert_eq!(count(line.as_bytes(), SUFFIX), None, "{line:?}");
            let with_good = format!("{line}\n{other}\n{SUFFIX}:7\n{line}");
            assert_eq!(count(with_good.as_bytes(), SUFFIX), Some(7), "{line:?}");
        }
    }

    #[test]
    fn a_repeated_suffix_has_its_highest_count_and_a_huge_count_is_a_breach() {
        let body = format!("{SUFFIX}:0\n{SUFFIX}:7\n{SUFFIX}:0");
        assert_eq!(count(body.as_bytes(), SUFFIX), Some(7));
        let body = format!("{SUFFIX}:99999999999999999999999999");
        assert_eq!(count(body.as_bytes(), SUFFIX), Some(u64::MAX));
    }

    proptest::proptest! {
        #[test]
        fn no_body_causes_a_panic(body: Vec<u8>) {
            let _ = count(&body, SUFFIX);
        }

        #[test]
        fn a_breached_suffix_is_found_anywhere(before in "([0-9A-F]{35}:[0-9]{1,9}\r\n|[ -~]{0,40}\n){0,9}", found in 1_u64..) {
            let body = format!("{before}{SUFFIX}:{found}\r\n{before}");
            proptest::prop_assert!(count(body.as_bytes(), SUFFIX) >= Some(found));
        }
    }
}
