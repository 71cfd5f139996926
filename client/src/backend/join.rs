//! Several steps at once, in one task.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// What all of them give, in their order. Whenever one can go on, each that is not over is asked whether it
/// can: meant for a handful.
pub(super) async fn all<F: Future + Send>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<Pin<Box<F>>> = futures.map(Box::pin).collect();
    let mut given: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut waits = false;
        for (future, given) in running.iter_mut().zip(&mut given) {
            if given.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(output) => *given = Some(output),
                    Poll::Pending => waits = true,
                }
            }
        }
        if waits { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    given.into_iter().map(|given| given.expect("invariant: none waits any more")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_run_at_once_and_keep_their_order() {
        let (first, wakes_first) = tokio::sync::oneshot::channel();
        let mut first = Some(first);
        let mut wakes_first = Some(wakes_first);
        // The first one waits for what only the second one does.
        let given = all((0..2).map(|at| {
            let (first, waits) = if at == 0 { (None, wakes_first.take()) } else { (first.take(), None) };
            async move {
                if let Some(waits) = waits {
                    waits.await.expect("the second sends");
                }
                if let Some(first) = first {
                    first.send(()).expect("the first waits");
                }
                at
            }
        }))
        .await;
        assert_eq!(given, [0, 1]);
    }
}
