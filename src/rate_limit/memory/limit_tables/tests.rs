//! How many subjects the bytes of a limit hold.

use super::*;
use crate::rate_limit::memory::table::WAYS;

const BLOCK: BlockParams = BlockParams { first: 1, longest: 1, readmits: false };

fn params(algorithm: Algorithm, units: u32, block: Option<BlockParams>) -> TableParams {
    TableParams { algorithm, window: WindowParams::new(algorithm, units, 1_000_000), block }
}

/// Returns the number of subjects that the tables of a limit hold.
fn subjects(params: TableParams, bounds: TableBounds) -> usize {
    LimitTables::new(params, bounds, 0).counters.subjects()
}

#[test]
fn the_documented_numbers_of_subjects_fit() {
    let bounds = TableBounds { max_bytes: 32 << 20, caches_denials: false };
    let measured = DOCUMENTED.map(|(algorithm, units, _)| {
        let subjects = subjects(params(algorithm, units, None), bounds);
        (algorithm, units, (subjects / 1_000, bounds.max_bytes.div_ceil(subjects)))
    });
    assert_eq!(measured, DOCUMENTED);
}

/// The columns of the table in the documentation of `MemoryStore`: thousands of subjects, and bytes per subject.
const DOCUMENTED: [(Algorithm, u32, (usize, usize)); 9] = [
    (Algorithm::SlidingLog, 8, (565, 60)),
    (Algorithm::SlidingLog, 16, (360, 94)),
    (Algorithm::SlidingLog, 32, (212, 158)),
    (Algorithm::SlidingLog, 64, (114, 293)),
    (Algorithm::SlidingLog, 128, (61, 543)),
    (Algorithm::SlidingWindow, 65_535, (622, 54)),
    (Algorithm::SlidingWindow, 65_536, (393, 86)),
    (Algorithm::TokenBucket, u32::MAX, (770, 44)),
    (Algorithm::FixedWindow, u32::MAX, (1_253, 27)),
];

#[test]
fn blocks_and_cached_denials_share_the_bytes_of_the_limit() {
    let per_subject = |block, caches_denials| {
        let bounds = TableBounds { max_bytes: 32 << 20, caches_denials };
        let sets = sets::<FixedWindow>(params(Algorithm::FixedWindow, 1, block), bounds);
        bounds.max_bytes as f64 / (sets * WAYS) as f64
    };
    let alone = per_subject(None, false);
    assert_eq!((per_subject(Some(BLOCK), false) - alone).round(), 27.0);
    #[cfg(feature = "redis")]
    assert_eq!((per_subject(None, true) - alone).round(), 51.0);
}

#[test]
fn the_smallest_and_the_largest_size_hold_subjects_of_every_kind() {
    for (algorithm, units, _) in DOCUMENTED {
        for block in [None, Some(BLOCK)] {
            let subjects =
                |max_bytes| subjects(params(algorithm, units, block), TableBounds { max_bytes, caches_denials: true });
            assert!(subjects(16 << 10) >= WAYS, "{algorithm:?} {units}");
            assert!(subjects(64 << 30) >= 100_000_000, "{algorithm:?} {units}");
        }
    }
}
