//! Looking a key up: what the record under it says, if it says anything.

use std::time::Duration;

use tracing::warn;

use super::{Fetch, Rules};
use crate::backend::record::{Content, Record};
use crate::backend::{Backend, Kept};
use crate::codec::Codec;
use crate::pattern::stats::count;

/// What was found under a key.
pub(super) enum Found<V> {
    Fresh(V),
    /// Fresh, and soon not any more.
    Due(V),
    Stale(V),
    Absent,
    Nothing,
    /// The backend does not say.
    Unknown,
}

impl<V, B, C> Fetch<V, B, C>
where
    V: Clone + Send + Sync + 'static,
    B: Backend,
    C: Codec<V>,
{
    /// What there is yet, when a new value cannot be had. Looked up anew: what was removed is not served.
    pub(super) async fn stand_in(&self, key: &str, rules: &Rules) -> Option<V> {
        match self.look_up(key, rules).await {
            Found::Fresh(value) | Found::Due(value) | Found::Stale(value) => {
                count(&self.counters.stale_hits);
                Some(value)
            }
            Found::Absent | Found::Nothing | Found::Unknown => None,
        }
    }

    pub(super) async fn look_up(&self, key: &str, rules: &Rules) -> Found<V> {
        if rules.away {
            return Found::Unknown;
        }
        let get = self.backend.get(key.as_bytes());
        let (kept, known) = if rules.tags.is_empty() {
            (get.await, Vec::new())
        } else {
            // Both at once: most often the record has just the tags that the caller names.
            tokio::join!(get, self.generations(&rules.tags))
        };
        match self.step(kept) {
            Ok(Some(kept)) => self.understand(key, &kept, rules, &known).await,
            Ok(None) => Found::Nothing,
            Err(_) => Found::Unknown,
        }
    }

    /// Tags with their generations; none if the backend does not say.
    pub(super) async fn generations(&self, tags: &[String]) -> Vec<(String, u64)> {
        let keys: Vec<_> = tags.iter().map(|tag| tag.clone().into_bytes()).collect();
        let fresh = self.setting.chance.number();
        match self.step(self.backend.generations(&keys, fresh).await) {
            Ok(generations) => tags.iter().cloned().zip(generations).collect(),
            Err(_) => Vec::new(),
        }
    }

    /// What a record says. One that is of no use is removed, if nobody has replaced it. `known`: generations
    /// that were asked for when the record was.
    pub(super) async fn understand(
        &self,
        key: &str,
        kept: &Kept,
        rules: &Rules,
        known: &[(String, u64)],
    ) -> Found<V> {
        let Some(record) = Record::parse(&kept.bytes) else {
            warn!(pattern = self.pattern, key, "the key holds something that was not written by a pattern");
            return self.undecodable(key, kept).await;
        };
        if record.is_over(kept.left) {
            return Found::Nothing;
        }
        if !record.tags.iter().all(|tag| known.contains(tag)) {
            // It has other tags, or other generations: then those that are known may be older than it is.
            let names: Vec<_> = record.tags.iter().map(|(tag, _)| tag.clone()).collect();
            let now = self.generations(&names).await;
            if now.is_empty() {
                return Found::Unknown;
            }
            if now != record.tags {
                count(&self.counters.outdated);
                self.step(self.backend.remove_if_equal(key.as_bytes(), &kept.bytes).await).ok();
                return Found::Nothing;
            }
        }
        let is_fresh = record.is_fresh(kept.left, Duration::ZERO);
        match record.content {
            Content::Value(bytes) => match self.codec.decode(bytes) {
                Ok(value) if !is_fresh => Found::Stale(value),
                Ok(value) if record.is_fresh(kept.left, rules.ahead) => Found::Fresh(value),
                Ok(value) => Found::Due(value),
                Err(error) => {
                    warn!(pattern = self.pattern, key, %error);
                    self.undecodable(key, kept).await
                }
            },
            // There is no use in an absence that may be over.
            Content::Absent if is_fresh => Found::Absent,
            _ => Found::Nothing,
        }
    }

    async fn undecodable(&self, key: &str, kept: &Kept) -> Found<V> {
        count(&self.counters.undecodable);
        self.step(self.backend.remove_if_equal(key.as_bytes(), &kept.bytes).await).ok();
        Found::Nothing
    }
}
