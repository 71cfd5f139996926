//! The database behind the cache: a table of users in SQLite, which counts how often it is read.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::{Connection, OptionalExtension};

/// A table of names by number.
pub(crate) struct Database {
    connection: Mutex<Connection>,
    loads: AtomicUsize,
}

impl Database {
    /// Opens a new one in a folder.
    pub(crate) fn create(folder: &Path) -> Self {
        let connection = Connection::open(folder.join("users.sqlite")).expect("SQLite opens a new file");
        connection
            .execute_batch(
                "PRAGMA synchronous = OFF; CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
            )
            .expect("a new table");
        Self { connection: Mutex::new(connection), loads: AtomicUsize::new(0) }
    }

    /// The name of a user. This is the expensive call that the patterns save.
    pub(crate) fn load(&self, id: u32) -> Option<String> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let connection = self.connection.lock().expect("no caller panics while it loads");
        let name = connection.query_row("SELECT name FROM users WHERE id = ?1", [id], |row| row.get(0));
        name.optional().expect("a well-formed query")
    }

    /// Inserts or changes a user.
    pub(crate) fn store(&self, id: u32, name: &str) {
        let connection = self.connection.lock().expect("no caller panics while it stores");
        let upsert = "INSERT INTO users VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET name = excluded.name";
        connection.execute(upsert, (id, name)).expect("a well-formed statement");
    }

    /// How often it has been read.
    pub(crate) fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }
}
