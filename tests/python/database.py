"""The database behind the cache: a table of users in SQLite, which counts how often it is read."""

import sqlite3
import threading


class Database:
    def __init__(self, path):
        self.connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        self.lock = threading.Lock()
        self.loads = 0

    def load(self, user):
        """The expensive call that the patterns save."""
        with self.lock:
            self.loads += 1
            row = self.connection.execute("SELECT name FROM users WHERE id = ?", (user,)).fetchone()
            return row and row[0]

    def store(self, user, name):
        with self.lock:
            self.connection.execute("INSERT OR REPLACE INTO users VALUES (?, ?)", (user, name))

    def close(self):
        self.connection.close()
