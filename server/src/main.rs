//! The `scrubjay` binary.
fn main() {
    let port = std::env::args().skip_while(|a| a != "--port").nth(1).map_or(6379, |p| p.parse().unwrap());
    let server = scrubjay_server::Server::bind(scrubjay_server::config::Config { p: Some(port) }).unwrap();
    println!("port {}\nReady to accept connections", server.port());
    server.run().unwrap();
}
