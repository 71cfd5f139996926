//! Work on a cache by one thread or several, timed in chunks by each thread's own CPU clock.
//!
//! CPU time, since the machine may do other work; in chunks, since an interrupt or a stranger's burst then
//! spoils some of them and not the median. What a thread sleeps while another has the lock is not in it.

use std::sync::Barrier;

use crate::{clock, cores};

/// Operations between two looks at the clock: its call is lost in them.
const CHUNK: usize = 5_000;

/// Nanoseconds of CPU time an operation takes, at the median of all chunks of all threads, when each thread
/// does `work(thread, operation)` for so many operations, at the same time.
pub(crate) fn nanos_each(threads: usize, operations: usize, work: impl Fn(usize, usize) + Sync) -> f64 {
    let barrier = Barrier::new(threads);
    let (barrier, work) = (&barrier, &work);
    let cores = cores::available().unwrap_or_default();
    let mut chunks: Vec<f64> = std::thread::scope(|scope| {
        let run = |thread: usize| {
            let core = cores.get(thread % cores.len().max(1)).copied();
            move || {
                // On a core of its own each, or two threads would not meet. Where that is not allowed, as
                // well as the system places them.
                core.map(|core| cores::pin(&[core]));
                barrier.wait();
                let chunk = |first: usize| {
                    let begin = clock::thread_cpu();
                    (first..first + CHUNK).for_each(|operation| work(thread, operation));
                    (clock::thread_cpu() - begin).as_nanos() as f64 / CHUNK as f64
                };
                (0..operations.max(CHUNK)).step_by(CHUNK).map(chunk).collect::<Vec<f64>>()
            }
        };
        let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(run(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no contender panics")).collect()
    });
    chunks.sort_by(f64::total_cmp);
    chunks[chunks.len() / 2]
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn every_thread_does_all_operations() {
        let sums = [AtomicUsize::new(0), AtomicUsize::new(0)];
        let nanos = nanos_each(2, 2 * CHUNK, |thread, operation| {
            sums[thread].fetch_add(operation, Ordering::Relaxed);
        });
        let all = (0..2 * CHUNK).sum::<usize>();
        assert_eq!(sums.map(AtomicUsize::into_inner), [all, all]);
        assert!(nanos > 0.0);
    }
}
