//! What each thread has of its own for scripts: the machine, and what it has compiled.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::account::Part;
use super::cache::{ByDigest, Digest, Origin, Script};
use super::engine::{Call, Engine, Fate, Host};
use super::functions::{self, Function, Library};
use super::lua::Lua;
use super::{Scripts, shebang};
use crate::config::Compat;

thread_local! {
    /// With the number of the server that it serves. There are several where a program has several.
    static THREADS: RefCell<Vec<(u64, Thread<Lua>)>> = const { RefCell::new(Vec::new()) };
}

struct Thread<E: Engine> {
    machine: E,
    /// Which server it shows to scripts.
    compat: Compat,
    held: Part,
    compiled: ByDigest<Compiled<E::Function>>,
    /// How many scripts had left the cache when `compiled` was last looked through.
    departures: u64,
    /// What libraries have registered in this machine, by their numbers.
    libraries: HashMap<u64, Loaded<E::Function>>,
    /// The generation of libraries when `libraries` was last looked through.
    generation: u64,
}

struct Loaded<F> {
    library: Arc<Library>,
    functions: Vec<F>,
}

struct Compiled<F> {
    script: Arc<Script>,
    function: F,
}

impl<E: Engine> Thread<E> {
    /// Forgets what was compiled of scripts that have left.
    fn tidy(&mut self, departures: u64) {
        if self.departures != departures {
            self.departures = departures;
            let gone = self.compiled.extract_if(|_, compiled| !compiled.script.is_kept());
            gone.for_each(|(_, compiled)| self.machine.release(compiled.function));
        }
    }
}

impl Thread<Lua> {
    fn new(compat: Compat, held: Part) -> Self {
        Self {
            machine: Lua::new(compat),
            compat,
            held,
            compiled: ByDigest::default(),
            departures: 0,
            libraries: HashMap::new(),
            generation: 0,
        }
    }

    /// Begins anew, if what was run has made that of the machine.
    fn note(&mut self, fate: Fate) {
        if fate == Fate::Spent {
            self.machine = Lua::new(self.compat);
            self.compiled.clear();
            self.libraries.clear();
        }
    }
}

/// Does something with what this thread has, and counts what its machine holds then.
fn with<R>(scripts: &Scripts, work: impl FnOnce(&mut Thread<Lua>) -> R) -> R {
    THREADS.with_borrow_mut(|threads| {
        let at = threads.iter().position(|(of, _)| *of == scripts.id).unwrap_or_else(|| {
            threads.retain(|(_, thread)| thread.held.is_open());
            threads.push((scripts.id, Thread::new(scripts.compat, Part::of(&scripts.account))));
            threads.len() - 1
        });
        let thread = &mut threads[at].1;
        let done = work(thread);
        thread.held.note(thread.machine.memory_bytes());
        done
    })
}

/// The script of this digest, if it is kept.
pub(crate) fn find(scripts: &Scripts, digest: Digest) -> Option<Arc<Script>> {
    let compiled = with(scripts, |thread| {
        let compiled = thread.compiled.get(&digest)?;
        compiled.script.is_kept().then(|| Arc::clone(&compiled.script))
    });
    compiled.or_else(|| scripts.cache.get(digest))
}

/// Compiles a script and keeps it, and says how many others had to go for it.
///
/// # Errors
/// With what is wrong with it.
pub(crate) fn load(
    scripts: &Scripts,
    digest: Digest,
    body: &[u8],
    origin: Origin,
) -> Result<(Arc<Script>, u64), Vec<u8>> {
    let (flags, source) = shebang::read(body)?;
    let function = with(scripts, |thread| thread.machine.compile(source))?;
    let (script, evicted) = scripts.cache.add(digest, body, flags, origin);
    with(scripts, |thread| {
        let compiled = Compiled { script: Arc::clone(&script), function };
        if let Some(former) = thread.compiled.insert(digest, compiled) {
            thread.machine.release(former.function);
        }
        thread.tidy(scripts.cache.departures());
    });
    Ok((script, evicted))
}

/// Runs a script.
pub(crate) fn run(scripts: &Scripts, script: &Arc<Script>, call: Call<'_>, host: &mut dyn Host) {
    scripts.cache.touch(script);
    with(scripts, |thread| {
        let machine = &mut thread.machine;
        let fate = match thread.compiled.get(&script.digest) {
            Some(compiled) => machine.call(&compiled.function, call, host),
            // Another thread has compiled it.
            None => match shebang::read(&script.body).and_then(|(_, source)| machine.compile(source)) {
                Ok(function) => {
                    let fate = machine.call(&function, call, host);
                    let compiled = Compiled { script: Arc::clone(script), function };
                    thread.compiled.insert(script.digest, compiled);
                    thread.tidy(scripts.cache.departures());
                    fate
                }
                Err(wrong) => {
                    host.fail(&wrong, false);
                    Fate::Whole
                }
            },
        };
        thread.note(fate);
    });
}

/// Runs the code of a library, and returns what it registers.
///
/// # Errors
/// With the reply to what is wrong with it.
pub(crate) fn inspect(
    scripts: &Scripts,
    source: &[u8],
    host: &mut dyn Host,
) -> Result<Vec<Function>, Vec<u8>> {
    // A library may change nothing but its own locals, and those go with its functions.
    with(scripts, |thread| {
        let (registered, fate) = thread.machine.load(source, host);
        let registered = registered.map(|registered| {
            let release = |(function, callback)| {
                thread.machine.release(callback);
                function
            };
            registered.into_iter().map(release).collect()
        });
        thread.note(fate);
        registered
    })
}

/// Calls a function of a library.
pub(crate) fn run_function(
    scripts: &Scripts,
    (library, index): (&Arc<Library>, usize),
    call: Call<'_>,
    host: &mut dyn Host,
) {
    with(scripts, |thread| {
        let generation = scripts.functions.generation();
        if thread.generation != generation {
            thread.generation = generation;
            let gone = thread.libraries.extract_if(|_, loaded| !loaded.library.is_kept());
            for function in gone.flat_map(|(_, loaded)| loaded.functions) {
                thread.machine.release(function);
            }
        }
        if !thread.libraries.contains_key(&library.id) {
            let (loaded, fate) = match functions::metadata(&library.code) {
                Ok((_, source)) => thread.machine.load(source, host),
                Err(wrong) => (Err(wrong), Fate::Whole),
            };
            thread.note(fate);
            match loaded {
                Ok(loaded) => {
                    let functions = loaded.into_iter().map(|(_, function)| function).collect();
                    thread.libraries.insert(library.id, Loaded { library: Arc::clone(library), functions });
                }
                Err(wrong) => {
                    host.fail(&wrong, false);
                    return;
                }
            }
        }
        let fate = match thread.libraries.get(&library.id).and_then(|loaded| loaded.functions.get(index)) {
            Some(function) => thread.machine.call_registered(function, call, host),
            None => {
                host.fail(b"ERR Function not found", false);
                Fate::Whole
            }
        };
        thread.note(fate);
    });
}
