//! A server, and who connects to it.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use redis::aio::MultiplexedConnection;
use scrubjay_client::codec::{Codec, CodecError};
use scrubjay_client::near::NearCache;
use scrubjay_client::wire::Connector;

use crate::compare::client::Client;
use crate::compare::server::Server;
use crate::cores::{self, Placement};

/// The value of every key: 64 bytes.
const VALUE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// Where a free port is looked for.
const FIRST_PORT: u16 = 27_400;
/// Writes that go out together.
const BATCH: usize = 1000;

/// Text that is cheap to hand out: what a program that reads much keeps.
pub(super) type Text = Arc<str>;

/// Text as it is.
pub(super) struct Plain;

impl Codec<Text> for Plain {
    fn encode(&self, value: &Text) -> Result<Vec<u8>, CodecError> {
        Ok(value.as_bytes().to_vec())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Text, CodecError> {
        str::from_utf8(bytes).map(Arc::from).map_err(CodecError::decoding)
    }
}

/// A running server.
pub(super) struct Site {
    server: Server,
}

impl Site {
    /// Starts `program`, on a core of its own if there are two, and leaves another to this thread.
    pub(super) fn start(program: &Path) -> Result<Self> {
        let placement = Placement::new(1, &cores::available()?);
        let server = Server::start(program, &placement, FIRST_PORT)?;
        cores::pin(&[placement.load])?;
        Ok(Self { server })
    }

    pub(super) fn url(&self) -> String {
        format!("redis://{}/?protocol=resp3", self.server.address())
    }

    /// A near cache of so many entries.
    pub(super) async fn near(&self, entries: u64) -> Result<NearCache<Text, Plain>> {
        let builder = NearCache::builder(Plain).max_entries(entries);
        Ok(builder.connect(Connector::server(self.url())).await?)
    }

    /// redis-rs alone.
    pub(super) async fn plain(&self) -> Result<MultiplexedConnection> {
        Ok(redis::Client::open(self.url())?.get_multiplexed_async_connection().await?)
    }

    /// Writes these keys.
    pub(super) async fn fill(&self, prefix: &str, keys: usize) -> Result<()> {
        let mut connection = self.plain().await?;
        for first in (0..keys).step_by(BATCH) {
            let mut pipeline = redis::pipe();
            for number in first..keys.min(first + BATCH) {
                pipeline.set(key(prefix, number), VALUE).ignore();
            }
            pipeline.query_async::<()>(&mut connection).await?;
        }
        Ok(())
    }

    /// Seconds of CPU time of the server so far.
    pub(super) fn server_cpu_s(&self) -> Result<f64> {
        Ok(self.server.cpu()?.as_secs_f64())
    }

    /// How often this command was called.
    pub(super) fn calls(&self, command: &str) -> Result<u64> {
        let mut client = Client::connect(self.server.address())?;
        let stats = client.info("commandstats", &format!("cmdstat_{command}")).unwrap_or_default();
        let calls = stats.strip_prefix("calls=").and_then(|rest| rest.split(',').next());
        Ok(calls.map_or(Ok(0), str::parse)?)
    }
}

/// A key of 16 bytes.
pub(super) fn key(prefix: &str, number: usize) -> String {
    format!("{prefix}:{number:0width$}", width = 15 - prefix.len())
}
