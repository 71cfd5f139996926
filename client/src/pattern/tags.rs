//! **Tags.** Values carry tags, and one call outdates all that carry a tag, however many there are, in all
//! processes.
//!
//! Each tag has a generation, a number under a key of its own. A value remembers the generations of its tags
//! as they were before it was loaded, and a read compares: if one has changed, the value is outdated. So an
//! invalidation is one write, no list of members is kept (it would grow, and race with those who join it),
//! and on a cluster the tag may be on another node than the values.
//!
//! # Guarantee
//!
//! After [`invalidate`](Tagged::invalidate) has returned, no read that begins later, in any process,
//! returns a value with that tag that was loaded before, not even as a stale one, nor one that was being
//! loaded then. For single keys the guarantee is that of [`cache_aside`](super::cache_aside).
//!
//! # Failure modes
//!
//! - A generation that is lost (evicted, or not asked for in a month) is drawn anew, from 64 random bits:
//!   everything with the tag is outdated then. It errs on the side of loading.
//! - An invalidation that fails is an error: what carries the tag may still be served. Invalidate again.
//! - A hit costs a second step, for the generations, at the same time as the first if the value has the tags
//!   that the reader names. Few tags a value are better than many.
//! - Outdated values stay in memory until they are read, expire or are evicted.
//! - All those of [`cache_aside`](super::cache_aside).
//!
//! # Example
//!
//! ```
//! use scrubjay_client::{backend::Embedded, codec::Raw};
//! use scrubjay_client::pattern::{Setting, tags::Tagged};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pages: Tagged<String, _, _> = Tagged::new(Embedded::default(), Raw, Setting::new());
//! let page = |text: &'static str| move || async move { Ok::<_, std::io::Error>(Some(text.to_owned())) };
//! pages.get("/ada", &["user 7", "site"], page("Ada")).await?;
//! pages.get("/ada/friends", &["user 7", "site"], page("none")).await?;
//!
//! pages.invalidate("user 7").await?;
//! let text = pages.get("/ada/friends", &["user 7", "site"], page("Charles")).await?;
//! assert_eq!(text.as_deref(), Some("Charles"));
//! # Ok(()) }
//! ```

use std::future::Future;
use std::sync::Arc;

use super::fetch::{Fetch, Rules, handle, load_of};
use super::stats::count;
use super::{Error, Setting};
use crate::backend::{self, Backend};
use crate::codec::Codec;

/// A cache of values with tags: see the [module](self). A handle: clones are the same.
pub struct Tagged<V, B, C>(Arc<Fetch<V, B, C>>);

impl<V, B, C> Tagged<V, B, C>
where
    V: Clone + Send + Sync + 'static,
    B: Backend,
    C: Codec<V>,
{
    /// The pattern over this backend. Tags belong to the prefix of its keys.
    pub fn new(backend: B, codec: C, setting: Setting) -> Self {
        Self(Fetch::new("tags", backend, codec, setting))
    }

    /// The value of a key, which `load` looks up if it is not cached, and which carries these tags then; none
    /// if it finds none. `load` runs in a task of its own, to its end, whatever becomes of this call.
    ///
    /// # Errors
    /// `load` failed, or took longer than it may, and there is nothing stale.
    ///
    /// # Panics
    /// When `load` does.
    pub async fn get<E, F>(
        &self,
        key: &str,
        tags: &[&str],
        load: impl FnOnce() -> F + Send + 'static,
    ) -> Result<Option<V>, Error<E>>
    where
        F: Future<Output = Result<Option<V>, E>> + Send + 'static,
        E: Send + Sync + 'static,
    {
        let tags = tags.iter().map(|tag| self.tag(tag)).collect();
        self.0.get(key, Rules { tags, ..Rules::default() }, load_of(load)).await
    }

    /// Outdates everything that carries a tag, in one step.
    ///
    /// # Errors
    /// The backend's: what carries the tag may still be served.
    pub async fn invalidate(&self, tag: &str) -> Result<(), backend::Error> {
        // Which loads under way will carry it, nobody knows.
        self.0.forget_all_loads();
        count(&self.0.counters.removals);
        let fresh = self.0.setting.chance.number();
        self.0.step(self.0.backend.renew_generation(self.tag(tag).as_bytes(), fresh).await)
    }

    /// The key of a tag's generation.
    fn tag(&self, tag: &str) -> String {
        format!("tag:{}{tag}", self.0.setting.prefix)
    }
}

handle! { Tagged<V, B, C> { 0 } }
