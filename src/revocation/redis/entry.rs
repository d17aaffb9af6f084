//! The format of an entry of the stream: a [`Record`] as bytes.

// Processes of different versions of the crate share a stream, so the format has a version. An entry that a process
// does not know is skipped: it cannot be applied, and must not stop the entries after it.

use crate::context::RevocationId;
use crate::revocation::record::Record;

/// The name of the field that contains the record. One byte, because each entry repeats it over the network.
pub(super) const FIELD: &[u8] = b"r";

/// Why an entry cannot be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryError {
    /// The entry has a version or a kind that this version of the crate does not know.
    Unknown,
    /// The bytes are not a record.
    Malformed,
}

/// Encodes a record: the version, the kind, and its numbers in big-endian order.
pub(crate) fn encode(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(OTHERS_LEN);
    bytes.push(VERSION);
    match *record {
        Record::Entry { id, issued_until, expires_at } => {
            bytes.push(ENTRY);
            bytes.extend(id.to_bytes());
            bytes.extend(issued_until.to_be_bytes());
            bytes.extend(expires_at.to_be_bytes());
        }
        Record::Others { subject, kept, issued_until, expires_at } => {
            bytes.push(OTHERS);
            bytes.extend(subject.to_bytes());
            bytes.extend(kept.to_bytes());
            bytes.extend(issued_until.to_be_bytes());
            bytes.extend(expires_at.to_be_bytes());
        }
    }
    bytes
}

/// Decodes a record.
///
/// # Errors
///
/// Returns [`EntryError`] if the version or the kind is unknown, or if the length is wrong.
pub(crate) fn decode(bytes: &[u8]) -> Result<Record, EntryError> {
    let (head, rest) = bytes.split_first_chunk().ok_or(EntryError::Malformed)?;
    match *head {
        [VERSION, ENTRY] => entry(rest),
        [VERSION, OTHERS] => others(rest),
        _ => return Err(EntryError::Unknown),
    }
    .ok_or(EntryError::Malformed)
}

fn entry(bytes: &[u8]) -> Option<Record> {
    let (id, bytes) = id(bytes)?;
    let (issued_until, bytes) = number(bytes)?;
    let (expires_at, bytes) = number(bytes)?;
    bytes.is_empty().then_some(Record::Entry { id, issued_until, expires_at })
}

fn others(bytes: &[u8]) -> Option<Record> {
    let (subject, bytes) = id(bytes)?;
    let (kept, bytes) = id(bytes)?;
    let (issued_until, bytes) = number(bytes)?;
    let (expires_at, bytes) = number(bytes)?;
    bytes.is_empty().then_some(Record::Others { subject, kept, issued_until, expires_at })
}

fn id(bytes: &[u8]) -> Option<(RevocationId, &[u8])> {
    let (bytes, rest) = bytes.split_first_chunk()?;
    let id = RevocationId::from_bytes(*bytes);
    // Of the bits, one is not free.
    (id.to_bytes() == *bytes).then_some((id, rest))
}

fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*number), rest))
}

const VERSION: u8 = 1;
const ENTRY: u8 = 1;
const OTHERS: u8 = 2;
/// The length of the longest record.
const OTHERS_LEN: usize = 2 + 2 * 16 + 2 * 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_id() -> impl Strategy<Value = RevocationId> {
        any::<[u8; 16]>().prop_map(RevocationId::from_bytes)
    }

    fn any_record() -> impl Strategy<Value = Record> {
        let entry = (any_id(), any::<u32>(), any::<u32>()).prop_map(|(id, issued_until, expires_at)| Record::Entry {
            id,
            issued_until,
            expires_at,
        });
        let others =
            (any_id(), any_id(), any::<u32>(), any::<u32>()).prop_map(|(subject, kept, issued_until, expires_at)| {
                Record::Others { subject, kept, issued_until, expires_at }
            });
        prop_oneof![entry, others]
    }

    proptest! {
        #[test]
        fn a_record_reads_back_and_no_other_bytes_read_as_it(record in any_record(), flipped in 0..8 * OTHERS_LEN) {
            let mut bytes = encode(&record);
            prop_assert_eq!(decode(&bytes), Ok(record));
            for len in 0..bytes.len() {
                prop_assert!(decode(&bytes[..len]).is_err());
            }
            let flipped = flipped % (8 * bytes.len());
            bytes[flipped / 8] ^= 1 << (flipped % 8);
            prop_assert_ne!(decode(&bytes), Ok(record));
        }

        #[test]
        fn arbitrary_bytes_are_an_error_or_the_encoding_of_the_record(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(record) = decode(&bytes) {
                prop_assert_eq!(encode(&record), bytes);
            }
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_bytes_of_a_record_never_change() {
        let id = RevocationId([0x0102_0304_0506_0708, 0x090a_0b0c_0d0e_0f10]);
        let entry = Record::Entry { id, issued_until: 1, expires_at: 0x6000_0000 };
        let expected = "01010102030405060708090a0b0c0d0e0f100000000160000000";
        assert_eq!(hex(&encode(&entry)), expected);
        let others = Record::Others { subject: id, kept: id, issued_until: 3, expires_at: u32::MAX };
        let expected = "01020102030405060708090a0b0c0d0e0f100102030405060708090a0b0c0d0e0f1000000003ffffffff";
        assert_eq!(hex(&encode(&others)), expected);
    }

    #[test]
    fn another_version_or_kind_is_unknown_and_a_wrong_length_is_malformed() {
        let id = RevocationId([1, 2]);
        let bytes = encode(&Record::Entry { id, issued_until: 1, expires_at: 3 });
        for (position, byte) in [(0, 0), (0, 2), (1, 0), (1, 3), (1, 255)] {
            let mut other = bytes.clone();
            other[position] = byte;
            assert_eq!(decode(&other), Err(EntryError::Unknown), "{position} {byte}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        for malformed in [&[] as &[u8], &[1], &bytes[..25], &longer] {
            assert_eq!(decode(malformed), Err(EntryError::Malformed), "{malformed:?}");
        }
        // A newer version may have any length.
        assert_eq!(decode(&[2, 1]), Err(EntryError::Unknown));
    }
}
