//! The database behind the cache: a table of users in SQLite, which counts how often it is read, and in each
//! row how often that was written.

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
                "PRAGMA synchronous = OFF;
                 CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL)",
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

    /// The same with the version of the row.
    pub(crate) fn load_version(&self, id: u32) -> Option<(String, u64)> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let connection = self.connection.lock().expect("no caller panics while it loads");
        let row = connection.query_row("SELECT name, version FROM users WHERE id = ?1", [id], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()))
        });
        row.optional().expect("a well-formed query")
    }

    /// Inserts or changes a user.
    pub(crate) fn store(&self, id: u32, name: &str) {
        self.store_version(id, name);
    }

    /// The same; the version that the row has then.
    pub(crate) fn store_version(&self, id: u32, name: &str) -> u64 {
        let connection = self.connection.lock().expect("no caller panics while it stores");
        let upsert = "INSERT INTO users VALUES (?1, ?2, 1) ON CONFLICT (id)
             DO UPDATE SET name = excluded.name, version = version + 1 RETURNING version";
        let version = connection.query_row(upsert, (id, name), |row| row.get::<_, i64>(0));
        version.expect("a well-formed statement").unsigned_abs()
    }

    /// How often it has been read.
    pub(crate) fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }
}
