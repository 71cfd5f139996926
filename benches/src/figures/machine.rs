//! The machine a run was made on.

use std::fs;

/// Processor, cores, memory, kernel and day; what cannot be read is left out.
pub(crate) fn describe() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| -> Option<String> {
        let value = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(value.trim_start_matches([' ', '\t', ':']).trim().to_owned())
    };
    let processors = read("/proc/cpuinfo");
    let cores = processors.lines().filter(|line| line.starts_with("processor")).count();
    let memory_kib: Option<f64> =
        field(&read("/proc/meminfo"), "MemTotal").and_then(|kib| kib.strip_suffix(" kB")?.parse().ok());
    let kernel = read("/proc/sys/kernel/osrelease");
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let parts = [
        field(&processors, "model name"),
        (cores > 0).then(|| format!("{cores} cores")),
        memory_kib.map(|kib| format!("{:.0} GiB", kib / 1024.0 / 1024.0)),
        (!kernel.is_empty()).then(|| format!("Linux {}", kernel.trim())),
        Some(today),
    ];
    format!("{}.", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}
