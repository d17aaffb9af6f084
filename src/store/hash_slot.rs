//! `HashSlot`: the part of a Redis Cluster that a key belongs to.

/// One of the slots that the nodes of a cluster share out. Keys with the same hash tag have the same slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HashSlot(u16);

impl HashSlot {
    /// Returns the slot of the keys with this hash tag: its CRC-16/XMODEM (Redis Cluster specification, "Key
    /// distribution model").
    pub(crate) fn of(tag: &str) -> Self {
        let mut crc: u16 = 0;
        for byte in tag.bytes() {
            crc ^= u16::from(byte) << 8;
            for _ in 0..8 {
                crc = if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ CRC_POLYNOMIAL };
            }
        }
        Self(crc % SLOTS)
    }

    /// Returns the slot of a key: that of its hash tag, the text in its first braces, or else of the whole key.
    #[cfg(any(feature = "api_key", feature = "replay_cache", feature = "session"))]
    pub(crate) fn of_key(key: &str) -> Self {
        let braces = key.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
        Self::of(braces.map_or(key, |(tag, _)| if tag.is_empty() { key } else { tag }))
    }

    /// Returns which of `count` contiguous ranges of equal size the slot is in.
    pub(super) fn range(self, count: usize) -> usize {
        usize::from(self.0) * count / usize::from(SLOTS)
    }
}

/// The hash slots of a Redis Cluster.
const SLOTS: u16 = 16_384;
const CRC_POLYNOMIAL: u16 = 0x1021;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_redis() {
        // The check value of CRC-16/XMODEM, and what `CLUSTER KEYSLOT` returns.
        for (tag, slot) in [("123456789", 0x31c3), ("foo", 12_182), ("", 0)] {
            assert_eq!(HashSlot::of(tag), HashSlot(slot), "{tag}");
        }
    }

    #[test]
    #[cfg(any(feature = "api_key", feature = "replay_cache", feature = "session"))]
    fn slot_of_a_key_is_that_of_its_hash_tag() {
        for (key, tag) in [
            ("foo", "foo"),
            ("a:{foo}:b", "foo"),
            ("{foo}{bar}", "foo"),
            ("a{}foo", "a{}foo"),
            ("a{foo", "a{foo"),
            ("a}{foo}", "foo"),
            ("{{foo}}", "{foo"),
        ] {
            assert_eq!(HashSlot::of_key(key), HashSlot::of(tag), "{key}");
        }
    }

    #[test]
    fn ranges_are_contiguous() {
        for (slot, range) in [(0, 0), (255, 0), (256, 1), (16_383, 63)] {
            assert_eq!(HashSlot(slot).range(64), range, "{slot}");
        }
        assert_eq!(HashSlot(16_383).range(1), 0);
    }
}
