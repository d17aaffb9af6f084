//! Reads the replies to `XREAD` and `XREVRANGE`.

use redis::Value;

use crate::revocation::redis::entry::FIELD;
use crate::revocation::redis::stream_id::StreamId;

/// An entry of the stream as Redis returns it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RawEntry {
    pub(super) id: StreamId,
    /// Empty if the entry has no field of this crate.
    pub(super) value: Vec<u8>,
}

/// Returns the entries of a reply to `XREAD` of one stream; `None` if it is not such a reply.
pub(super) fn read_entries(reply: Value) -> Option<Vec<RawEntry>> {
    let entries = match reply {
        // No entries, or no stream.
        Value::Nil => return Some(Vec::new()),
        // In RESP2 a pair of the key and its entries, in RESP3 a map.
        Value::Array(streams) => match only(streams)? {
            Value::Array(pair) => pair.into_iter().nth(1)?,
            _ => return None,
        },
        Value::Map(streams) => only(streams)?.1,
        _ => return None,
    };
    range_entries(entries)
}

/// Returns the entries of a reply to `XREVRANGE`; `None` if it is not such a reply.
pub(super) fn range_entries(reply: Value) -> Option<Vec<RawEntry>> {
    let Value::Array(entries) = reply else { return None };
    entries.into_iter().map(raw_entry).collect()
}

fn raw_entry(entry: Value) -> Option<RawEntry> {
    let Value::Array(entry) = entry else { return None };
    let mut parts = entry.into_iter();
    let (Some(Value::BulkString(id)), Some(fields)) = (parts.next(), parts.next()) else { return None };
    // An entry that was deleted, but is still listed, has no fields.
    let value = match fields {
        Value::Array(fields) => value_of_field(fields),
        _ => None,
    };
    Some(RawEntry { id: StreamId::parse(&id)?, value: value.unwrap_or_default() })
}

/// Returns the value of this crate's field from alternating names and values.
fn value_of_field(fields: Vec<Value>) -> Option<Vec<u8>> {
    let mut fields = fields.into_iter();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        if let (Value::BulkString(name), Value::BulkString(value)) = (name, value)
            && name == FIELD
        {
            return Some(value);
        }
    }
    None
}

fn only<T>(items: Vec<T>) -> Option<T> {
    let mut items = items.into_iter();
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn entry(id: &str, fields: &[&str]) -> Value {
        Value::Array(vec![text(id), Value::Array(fields.iter().map(|field| text(field)).collect())])
    }

    fn raw(millis: u64, value: &str) -> RawEntry {
        RawEntry { id: StreamId { millis, number: 1 }, value: value.into() }
    }

    #[test]
    fn entries_are_read_from_replies_of_both_protocols() {
        let entries = || {
            Value::Array(vec![
                entry("5-1", &["r", "ab"]),
                entry("6-1", &["x", "r", "r", "c"]),
                entry("7-1", &["x", "y"]),
            ])
        };
        let expected = [raw(5, "ab"), raw(6, "c"), raw(7, "")];
        let resp2 = Value::Array(vec![Value::Array(vec![text("key"), entries()])]);
        assert_eq!(read_entries(resp2).unwrap(), expected);
        assert_eq!(read_entries(Value::Map(vec![(text("key"), entries())])).unwrap(), expected);
        assert_eq!(range_entries(entries()).unwrap(), expected);
        assert_eq!(read_entries(Value::Nil).unwrap(), []);
        assert_eq!(range_entries(Value::Array(Vec::new())).unwrap(), []);
    }

    #[test]
    fn a_deleted_entry_has_no_value() {
        let entries = Value::Array(vec![Value::Array(vec![text("5-1"), Value::Nil])]);
        assert_eq!(range_entries(entries).unwrap(), [raw(5, "")]);
    }

    #[test]
    fn other_replies_are_not_entries() {
        let not_entries = [
            Value::Okay,
            Value::Int(3),
            Value::Array(vec![text("key")]),
            Value::Array(vec![Value::Array(vec![text("key"), text("entries")])]),
            Value::Array(vec![Value::Array(vec![text("key"), Value::Array(vec![entry("x", &["r", "a"])])])]),
            Value::Map(Vec::new()),
        ];
        for reply in not_entries {
            assert!(read_entries(reply.clone()).is_none(), "{reply:?}");
        }
    }
}
