//! Those who get the same messages, by the thread that serves them.

use std::sync::Arc;

use smallvec::SmallVec;

/// Where a client's messages go, on the thread that serves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Recipient {
    /// Which inbox of its thread.
    pub slot: u32,
    /// Whose it is: a slot is used again when its client has gone.
    pub client: u64,
}

/// Recipients of one thread, by slot. A post on its way keeps the list it was made with.
pub(super) type Recipients = Arc<Vec<Recipient>>;

/// A set of clients.
#[derive(Debug, Default)]
pub struct Audience {
    /// Threads in no order, none of them without recipients.
    by_thread: SmallVec<[(usize, Recipients); 1]>,
}

impl Audience {
    /// Adds a client that `thread` serves.
    pub fn add(&mut self, thread: usize, recipient: Recipient) {
        match self.by_thread.iter_mut().find(|(index, _)| *index == thread) {
            Some((_, recipients)) => {
                let recipients = Arc::make_mut(recipients);
                let at = recipients.partition_point(|other| other.slot < recipient.slot);
                recipients.insert(at, recipient);
            }
            None => self.by_thread.push((thread, Arc::new(vec![recipient]))),
        }
    }

    /// Takes a client out.
    pub fn remove(&mut self, thread: usize, recipient: Recipient) {
        let Some(index) = self.by_thread.iter().position(|(index, _)| *index == thread) else { return };
        let recipients = Arc::make_mut(&mut self.by_thread[index].1);
        let at = recipients.partition_point(|other| other.slot < recipient.slot);
        if recipients.get(at) == Some(&recipient) {
            recipients.remove(at);
        }
        if recipients.is_empty() {
            self.by_thread.swap_remove(index);
        }
    }

    /// Whether a client is one of them.
    pub fn has(&self, thread: usize, recipient: Recipient) -> bool {
        self.by_thread().any(|(index, recipients)| index == thread && recipients.contains(&recipient))
    }

    /// The threads that serve them, each with its own.
    pub fn by_thread(&self) -> impl Iterator<Item = (usize, &Recipients)> {
        self.by_thread.iter().map(|(thread, recipients)| (*thread, recipients))
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.by_thread.iter().map(|(_, recipients)| recipients.len()).sum()
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.by_thread.is_empty()
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    fn to(slot: u32) -> Recipient {
        Recipient { slot, client: u64::from(slot) + 100 }
    }

    #[test]
    fn they_are_kept_by_thread_and_a_list_on_its_way_stays_as_it_was() {
        let mut audience = Audience::default();
        for (thread, slot) in [(0, 5), (1, 5), (0, 2), (0, 9)] {
            audience.add(thread, to(slot));
        }
        assert_eq!(audience.len(), 4);
        let before: Vec<_> = audience.by_thread().map(|(_, list)| Arc::clone(list)).collect();
        audience.remove(0, to(5));
        audience.remove(0, to(7));
        audience.remove(1, to(5));
        assert_eq!(*before[0], [to(2), to(5), to(9)]);
        let after: Vec<_> = audience.by_thread().map(|(thread, list)| (thread, list.to_vec())).collect();
        assert_eq!(after, [(0, vec![to(2), to(9)])]);
        audience.remove(0, to(2));
        audience.remove(0, to(9));
        assert!(audience.is_empty());
    }
}
