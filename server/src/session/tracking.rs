//! A client that keeps what it reads, and is told when that is no longer so: `CLIENT TRACKING`.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

use bytes::Bytes;
use scrubjay::View;

use super::Session;
use crate::shared::Shared;

/// How a client tracks.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Modes {
    /// It does.
    pub on: bool,
    /// It hears of all keys of some prefixes, and nothing that it reads is remembered.
    pub bcast: bool,
    /// What it reads is remembered after `CLIENT CACHING YES` only.
    pub optin: bool,
    /// What it reads is remembered but after `CLIENT CACHING NO`.
    pub optout: bool,
    /// It does not want to hear of what it changes itself.
    pub noloop: bool,
    /// Whom it has named to get its messages was gone when there was one.
    pub broken_redirect: bool,
}

impl Modes {
    fn to_bits(self) -> u8 {
        let Self { on, bcast, optin, optout, noloop, broken_redirect } = self;
        let modes = [on, bcast, optin, optout, noloop, broken_redirect];
        modes.iter().enumerate().map(|(bit, holds)| u8::from(*holds) << bit).sum()
    }

    fn from_bits(bits: u8) -> Self {
        let holds = |bit: u8| bits & 1 << bit != 0;
        Self {
            on: holds(0),
            bcast: holds(1),
            optin: holds(2),
            optout: holds(3),
            noloop: holds(4),
            broken_redirect: holds(BROKEN_BIT),
        }
    }
}

const BROKEN_BIT: u8 = 5;

/// How a client tracks, for others to see. Its own thread writes it, and whoever finds its redirect broken.
#[derive(Debug, Default)]
pub struct Tracks {
    modes: AtomicU8,
    redirect: AtomicU64,
}

impl Tracks {
    /// How.
    #[inline]
    pub fn modes(&self) -> Modes {
        Modes::from_bits(self.modes.load(Relaxed))
    }

    /// The client that gets the messages instead; 0 for none.
    pub fn redirect(&self) -> u64 {
        self.redirect.load(Relaxed)
    }

    /// The client that `CLIENT GETREDIR` names: 0 for none, -1 if there is no tracking.
    pub fn shown_redirect(&self) -> i64 {
        if self.modes().on { self.redirect().cast_signed() } else { -1 }
    }

    /// Nobody is there who would get the messages.
    pub fn redirect_is_broken(&self) {
        self.modes.fetch_or(1 << BROKEN_BIT, Relaxed);
    }

    fn set(&self, modes: Modes, redirect: u64) {
        self.redirect.store(redirect, Relaxed);
        self.modes.store(modes.to_bits(), Relaxed);
    }
}

/// What of it the client's own thread alone knows.
#[derive(Debug, Default)]
pub(crate) struct Tracked {
    /// As in [`Tracks`], at hand.
    modes: Modes,
    /// `CLIENT CACHING` was said, for the next command.
    caching: bool,
    prefixes: BTreeSet<Bytes>,
}

impl Tracked {
    /// Whether the client tracks.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.modes.on
    }

    /// Whether what the client reads now is to be remembered.
    #[inline]
    pub(crate) fn remembers(&self) -> bool {
        let Modes { on, bcast, optin, optout, .. } = self.modes;
        on && !bcast && (!optin || self.caching) && !(optout && self.caching)
    }

    /// Whether `CLIENT CACHING` was said, for the next command.
    #[inline]
    pub(crate) fn caching(&self) -> bool {
        self.caching
    }

    /// `CLIENT CACHING`, or the end of the command that it was said for.
    #[inline]
    pub(crate) fn set_caching(&mut self, caching: bool) {
        self.caching = caching;
    }

    /// The prefixes of keys that it hears of, in order.
    pub(crate) fn prefixes(&self) -> impl ExactSizeIterator<Item = &Bytes> {
        self.prefixes.iter()
    }
}

impl Session {
    /// Tracks from now on, or in another way than before. `view` holds every lock or none.
    pub(crate) fn track(
        &mut self,
        shared: &Shared,
        view: &mut View<'_>,
        modes: Modes,
        redirect: u64,
        prefixes: &[&[u8]],
    ) {
        if !self.tracking.modes.on {
            shared.tracking.begin(view);
        }
        self.tracking.modes = modes;
        self.client.tracking.set(modes, redirect);
        for prefix in prefixes {
            let prefix = Bytes::copy_from_slice(prefix);
            shared.tracking.prefixes().join(&prefix, &self.client);
            self.tracking.prefixes.insert(prefix);
        }
    }

    /// Tracks no more.
    pub fn end_tracking(&mut self, shared: &Shared) {
        let tracked = std::mem::take(&mut self.tracking);
        if tracked.modes.on {
            self.client.tracking.set(Modes::default(), 0);
            shared.tracking.end();
        }
        for prefix in &tracked.prefixes {
            shared.tracking.prefixes().leave(prefix, self.client.id);
        }
    }
}
