//! Measurements of Scrubjay, alone and beside others.
//!
//! `compare` starts servers and measures them in turns; what its columns mean stands in the README beside
//! this crate. It needs Linux: CPU time, memory and pinning are read and set through the kernel's own
//! interfaces, and figures taken in any other way would not be comparable.
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
mod clock;
#[cfg(target_os = "linux")]
mod compare;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    use clap::Parser;

    /// Measurements of Scrubjay, alone and beside others.
    #[derive(Parser)]
    #[command(version)]
    enum Command {
        Compare(compare::Options),
    }

    let Command::Compare(options) = Command::parse();
    compare::run(&options)
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("Comparing servers needs Linux: CPU time, memory and pinning come from its own interfaces.");
    std::process::exit(1);
}
