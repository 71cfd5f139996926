//! What a thread that serves clients can do for the others while it is busy with a command of one of them.
//!
//! A script may run for as long as it likes, and the clients of its thread, who wait for it, must still be
//! told so, and be able to end it. Whoever runs it calls [`serve`] every now and then. The thread has said
//! how with [`install`]; on a thread that serves nobody it does nothing.

use std::cell::RefCell;
use std::rc::Rc;

thread_local! {
    static SERVE: RefCell<Option<Rc<dyn Fn()>>> = const { RefCell::new(None) };
}

/// Says how the other clients of this thread are served.
pub fn install(serve: Rc<dyn Fn()>) {
    SERVE.set(Some(serve));
}

/// Serves the other clients of this thread once.
pub fn serve() {
    let serve = SERVE.with_borrow(Clone::clone);
    if let Some(serve) = serve {
        serve();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_thread_is_served_as_it_has_said() {
        serve();
        let served = Rc::new(Cell::new(0));
        let count = Rc::clone(&served);
        install(Rc::new(move || {
            count.set(count.get() + 1);
            if count.get() < 3 {
                serve();
            }
        }));
        serve();
        assert_eq!(served.get(), 3);
    }
}
