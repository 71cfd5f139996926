//! Libraries of functions, for all threads. What a library registers is found out by running its code; each
//! thread that calls one of its functions runs the code anew, in its own machine.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

use crate::config::split_words;

/// A library.
#[derive(Debug)]
pub(crate) struct Library {
    /// Tells it from others, and from former ones of its name.
    pub(crate) id: u64,
    pub(crate) name: Box<[u8]>,
    /// As it was sent.
    pub(crate) code: Box<[u8]>,
    pub(crate) functions: Vec<Function>,
    /// Whether it has been deleted, or replaced by another.
    dropped: AtomicBool,
}

impl Library {
    /// A library of what its code has registered.
    ///
    /// # Errors
    /// With the reply to a name that is none, and to functions that are none or that have the same name.
    pub(crate) fn new(name: &[u8], code: &[u8], functions: Vec<Function>) -> Result<Self, Vec<u8>> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        for (index, function) in functions.iter().enumerate() {
            if !is_name(&function.name) {
                return Err(
                    b"ERR Function names can only contain letters, numbers, or underscores(_) and must be \
                             at least one character long"
                        .to_vec(),
                );
            }
            if functions[..index].iter().any(|other| other.is_called(&function.name)) {
                return Err(b"ERR Function already exists in the library".to_vec());
            }
        }
        if functions.is_empty() {
            return Err(b"ERR No functions registered".to_vec());
        }
        let id = NEXT.fetch_add(1, Relaxed);
        Ok(Self { id, name: name.into(), code: code.into(), functions, dropped: AtomicBool::new(false) })
    }

    /// Whether it is still there.
    pub(crate) fn is_kept(&self) -> bool {
        !self.dropped.load(Relaxed)
    }

    /// What it takes, about.
    pub(crate) fn memory_bytes(&self) -> usize {
        let functions = self.functions.iter().map(|function| size_of::<Function>() + function.name.len());
        size_of::<Self>() + self.name.len() + self.code.len() + functions.sum::<usize>()
    }
}

/// A function of a library.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub(crate) name: Box<[u8]>,
    pub(crate) description: Option<Box<[u8]>>,
    pub(crate) flags: FunctionFlags,
}

impl Function {
    /// Functions are called by any spelling of their names.
    fn is_called(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// What a function says of itself: a bit for each of [`FLAGS`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct FunctionFlags(u8);

const FLAGS: [&str; 5] = ["no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"];

impl FunctionFlags {
    /// Adds the flag of this name, if there is one.
    pub(crate) fn add(&mut self, name: &[u8]) -> Option<()> {
        self.0 |= 1 << FLAGS.iter().position(|flag| flag.as_bytes() == name)?;
        Some(())
    }

    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        FLAGS.into_iter().enumerate().filter(move |(bit, _)| self.0 >> bit & 1 == 1).map(|(_, name)| name)
    }

    pub(crate) fn no_writes(self) -> bool {
        self.0 & 1 != 0
    }

    pub(crate) fn allow_oom(self) -> bool {
        self.0 & 2 != 0
    }
}

/// The libraries that there are, and their functions by name in small letters.
#[derive(Debug, Default, Clone)]
pub(crate) struct Libraries {
    all: Vec<Arc<Library>>,
    functions: HashMap<Box<[u8]>, (Arc<Library>, usize)>,
}

/// What happens to a library that has the name of a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Namesake {
    Keep,
    Replace,
}

impl Libraries {
    pub(crate) fn has(&self, name: &[u8]) -> bool {
        self.all.iter().any(|library| *library.name == *name)
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Library>> {
        self.all.iter()
    }

    pub(crate) fn function_count(&self) -> usize {
        self.functions.len()
    }

    /// Adds a library.
    ///
    /// # Errors
    /// With the reply to one whose name, or a function's name, is taken.
    pub(crate) fn add(&mut self, library: Library, namesake: Namesake) -> Result<(), Vec<u8>> {
        if self.has(&library.name) {
            if namesake == Namesake::Keep {
                return Err([b"ERR Library ", &*library.name, b" already exists"].concat());
            }
            self.remove(&library.name);
        }
        let library = Arc::new(library);
        for (index, function) in library.functions.iter().enumerate() {
            let name = function.name.to_ascii_lowercase().into_boxed_slice();
            if self.functions.contains_key(&name) {
                return Err([b"ERR Function ", &*function.name, b" already exists"].concat());
            }
            self.functions.insert(name, (Arc::clone(&library), index));
        }
        self.all.push(library);
        Ok(())
    }

    /// Removes a library, and says whether it was there.
    pub(crate) fn remove(&mut self, name: &[u8]) -> bool {
        let before = self.all.len();
        self.all.retain(|library| *library.name != *name);
        self.functions.retain(|_, (library, _)| *library.name != *name);
        self.all.len() < before
    }
}

/// The libraries of a server.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    libraries: Mutex<Libraries>,
    /// How many times they have changed: what threads have loaded may be of no more use.
    generation: AtomicU64,
}

