//! `StoredLimits`: the limits whose counters a store holds.

use std::fmt;
use std::sync::{Arc, MutexGuard, Weak};

use crate::context::quota::Quota;
use crate::rate_limit::algorithm::penalty::BlockParams;
use crate::rate_limit::memory::limit_tables::{LimitTables, TableBounds, TableParams};

/// What must be equal for two limits of one name to share their counters.
#[derive(Debug, PartialEq)]
pub(in crate::rate_limit) struct LimitIdentity {
    /// The name of each tier and its quota, with the algorithm that counts it; the lowest tier first.
    pub(in crate::rate_limit) quotas: Vec<(Option<Box<str>>, Quota)>,
    /// Whether a credential may have another quota.
    pub(in crate::rate_limit) by_credential: bool,
    pub(in crate::rate_limit) block: Option<BlockParams>,
}

/// Writes the quotas, as in `basic 100/h sliding_window, professional 500/h sliding_window`.
impl fmt::Display for LimitIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (tier, quota)) in self.quotas.iter().enumerate() {
            let separator = if index > 0 { ", " } else { "" };
            match tier {
                Some(tier) => write!(f, "{separator}{tier} {quota}")?,
                None => write!(f, "{separator}{quota}")?,
            }
        }
        Ok(())
    }
}

/// The limits of a store. No other layer can add one while this exists.
pub(in crate::rate_limit) struct StoredLimits<'a> {
    pub(super) limits: MutexGuard<'a, Limits>,
    pub(super) bounds: TableBounds,
}

/// The limits that layers of the store have, or had.
#[derive(Default)]
pub(super) struct Limits {
    limits: Vec<StoredLimit>,
    /// The number of tables so far. It only grows, so the tables of two limits have the same order in all layers.
    created: u64,
}

struct StoredLimit {
    name: Arc<str>,
    identity: LimitIdentity,
    /// The layers own the tables. The last one that is dropped frees them, and with them the name.
    tables: Weak<LimitTables>,
}

impl StoredLimits<'_> {
    /// Returns the identity of the limit with this name; `None` if no layer has such a limit.
    pub(in crate::rate_limit) fn identity(&self, name: &str) -> Option<&LimitIdentity> {
        let stored = self.limits.limits.iter().find(|stored| stored.is_alive() && *stored.name == *name);
        stored.map(|stored| &stored.identity)
    }

    /// Returns the tables of a limit, after creating them if no layer has the limit.
    pub(in crate::rate_limit) fn tables(
        &mut self,
        name: &Arc<str>,
        identity: LimitIdentity,
        params: TableParams,
    ) -> Arc<LimitTables> {
        let bounds = self.bounds;
        let Limits { limits, created } = &mut *self.limits;
        limits.retain(StoredLimit::is_alive);
        let stored = limits.iter().find(|stored| stored.name == *name && stored.identity == identity);
        if let Some(tables) = stored.and_then(|stored| stored.tables.upgrade()) {
            return tables;
        }
        *created += 1;
        let tables = Arc::new(LimitTables::new(params, bounds, *created));
        limits.push(StoredLimit { name: Arc::clone(name), identity, tables: Arc::downgrade(&tables) });
        tables
    }
}

impl StoredLimit {
    fn is_alive(&self) -> bool {
        self.tables.strong_count() > 0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::rate_limit::algorithm::{Algorithm, WindowParams};

    /// Returns the tables of a limit by this quota.
    fn tables(limits: &Mutex<Limits>, name: &str, quota: &str) -> Arc<LimitTables> {
        let params = TableParams {
            algorithm: Algorithm::FixedWindow,
            window: WindowParams::new(Algorithm::FixedWindow, 1, 1),
            block: None,
        };
        stored(limits).tables(&name.into(), identity(&[(None, quota)]), params)
    }

    fn stored(limits: &Mutex<Limits>) -> StoredLimits<'_> {
        let bounds = TableBounds { max_bytes: 16 << 10, caches_denials: false };
        StoredLimits { limits: limits.lock().unwrap(), bounds }
    }

    fn identity(quotas: &[(Option<&str>, &str)]) -> LimitIdentity {
        let named = |(tier, quota): &(Option<&str>, &str)| (tier.map(Into::into), quota.parse().unwrap());
        LimitIdentity { quotas: quotas.iter().map(named).collect(), by_credential: false, block: None }
    }

    #[test]
    fn limits_with_the_same_name_and_identity_share_tables() {
        let limits = Mutex::default();
        let first = tables(&limits, "a", "1/h");
        assert!(Arc::ptr_eq(&first, &tables(&limits, "a", "1/h")));
        assert!(!Arc::ptr_eq(&first, &tables(&limits, "b", "1/h")));
        assert_eq!(stored(&limits).identity("a"), Some(&identity(&[(None, "1/h")])));
        assert_eq!(stored(&limits).identity("c"), None);
    }

    #[test]
    fn a_limit_is_stored_for_as_long_as_its_tables_are_used() {
        let limits = Mutex::default();
        let (first, other) = (tables(&limits, "a", "1/h"), tables(&limits, "b", "1/h"));
        let clone = Arc::clone(&first);
        drop(first);
        assert!(stored(&limits).identity("a").is_some());
        drop(clone);
        assert!(stored(&limits).identity("a").is_none());
        let again = tables(&limits, "a", "2/h");
        assert_eq!(stored(&limits).identity("a"), Some(&identity(&[(None, "2/h")])));
        // The entry of the dropped limit was removed.
        assert_eq!(limits.lock().unwrap().limits.len(), 2);
        drop((again, other));
    }

    #[test]
    fn no_two_tables_have_the_same_place_in_the_order_of_locks() {
        let limits = Mutex::default();
        let [first, second] = ["a", "b"].map(|name| tables(&limits, name, "1/h"));
        let order = (first.lock_order, second.lock_order);
        drop(first);
        assert_eq!((tables(&limits, "a", "1/h").lock_order, second.lock_order, order), (3, 2, (1, 2)));
    }

    #[test]
    fn an_identity_is_written_as_its_quotas() {
        assert_eq!(identity(&[(None, "1000/min sliding_window")]).to_string(), "1000/min sliding_window");
        let by_tier = identity(&[(Some("basic"), "100/h"), (Some("professional"), "500/h")]);
        assert_eq!(by_tier.to_string(), "basic 100/h, professional 500/h");
    }
}
