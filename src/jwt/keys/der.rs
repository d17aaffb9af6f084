//! `DerReader`: reads the values of DER (ITU-T X.690), as far as public keys and certificates need it.
//!
//! A certificate is only a container of a key here, so everything else in it is skipped unread. An X.509 library would
//! parse names, dates and extensions, and reject certificates whose keys are fine, for example those of version 1.

/// Reads consecutive DER values.
#[derive(Clone, Debug)]
pub(crate) struct DerReader<'a>(&'a [u8]);

impl<'a> DerReader<'a> {
    pub(crate) fn new(der: &'a [u8]) -> Self {
        Self(der)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads the next value and returns its content. `None` if it has another tag or is malformed.
    pub(crate) fn read(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (&first, rest) = self.0.split_first()?;
        let (len, rest) = read_len(rest)?;
        let (content, rest) = rest.split_at_checked(len)?;
        if first != tag {
            return None;
        }
        self.0 = rest;
        Some(content)
    }

    /// Like [`read`](Self::read), and returns a reader of the values inside.
    pub(crate) fn enter(&mut self, tag: u8) -> Option<Self> {
        self.read(tag).map(Self)
    }
}

/// Reads a length of at most three octets in the definite form, which must be the shortest (X.690 §10.1).
fn read_len(der: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = der.split_first()?;
    let octets = match first {
        0..=0x7f => return Some((usize::from(first), rest)),
        0x81..=0x83 => usize::from(first & 0x7f),
        _ => return None,
    };
    let (octets, rest) = rest.split_at_checked(octets)?;
    let len = octets.iter().fold(0, |len, octet| len << 8 | usize::from(*octet));
    let is_shortest = len >= 0x80 && octets.first() != Some(&0);
    is_shortest.then_some((len, rest))
}

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;

/// The tag of a constructed value with this context-specific number, which is less than 31.
pub(crate) const fn context(number: u8) -> u8 {
    0xa0 | number
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_read_in_order() {
        let mut reader = DerReader::new(&[0x30, 5, 0x02, 1, 7, 0x06, 0, 0x03, 1, 0]);
        let mut inner = reader.enter(SEQUENCE).unwrap();
        assert_eq!(inner.read(BIT_STRING), None, "another tag");
        assert_eq!(inner.read(INTEGER), Some(&[7][..]), "the value before is still there");
        assert_eq!(inner.read(OBJECT_IDENTIFIER), Some(&[][..]));
        assert!(inner.is_empty() && !reader.is_empty());
        assert_eq!(reader.read(BIT_STRING), Some(&[0][..]));
        assert_eq!(reader.read(BIT_STRING), None, "the end");
    }

    #[test]
    fn a_length_has_one_encoding() {
        let value = |len: &[u8], content: usize| [&[0x30][..], len, &vec![0; content]].concat();
        for (len, content) in [(&[0x7f][..], 0x7f), (&[0x81, 0x80], 0x80), (&[0x82, 1, 0], 0x100)] {
            assert_eq!(DerReader::new(&value(len, content)).read(SEQUENCE).map(<[u8]>::len), Some(content));
        }
        for len in [&[0x80][..], &[0x81, 0x7f], &[0x82, 0, 0x80], &[0x84, 0, 0, 0, 1], &[0xff], &[0x81], &[]] {
            assert_eq!(DerReader::new(&value(len, 0x80)).read(SEQUENCE).map(<[u8]>::len).unwrap_or(0), 0, "{len:x?}");
        }
        assert!(DerReader::new(&value(&[4], 3)).read(SEQUENCE).is_none(), "cut");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(der in proptest::collection::vec(any::<u8>(), 0..40), tag: u8) {
            let mut reader = DerReader::new(&der);
            while reader.read(tag).is_some() {}
        }
    }
}
