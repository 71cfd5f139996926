//! The `scrubjay` binary.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use scrubjay_server::Server;
use scrubjay_server::config::{Startup, Stream};

fn main() -> ExitCode {
    match Startup::from_args(std::env::args_os().skip(1), &mut std::io::stdin()) {
        Startup::Print { text, stream: Stream::Output, code } => {
            print!("{text}");
            code.into()
        }
        Startup::Print { text, stream: Stream::Error, code } => {
            eprint!("{text}");
            code.into()
        }
        Startup::Run(config) => match Server::bind(*config).and_then(|server| {
            println!("port {}\nReady to accept connections", server.port());
            server.run()
        }) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        },
    }
}
