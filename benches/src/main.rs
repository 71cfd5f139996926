//! Measurements of Scrubjay: the command line.
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    scrubjay_benches::run()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("Measuring needs Linux: CPU time, memory and pinning come from its own interfaces.");
    std::process::exit(1);
}
