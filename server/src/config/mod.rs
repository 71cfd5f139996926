//! Parameters.

/// Parameters.
#[derive(Debug, Default)]
pub struct Config {
    /// The port.
    pub p: Option<u16>,
}
#[expect(missing_docs)]
impl Config {
    pub fn proto_max_bulk_len(&self) -> u64 {
        512 << 20
    }
    pub fn client_query_buffer_limit(&self) -> u64 {
        1 << 30
    }
    pub fn output_limit_normal(&self) -> Option<u64> {
        None
    }
    pub fn password(&self) -> Option<&str> {
        None
    }
    pub fn maxclients(&self) -> usize {
        10000
    }
    pub fn protected_mode(&self) -> bool {
        true
    }
    pub fn tcp_keepalive_s(&self) -> u64 {
        300
    }
    pub fn unixsocket(&self) -> Option<String> {
        None
    }
    pub fn unixsocketperm(&self) -> Option<u32> {
        None
    }
    pub fn io_threads(&self) -> usize {
        2
    }
    pub fn port(&self) -> Option<u16> {
        self.p
    }
    pub fn bind(&self) -> Vec<String> {
        vec!["127.0.0.1".into()]
    }
    pub fn tcp_backlog(&self) -> i32 {
        511
    }
    pub fn on_loopback(self) -> Self {
        self
    }
}