impl Registry {
    /// The function of this name.
    pub(crate) fn find(&self, name: &[u8]) -> Option<(Arc<Library>, usize)> {
        self.libraries.lock().functions.get(&*name.to_ascii_lowercase()).cloned()
    }

    /// The libraries as they are now.
    pub(crate) fn now(&self) -> Libraries {
        self.libraries.lock().clone()
    }

    /// Changes the libraries: all at once, or not at all.
    pub(crate) fn change<E>(&self, work: impl FnOnce(&mut Libraries) -> Result<(), E>) -> Result<(), E> {
        let mut libraries = self.libraries.lock();
        let mut changed = libraries.clone();
        work(&mut changed)?;
        for library in &libraries.all {
            if !changed.all.iter().any(|kept| kept.id == library.id) {
                library.dropped.store(true, Relaxed);
            }
        }
        *libraries = changed;
        self.generation.fetch_add(1, Relaxed);
        Ok(())
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Relaxed)
    }
}

/// Whether libraries and functions may be called so.
pub(crate) fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// Reads the first line of a library's code, and returns its name and the code without it. Errors tell lines
/// by their numbers, so its end stays.
///
/// # Errors
/// With the reply that Valkey gives to such a library.
pub(crate) fn metadata(code: &[u8]) -> Result<(Vec<u8>, &[u8]), Vec<u8>> {
    if !code.starts_with(b"#!") {
        return Err(b"ERR Missing library metadata".to_vec());
    }
    // As C looks for it: not behind a NUL.
    let end = memchr::memchr2(b'\n', 0, code).filter(|end| code[*end] == b'\n');
    let Some(end) = end else { return Err(b"ERR Invalid library metadata".to_vec()) };
    let (line, source) = code.split_at(end);
    let Some(words) = split_words(line) else { return Err(b"ERR Invalid library metadata".to_vec()) };
    let mut given = None;
    for word in words.iter().skip(1) {
        let Some(name) = word.strip_prefix(b"name=") else {
            return Err([b"ERR Invalid metadata value given: ", word.as_slice()].concat());
        };
        if given.replace(name).is_some() {
            return Err(b"ERR Invalid metadata value, name argument was given multiple times".to_vec());
        }
    }
    let Some(name) = given else { return Err(b"ERR Library name was not given".to_vec()) };
    if !is_name(name) {
        return Err(
            b"ERR Library names can only contain letters, numbers, or underscores(_) and must be at least \
                     one character long"
                .to_vec(),
        );
    }
    let engine = words.first().and_then(|word| word.strip_prefix(b"#!")).unwrap_or_default();
    if !engine.eq_ignore_ascii_case(b"lua") {
        return Err([b"ERR Engine '", engine, b"' not found"].concat());
    }
    Ok((name.to_vec(), source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(name: &str, functions: &[&str]) -> Library {
        let function = |name: &&str| Function {
            name: name.as_bytes().into(),
            description: None,
            flags: FunctionFlags::default(),
        };
        Library::new(name.as_bytes(), b"", functions.iter().map(function).collect()).expect("good names")
    }

    #[test]
    fn a_change_that_fails_changes_nothing() {
        let registry = Registry::default();
        registry.change(|all| all.add(library("a", &["f"]), Namesake::Keep)).expect("there is nothing yet");
        registry.change(|all| all.add(library("b", &["g", "h"]), Namesake::Keep)).expect("other names");
        let failed = registry.change(|all| {
            all.remove(b"b");
            all.add(library("c", &["g", "F"]), Namesake::Replace)
        });
        assert_eq!(failed, Err(b"ERR Function F already exists".to_vec()));
        let now = registry.now();
        assert!(now.has(b"a") && now.has(b"b") && !now.has(b"c"));
        assert_eq!((now.function_count(), registry.generation()), (3, 2));
        let (found, index) = registry.find(b"G").expect("any spelling will do");
        assert!(found.is_kept() && index == 0);
        registry.change(|all| all.add(library("b", &["x"]), Namesake::Replace)).expect("it may be replaced");
        assert!(!found.is_kept() && registry.find(b"g").is_none() && registry.find(b"x").is_some());
    }
}
