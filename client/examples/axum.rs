//! An axum service with users in SQLite, a cache beside it, and a near cache in this process.
//!
//! ```text
//! cargo run -p scrubjay-client --example axum
//! curl http://127.0.0.1:3000/users/1            # from SQLite, then from memory
//! curl -X PUT -d 'Ada King' http://127.0.0.1:3000/users/1
//! curl http://127.0.0.1:3000/users/1            # the new name
//! curl http://127.0.0.1:3000/stats
//! ```
//!
//! It starts a server of its own, or uses the one that REDIS_URL names: start several with that, and another
//! PORT each, and a name that one of them changes is changed in all. (They share the file that USERS names,
//! or each has a database in memory.) The rule is that of cache-aside: write to the database, then remove the
//! key; the server tells all who have read it.

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rusqlite::{Connection, OptionalExtension};
use scrubjay_client::codec::Raw;
use scrubjay_client::near::NearCache;
use scrubjay_client::wire::Connector;
use scrubjay_server::TestServer;

/// What every request needs.
#[derive(Clone)]
struct App {
    names: NearCache<String>,
    database: Database,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = std::env::var("REDIS_URL").is_err().then(TestServer::start);
    let url = match &server {
        Some(server) => server.url(),
        None => std::env::var("REDIS_URL")?,
    };
    let names = NearCache::builder(Raw)
        .max_entries(100_000)
        .ttl(Duration::from_secs(300))
        // Should the cache and the database both fail, an expired name will do for an hour.
        .stale_on_error(Duration::from_secs(3600))
        .server_ttl(Duration::from_secs(600))
        .connect(Connector::server(&url))
        .await?;
    let app = App { names, database: Database::open()? };
    let routes =
        Router::new().route("/users/{id}", get(read).put(write)).route("/stats", get(stats)).with_state(app);
    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("http://{}/users/1 (the cache is {url})", listener.local_addr()?);
    Ok(axum::serve(listener, routes).await?)
}

async fn read(State(app): State<App>, Path(id): Path<u32>) -> Result<Response, Failed> {
    let database = app.database.clone();
    // Once, however many ask: the others wait for what it brings.
    let load = move || async move { tokio::task::spawn_blocking(move || database.name(id)).await? };
    Ok(match app.names.get_or_load(key(id), load).await? {
        Some(name) => (StatusCode::OK, name).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    })
}

async fn write(State(app): State<App>, Path(id): Path<u32>, name: String) -> Result<StatusCode, Failed> {
    let database = app.database.clone();
    tokio::task::spawn_blocking(move || database.rename(id, &name)).await??;
    app.names.remove(key(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn stats(State(app): State<App>) -> String {
    format!("{:#?}\n", app.names.stats())
}

fn key(id: u32) -> String {
    format!("user:{id}")
}

/// A table of users.
#[derive(Clone)]
struct Database(Arc<Mutex<Connection>>);

/// An error that can go from one thread to another.
type Anything = Box<dyn Error + Send + Sync>;

impl Database {
    fn open() -> Result<Self, Box<dyn Error>> {
        let connection = match std::env::var("USERS") {
            Ok(file) => Connection::open(file)?,
            Err(_) => Connection::open_in_memory()?,
        };
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
             INSERT OR IGNORE INTO users VALUES (1, 'Ada'), (2, 'Grace'), (3, 'Edsger');",
        )?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    fn name(&self, id: u32) -> Result<Option<String>, Anything> {
        println!("SELECT name FROM users WHERE id = {id}");
        let name =
            self.lock().query_row("SELECT name FROM users WHERE id = ?1", [id], |row| row.get(0)).optional();
        Ok(name?)
    }

    fn rename(&self, id: u32, name: &str) -> Result<(), Anything> {
        let upsert = "INSERT INTO users VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET name = excluded.name";
        self.lock().execute(upsert, (id, name))?;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A statement is whole or not there, whoever has panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What went wrong, for whoever asked.
struct Failed(Anything);

impl<E: Into<Anything>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", self.0)).into_response()
    }
}
