//! `Memory`: the blocks that a hash fills. They are cleared before another job gets them.

use std::hint::black_box;

use argon2::Block;

/// Blocks of memory, all zero except during a job.
pub(super) struct Memory(Vec<Block>);

impl Memory {
    /// Allocates blocks, and touches each page of them; `None` if there is not enough memory.
    pub(super) fn new(blocks: usize) -> Option<Self> {
        let mut memory = Vec::new();
        memory.try_reserve_exact(blocks).ok()?;
        memory.resize(blocks, Block::new());
        Some(Self(memory))
    }

    /// Runs a job on the blocks, and clears them, even if the job panics.
    pub(super) fn lend<T>(&mut self, job: impl FnOnce(&mut [Block]) -> T) -> T {
        struct ClearOnDrop<'a>(&'a mut [Block]);
        impl Drop for ClearOnDrop<'_> {
            fn drop(&mut self) {
                self.0.fill(Block::new());
                // So that the compiler does not leave out the stores before blocks are freed.
                black_box(&*self.0);
            }
        }
        let blocks = ClearOnDrop(&mut self.0);
        job(&mut *blocks.0)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn is_clear(memory: &Memory) -> bool {
        memory.0.iter().all(|block| block.as_ref().iter().all(|word| *word == 0))
    }

    #[test]
    fn blocks_are_cleared_after_each_job_even_if_it_panics() {
        let mut memory = Memory::new(3).unwrap();
        memory.lend(|blocks| blocks[2].as_mut()[0] = 7);
        assert!(is_clear(&memory));
        let panicking = AssertUnwindSafe(|| {
            memory.lend(|blocks| {
                blocks[0].as_mut()[127] = 7;
                panic!("injected")
            })
        });
        catch_unwind(panicking).unwrap_err();
        assert!(is_clear(&memory));
    }
}
