//! The scripts that clients have sent, by their SHA1: those of `SCRIPT LOAD` until somebody flushes them, of
//! those that only came with an `EVAL` the 500 that were used last.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

use super::shebang::ScriptFlags;

/// How many scripts are kept that came with an `EVAL`. Valkey's number.
const EVALUATED_MAX: usize = 500;

/// The SHA1 of a script: its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 20]);

impl Digest {
    /// The name of a script.
    pub fn of(script: &[u8]) -> Self {
        Self(sha1_smol::Sha1::from(script).digest().bytes())
    }

    /// What 40 hexadecimal digits, in any case, mean.
    pub fn parse(digits: &[u8]) -> Option<Self> {
        let digits: &[u8; 40] = digits.try_into().ok()?;
        let mut bytes = [0; 20];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
            let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
            *byte = (high? << 4 | low?) as u8;
        }
        Some(Self(bytes))
    }

    /// 40 hexadecimal digits.
    pub fn hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A SHA1 is its own hash.
impl std::hash::Hash for Digest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(u64::from_le_bytes(*self.0.first_chunk().expect("invariant: 20 bytes")));
    }
}

/// Takes the number that it is given for the hash.
#[derive(Debug, Default, Clone, Copy)]
pub struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0 << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// A map whose keys are digests.
pub type ByDigest<V> = HashMap<Digest, V, BuildHasherDefault<AsIs>>;

/// A script.
#[derive(Debug)]
pub struct Script {
    /// Its name.
    pub digest: Digest,
    /// As it was sent.
    pub body: Box<[u8]>,
    /// What its first line says of it.
    pub flags: ScriptFlags,
    /// Whether it came with `SCRIPT LOAD`.
    loaded: AtomicBool,
    /// Whether it has left the cache.
    dropped: AtomicBool,
    /// When it was last used, by the cache's clock.
    used: AtomicU64,
}

impl Script {
    /// What it takes, about.
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.body.len()
    }

    /// Whether it may still be run.
    pub fn is_kept(&self) -> bool {
        !self.dropped.load(Relaxed)
    }
}

/// How a script came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// With `EVAL`.
    Evaluated,
    /// With `SCRIPT LOAD`.
    Loaded,
}

/// All scripts.
#[derive(Debug, Default)]
pub struct Cache {
    scripts: Mutex<ByDigest<Arc<Script>>>,
    /// Counts uses.
    clock: AtomicU64,
    /// How many scripts have left, ever: what threads have compiled of them is of no more use.
    departures: AtomicU64,
}

impl Cache {
    /// The script of this name.
    pub fn get(&self, digest: Digest) -> Option<Arc<Script>> {
        self.scripts.lock().get(&digest).cloned()
    }

    /// Notes that a script is used.
    pub fn touch(&self, script: &Script) {
        // Two threads may take the same moment; which of their scripts is older is nobody's concern.
        let now = self.clock.load(Relaxed) + 1;
        self.clock.store(now, Relaxed);
        script.used.store(now, Relaxed);
    }

    /// Adds a script that compiles, and says how many others had to go. One that is there already stays.
    pub fn add(&self, digest: Digest, body: &[u8], flags: ScriptFlags, origin: Origin) -> (Arc<Script>, u64) {
        let mut scripts = self.scripts.lock();
        let mut evicted = 0;
        if let Some(script) = scripts.get(&digest) {
            let script = Arc::clone(script);
            if origin == Origin::Loaded {
                script.loaded.store(true, Relaxed);
            }
            return (script, evicted);
        }
        if origin == Origin::Evaluated {
            let evaluated = || scripts.values().filter(|script| !script.loaded.load(Relaxed));
            if evaluated().count() >= EVALUATED_MAX
                && let Some(oldest) = evaluated().min_by_key(|script| script.used.load(Relaxed))
            {
                let digest = oldest.digest;
                self.drop_script(&mut scripts, digest);
                evicted += 1;
            }
        }
        let script = Arc::new(Script {
            digest,
            body: body.into(),
            flags,
            loaded: AtomicBool::new(origin == Origin::Loaded),
            dropped: AtomicBool::new(false),
            used: AtomicU64::new(0),
        });
        self.touch(&script);
        scripts.insert(digest, Arc::clone(&script));
        (script, evicted)
    }

    fn drop_script(&self, scripts: &mut ByDigest<Arc<Script>>, digest: Digest) {
        if let Some(script) = scripts.remove(&digest) {
            script.dropped.store(true, Relaxed);
            self.departures.fetch_add(1, Relaxed);
        }
    }

    /// Drops all scripts.
    pub fn flush(&self) {
        let mut scripts = self.scripts.lock();
        for digest in scripts.keys().copied().collect::<Vec<_>>() {
            self.drop_script(&mut scripts, digest);
        }
    }

    /// How many scripts have left, ever.
    pub fn departures(&self) -> u64 {
        self.departures.load(Relaxed)
    }

    /// How many scripts there are, and the bytes that they take.
    pub fn figures(&self) -> (usize, usize) {
        let scripts = self.scripts.lock();
        (scripts.len(), scripts.values().map(|script| script.memory_bytes()).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(cache: &Cache, body: &str, origin: Origin) -> u64 {
        let digest = Digest::of(body.as_bytes());
        cache.add(digest, body.as_bytes(), ScriptFlags::default(), origin).1
    }

    fn has(cache: &Cache, body: &str) -> bool {
        cache.get(Digest::of(body.as_bytes())).is_some()
    }

    #[test]
    fn a_digest_is_read_in_any_case() {
        let digest = Digest::of(b"return 1");
        assert_eq!(digest.hex(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
        assert_eq!(Digest::parse(digest.hex().to_uppercase().as_bytes()), Some(digest));
        for wrong in ["", "e0e1", "g0e1f9fabfc9d4800c877a703b823ac0578ff8db"] {
            assert_eq!(Digest::parse(wrong.as_bytes()), None);
        }
    }

    #[test]
    fn the_evaluated_script_that_was_not_used_for_longest_goes_first() {
        let cache = Cache::default();
        add(&cache, "loaded", Origin::Loaded);
        for number in 0..EVALUATED_MAX {
            assert_eq!(add(&cache, &number.to_string(), Origin::Evaluated), 0);
        }
        cache.touch(&cache.get(Digest::of(b"0")).expect("it is there"));
        assert_eq!(add(&cache, "one more", Origin::Evaluated), 1);
        assert!(has(&cache, "0") && !has(&cache, "1") && has(&cache, "loaded"));
        // Those that were loaded do not count.
        add(&cache, "2", Origin::Loaded);
        assert_eq!(add(&cache, "and another", Origin::Evaluated), 0);
        assert_eq!((cache.departures(), cache.figures().0), (1, EVALUATED_MAX + 2));
        let script = cache.get(Digest::of(b"2")).expect("it is there");
        cache.flush();
        assert!(!script.is_kept() && cache.figures() == (0, 0));
    }
}
