//! `StreamId`: the position of an entry in the stream.

use std::fmt;

/// The id of an entry: the server's time in milliseconds since 1970, and a number within that millisecond.
///
/// The ids of a stream increase, also if the clock of the server goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StreamId {
    pub(super) millis: u64,
    pub(super) number: u64,
}

impl StreamId {
    /// Before the first entry of every stream.
    pub(super) const START: Self = Self { millis: 0, number: 0 };

    /// Parses `milliseconds-number`.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let (millis, number) = std::str::from_utf8(text).ok()?.split_once('-')?;
        Some(Self { millis: millis.parse().ok()?, number: number.parse().ok()? })
    }

    /// The time of the server when it added the entry, in whole seconds since 1970.
    pub(super) fn seconds(self) -> u64 {
        self.millis / 1_000
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_is_ordered_by_time_then_number() {
        let ids = ["0-0", "0-1", "1-0", "9-18446744073709551615", "10-0", "18446744073709551615-1"];
        let parsed = ids.map(|id| StreamId::parse(id.as_bytes()).unwrap());
        assert_eq!(parsed.map(|id| id.to_string()), ids);
        assert!(parsed.is_sorted());
        assert_eq!(parsed[0], StreamId::START);
    }

    #[test]
    fn other_texts_are_not_ids() {
        for text in [&b""[..], b"1", b"-", b"1-", b"-1", b"a-1", b"1-1-1", b"18446744073709551616-1", b"\xff-1"] {
            assert_eq!(StreamId::parse(text), None, "{text:?}");
        }
    }
}
