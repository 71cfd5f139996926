//! INFO: sections of figures, as lines of `name:value`.
//!
//! `SECTIONS` is the list; a section is a title, the name it is asked for by, and a function that writes
//! its fields. Names, order and layout are Valkey's, since clients and monitors read them;
//! `tests/process/info.rs` compares the names with the real Valkey's and lists the differences. What we do
//! not have (replication, persistence, modules) is reported as a Valkey without it reports it; fields of our
//! own begin with `scrubjay_`. Who passes for Redis leaves out what Redis lacks, and names the rest as Redis
//! does (`in_redis`).

use std::fmt::{Display, Write};

use scrubjay::shard::Counters;
use scrubjay::{Store, View};

use super::process::{self, CpuTime, Who};
use super::stats::{CommandTotals, Totals};
use crate::command::table;
use crate::config::{Compat, Presence, VALKEY_VERSION};
use crate::pubsub::Kind;
use crate::session::pause::Paused;
use crate::shared::Shared;

/// One section.
struct Section {
    /// What it is asked for by, in any case.
    name: &'static str,
    title: &'static str,
    /// When it is shown without being asked for.
    shown: Shown,
    write: fn(&Facts<'_>, &mut Fields),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// In `INFO` and `INFO default`.
    Default,
    /// In `INFO all` and `INFO everything`.
    All,
    /// Only when its name is called.
    Asked,
}

const fn section(
    name: &'static str,
    title: &'static str,
    shown: Shown,
    write: fn(&Facts<'_>, &mut Fields),
) -> Section {
    Section { name, title, shown, write }
}

const SECTIONS: &[Section] = &[
    section("server", "Server", Shown::Default, server),
    section("tls", "TLS", Shown::All, tls),
    section("clients", "Clients", Shown::Default, clients),
    section("memory", "Memory", Shown::Default, memory),
    section("persistence", "Persistence", Shown::Default, persistence),
    section("stats", "Stats", Shown::Default, stats),
    section("replication", "Replication", Shown::Default, replication),
    section("cpu", "CPU", Shown::Default, cpu),
    section("modules", "Modules", Shown::Default, |_, _| {}),
    section("commandstats", "Commandstats", Shown::All, command_stats),
    section("errorstats", "Errorstats", Shown::Default, error_stats),
    section("latencystats", "Latencystats", Shown::All, latency_stats),
    section("cluster", "Cluster", Shown::Default, |_, fields| fields.put("cluster_enabled", 0)),
    section("cluster_info", "Cluster Info", Shown::All, |_, _| {}),
    section("scriptingengines", "Scripting Engines", Shown::All, scripting_engines),
    section("keyspace", "Keyspace", Shown::Default, keyspace),
    section("debug", "Debug", Shown::Asked, debug),
];

/// What INFO answers when these sections are asked for.
pub(crate) fn text(shared: &Shared, view: &mut View<'_>, names: &[&[u8]]) -> String {
    let asks = |name: &str| names.iter().any(|asked| asked.eq_ignore_ascii_case(name.as_bytes()));
    let all = asks("all") || asks("everything");
    let default = names.is_empty() || asks("default");
    let facts = Facts::gather(shared, view);
    let compat = shared.config.compat();
    let mut fields = Fields { text: String::new(), compat };
    for section in SECTIONS {
        if !compat.is_valkey() && NOT_IN_REDIS.contains(&section.name) {
            continue;
        }
        let shown = match section.shown {
            Shown::Default => all || default,
            Shown::All => all,
            Shown::Asked => false,
        };
        if shown || asks(section.name) {
            fields.begin(section.title);
            (section.write)(&facts, &mut fields);
        }
    }
    fields.text
}

/// Sections that Redis lacks.
const NOT_IN_REDIS: &[&str] = &["tls", "cluster_info", "scriptingengines"];

/// What Redis calls a field; nothing for one that it lacks.
fn in_redis(name: &str) -> Option<&str> {
    Some(match name {
        "server_mode" => "redis_mode",
        "expired_fields" => "expired_subkeys",
        "mem_replicas_repl_buffer" => "mem_replica_full_sync_buffer",
        "server_name"
        | "valkey_version"
        | "valkey_release_stage"
        | "clients_hz"
        | "availability_zone"
        | "paused_reason"
        | "paused_actions"
        | "paused_timeout_milliseconds"
        | "mem_cluster_slot_import"
        | "mem_cluster_slot_export"
        | "slot_migration_fork_in_progress"
        | "total_net_cluster_slot_import_bytes"
        | "total_net_cluster_slot_export_bytes"
        | "expired_keys_with_volatile_items_stale_perc"
        | "io_threaded_freed_objects"
        | "io_threaded_accept_processed"
        | "io_threaded_poll_processed"
        | "io_threaded_total_prefetch_batches"
        | "io_threaded_total_prefetch_entries"
        | "acl_access_denied_tls_cert"
        | "acl_access_denied_db"
        | "replicas_waiting_psync"
        | "used_active_time_main_thread" => return None,
        name => name,
    })
}

/// The text so far.
struct Fields {
    text: String,
    compat: Compat,
}

impl Fields {
    fn begin(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.text.push_str("\r\n");
        }
        self.line(format_args!("# {title}"));
    }

    fn put(&mut self, name: impl Display, value: impl Display) {
        if self.compat.is_valkey() {
            self.line(format_args!("{name}:{value}"));
        } else if let Some(name) = in_redis(&name.to_string()) {
            self.line(format_args!("{name}:{value}"));
        }
    }

    fn line(&mut self, line: impl Display) {
        write!(self.text, "{line}\r\n").expect("invariant: a String takes everything");
    }

    /// Fields that are always 0 here.
    fn zeroes(&mut self, names: &[&str]) {
        names.iter().for_each(|name| self.put(name, 0));
    }

    /// A field in bytes, and the same for people.
    fn bytes(&mut self, name: &str, bytes: u64) {
        self.put(name, bytes);
        self.put(format_args!("{name}_human"), human(bytes));
    }
}

/// `1.50K`: as Valkey writes bytes for people.
fn human(bytes: u64) -> String {
    let units = ["K", "M", "G", "T", "P"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let power = (bytes.ilog2() / 10).min(units.len() as u32);
    format!("{:.2}{}", bytes as f64 / 1024_f64.powi(power as i32), units[power as usize - 1])
}

/// What several sections tell of, read once.
struct Facts<'a> {
    shared: &'a Shared,
    now: u64,
    totals: Totals,
    counters: Counters,
    used: u64,
    /// Keys that somebody waits for, and those of them that somebody wants to hear of when they are gone.
    waited: (usize, usize),
    watched: usize,
    resident: u64,
    databases: Vec<Database>,
    /// The largest buffers of a client now: what it has sent and what it has not read.
    largest: (u64, u64),
}

struct Database {
    index: u16,
    keys: usize,
    expires: usize,
    mean_ttl: u64,
    /// Keys of hashes that have fields with a deadline.
    perishing: usize,
}

impl<'a> Facts<'a> {
    fn gather(shared: &'a Shared, view: &mut View<'_>) -> Self {
        let store: &Store = &shared.store;
        let now = view.now();
        let databases = (0..store.databases()).filter_map(|index| {
            let (keys, expires) = view.len(index);
            let mean_ttl = view.mean_deadline(index).map_or(0, |mean| mean.saturating_sub(now));
            let perishing = view.perishing(index);
            (keys > 0).then_some(Database { index, keys, expires, mean_ttl, perishing })
        });
        let databases = databases.collect();
        let mut largest = (0, 0);
        shared.clients.for_each(|client| {
            let of = |bytes: &std::sync::atomic::AtomicU64| bytes.load(std::sync::atomic::Ordering::Relaxed);
            largest.0 = of(&client.query_allocated).max(largest.0);
            largest.1 = of(&client.output_memory).max(largest.1);
        });
        Self {
            shared,
            now,
            totals: shared.stats.totals(),
            counters: view.counters(),
            used: view.used_bytes() as u64,
            waited: view.waited_keys(),
            watched: view.watched_keys(),
            resident: process::resident_bytes(),
            databases,
            largest,
        }
    }

    fn threads_beside_the_first(&self) -> usize {
        self.shared.start.threads - 1
    }
}

fn server(facts: &Facts<'_>, fields: &mut Fields) {
    let shared = facts.shared;
    let (config, start) = (&shared.config, &shared.start);
    let settings = config.settings();
    fields.put("redis_version", config.compat().redis_version());
    fields.put("server_name", "valkey");
    fields.put("valkey_version", VALKEY_VERSION);
    fields.put("valkey_release_stage", "ga");
    fields.put("scrubjay_version", env!("CARGO_PKG_VERSION"));
    fields.put("redis_git_sha1", "00000000");
    fields.put("redis_git_dirty", 0);
    fields.put("redis_build_id", 0);
    // Valkey's compatibility goes so far, and no further.
    fields
        .put(if config.extended_redis_compatibility() { "redis_mode" } else { "server_mode" }, "standalone");
    fields.put("os", process::system_name());
    fields.put("arch_bits", usize::BITS);
    fields.put("monotonic_clock", "POSIX clock_gettime");
    fields.put("multiplexing_api", if cfg!(target_os = "linux") { "epoll" } else { "kqueue" });
    if !config.compat().is_valkey() {
        fields.put("atomicvar_api", "c11-builtin");
    }
    fields.put("gcc_version", "0.0.0");
    fields.put("process_id", std::process::id());
    fields.put("process_supervised", "no");
    fields.put("run_id", &start.run_id);
    fields.put("tcp_port", settings.port);
    fields.put("server_time_usec", shared.store.clock().wall_micros());
    let uptime = facts.now.saturating_sub(start.at_ms) / 1000;
    fields.put("uptime_in_seconds", uptime);
    fields.put("uptime_in_days", uptime / 86_400);
    for name in ["hz", "configured_hz", "clients_hz"] {
        fields.put(name, settings.hz);
    }
    fields.put("lru_clock", (facts.now / 1000) & 0xff_ffff);
    let executable = std::env::current_exe().unwrap_or_default();
    fields.put("executable", executable.display());
    fields.put("config_file", config.file().unwrap_or_else(|| "".as_ref()).display());
    fields.put("io_threads_active", u8::from(facts.threads_beside_the_first() > 0));
    fields.put("availability_zone", String::from_utf8_lossy(&settings.availability_zone));
    let mut listeners = Vec::new();
    if settings.port != 0 {
        let mut line = String::from("name=tcp");
        for (address, presence) in settings.bind.iter() {
            let optional = if presence == Presence::Optional { "-" } else { "" };
            line += &format!(",bind={optional}{address}");
        }
        listeners.push(format!("{line},port={}", settings.port));
    }
    if !settings.unixsocket.is_empty() {
        listeners.push(format!("name=unix,bind={}", String::from_utf8_lossy(&settings.unixsocket)));
    }
    for (index, line) in listeners.iter().enumerate() {
        fields.put(format_args!("listener{index}"), line);
    }
}

fn tls(_: &Facts<'_>, fields: &mut Fields) {
    for whose in ["server", "client", "ca"] {
        fields.put(format_args!("tls_{whose}_cert_serial"), "none");
        fields.put(format_args!("tls_{whose}_cert_expires_in_seconds"), 0);
    }
}

fn clients(facts: &Facts<'_>, fields: &mut Fields) {
    fields.put("connected_clients", facts.shared.clients.len());
    fields.put("cluster_connections", 0);
    fields.put("maxclients", facts.shared.config.maxclients());
    fields.put("client_recent_max_input_buffer", facts.largest.0);
    fields.put("client_recent_max_output_buffer", facts.largest.1);
    let (mut blocked, mut blocked_for_a_time, mut watching, mut subscribers) = (0, 0, 0, 0);
    facts.shared.clients.for_each(|client| {
        blocked += usize::from(client.waits());
        if let Some(waits) = client.blocked() {
            blocked_for_a_time += usize::from(waits.terms().deadline_micros.is_some());
        }
        watching += usize::from(client.watched() > 0);
        subscribers += usize::from(client.is_subscriber());
    });
    let (keys, keys_when_gone) = facts.waited;
    fields.put("blocked_clients", blocked);
    fields.put("tracking_clients", facts.shared.tracking.clients());
    fields.put("pubsub_clients", subscribers);
    fields.put("watching_clients", watching);
    fields.put("clients_in_timeout_table", blocked_for_a_time);
    fields.put("total_watched_keys", facts.watched);
    fields.put("total_blocking_keys", keys);
    fields.put("total_blocking_keys_on_nokey", keys_when_gone);
    let paused = facts.shared.pause.at(facts.now);
    fields.put("paused_reason", if paused.is_some() { "client_pause" } else { "none" });
    fields.put(
        "paused_actions",
        match paused {
            None => "none",
            Some((Paused::Writes, _)) => "write",
            Some((Paused::Everything, _)) => "all",
        },
    );
    fields.put("paused_timeout_milliseconds", paused.map_or(0, |(_, until)| until - facts.now));
}

fn memory(facts: &Facts<'_>, fields: &mut Fields) {
    let store = &facts.shared.store;
    let settings = facts.shared.config.settings();
    let (used, resident) = (facts.used, facts.resident);
    let peak = (store.peak_bytes() as u64).max(used);
    let startup = facts.shared.start.used_bytes as u64;
    let buffers = store.outside_bytes() as u64;
    let overhead = (startup + buffers).min(used);
    let dataset = used - overhead;
    let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
    fields.bytes("used_memory", used);
    fields.bytes("used_memory_rss", resident);
    fields.bytes("used_memory_peak", peak);
    fields.put("used_memory_peak_perc", format_args!("{:.2}%", share(used, peak) * 100.0));
    fields.put("used_memory_overhead", overhead);
    fields.put("used_memory_startup", startup);
    fields.put("used_memory_dataset", dataset);
    let net = used.saturating_sub(startup);
    fields.put("used_memory_dataset_perc", format_args!("{:.2}%", share(dataset, net) * 100.0));
    // The allocator does not say; Valkey with the same allocator reports these.
    fields.put("allocator_allocated", used);
    fields.put("allocator_active", used);
    fields.put("allocator_resident", resident);
    fields.put("allocator_muzzy", 0);
    fields.bytes("total_system_memory", process::system_bytes());
    let scripts = Scripts::of(facts);
    fields.put("used_memory_lua", scripts.machine_bytes);
    fields.put("used_memory_vm_eval", scripts.machine_bytes);
    fields.put("used_memory_lua_human", human(scripts.machine_bytes));
    fields.put("used_memory_scripts_eval", scripts.script_bytes);
    fields.put("number_of_cached_scripts", scripts.count);
    fields.put("number_of_functions", scripts.functions);
    fields.put("number_of_libraries", scripts.libraries);
    // Scripts and functions run in the same machines.
    fields.put("used_memory_vm_functions", 0);
    fields.bytes("used_memory_vm_total", scripts.machine_bytes);
    fields.put("used_memory_functions", scripts.library_bytes);
    fields.bytes("used_memory_scripts", scripts.script_bytes + scripts.library_bytes);
    fields.bytes("maxmemory", settings.maxmemory);
    fields.put("maxmemory_policy", settings.maxmemory_policy.name());
    let beyond = resident as i64 - used as i64;
    fields.put("allocator_frag_ratio", "1.00");
    fields.put("allocator_frag_bytes", 0);
    fields.put("allocator_rss_ratio", format_args!("{:.2}", share(resident, used)));
    fields.put("allocator_rss_bytes", beyond);
    fields.put("rss_overhead_ratio", "1.00");
    fields.put("rss_overhead_bytes", 0);
    fields.put("mem_fragmentation_ratio", format_args!("{:.2}", share(resident, used)));
    fields.put("mem_fragmentation_bytes", beyond);
    fields.zeroes(&[
        "mem_not_counted_for_evict",
        "mem_replication_backlog",
        "mem_total_replication_buffers",
        "mem_replicas_repl_buffer",
        "mem_clients_slaves",
    ]);
    fields.put("mem_clients_normal", buffers);
    fields.zeroes(&[
        "mem_cluster_links",
        "mem_cluster_slot_import",
        "mem_cluster_slot_export",
        "mem_aof_buffer",
    ]);
    fields.put("mem_allocator", "libc");
    fields.zeroes(&[
        "mem_overhead_db_hashtable_rehashing",
        "active_defrag_running",
        "lazyfree_pending_objects",
        "lazyfreed_objects",
    ]);
}

fn persistence(facts: &Facts<'_>, fields: &mut Fields) {
    fields.zeroes(&[
        "loading",
        "async_loading",
        "current_cow_peak",
        "current_cow_size",
        "current_cow_size_age",
    ]);
    fields.put("current_fork_perc", "0.00");
    fields.zeroes(&["current_save_keys_processed", "current_save_keys_total"]);
    fields.put("rdb_changes_since_last_save", facts.shared.stats.sum(|block| &block.changes));
    fields.put("rdb_bgsave_in_progress", 0);
    fields.put("rdb_last_save_time", facts.shared.start.at_ms / 1000);
    fields.put("rdb_last_bgsave_status", "ok");
    fields.put("rdb_last_bgsave_time_sec", -1);
    fields.put("rdb_current_bgsave_time_sec", -1);
    fields.zeroes(&[
        "rdb_saves",
        "rdb_last_cow_size",
        "rdb_last_load_keys_expired",
        "rdb_last_load_keys_loaded",
        "aof_enabled",
        "aof_rewrite_in_progress",
        "aof_rewrite_scheduled",
    ]);
    fields.put("aof_last_rewrite_time_sec", -1);
    fields.put("aof_current_rewrite_time_sec", -1);
    fields.put("aof_last_bgrewrite_status", "ok");
    fields.zeroes(&["aof_rewrites", "aof_rewrites_consecutive_failures"]);
    fields.put("aof_last_write_status", "ok");
    fields.zeroes(&[
        "aof_last_cow_size",
        "module_fork_in_progress",
        "module_fork_last_cow_size",
        "slot_migration_fork_in_progress",
    ]);
}

fn stats(facts: &Facts<'_>, fields: &mut Fields) {
    let totals = &facts.totals;
    let rates = facts.shared.stats.rates.mean();
    let threaded = |count| if facts.threads_beside_the_first() > 0 { count } else { 0 };
    fields.put("total_connections_received", totals.accepted);
    fields.put("total_commands_processed", totals.processed);
    fields.put("instantaneous_ops_per_sec", rates.commands.round());
    fields.put("total_net_input_bytes", totals.bytes_in);
    fields.put("total_net_output_bytes", totals.bytes_out);
    fields.zeroes(&[
        "total_net_repl_input_bytes",
        "total_net_repl_output_bytes",
        "total_net_cluster_slot_import_bytes",
        "total_net_cluster_slot_export_bytes",
    ]);
    fields.put("instantaneous_input_kbps", format_args!("{:.2}", rates.bytes_in / 1024.0));
    fields.put("instantaneous_output_kbps", format_args!("{:.2}", rates.bytes_out / 1024.0));
    fields.put("instantaneous_input_repl_kbps", "0.00");
    fields.put("instantaneous_output_repl_kbps", "0.00");
    fields.put("rejected_connections", totals.rejected_connections);
    fields.zeroes(&["sync_full", "sync_partial_ok", "sync_partial_err"]);
    fields.put("expired_keys", facts.counters.expired);
    fields.put("expired_fields", facts.counters.expired_parts);
    fields.put("expired_stale_perc", "0.00");
    fields.put("expired_keys_with_volatile_items_stale_perc", "0.00");
    fields.zeroes(&["expired_time_cap_reached_count", "expire_cycle_cpu_milliseconds"]);
    fields.put("evicted_keys", facts.counters.evicted);
    fields.put("evicted_clients", totals.evicted_clients);
    fields.put("evicted_scripts", totals.evicted_scripts);
    fields.zeroes(&["total_eviction_exceeded_time", "current_eviction_exceeded_time"]);
    fields.put("keyspace_hits", facts.counters.hits);
    fields.put("keyspace_misses", facts.counters.misses);
    let registry = &facts.shared.registry;
    fields.put("pubsub_channels", registry.len(Kind::Channel));
    fields.put("pubsub_patterns", registry.len(Kind::Pattern));
    fields.put("pubsubshard_channels", registry.len(Kind::Shard));
    fields.zeroes(&[
        "latest_fork_usec",
        "total_forks",
        "migrate_cached_sockets",
        "slave_expires_tracked_keys",
        "active_defrag_hits",
        "active_defrag_misses",
        "active_defrag_key_hits",
        "active_defrag_key_misses",
        "total_active_defrag_time",
        "current_active_defrag_time",
    ]);
    let tracking = &facts.shared.tracking;
    fields.put("tracking_total_keys", tracking.keys());
    fields.put("tracking_total_items", tracking.items());
    fields.put("tracking_total_prefixes", tracking.prefixes().len());
    fields.put("unexpected_error_replies", 0);
    fields.put("total_error_replies", totals.errors);
    fields.put("dump_payload_sanitizations", 0);
    fields.put("total_reads_processed", totals.reads);
    fields.put("total_writes_processed", totals.writes);
    fields.put("io_threaded_reads_processed", threaded(totals.reads));
    fields.put("io_threaded_writes_processed", threaded(totals.writes));
    fields.zeroes(&[
        "io_threaded_freed_objects",
        "io_threaded_accept_processed",
        "io_threaded_poll_processed",
        "io_threaded_total_prefetch_batches",
        "io_threaded_total_prefetch_entries",
    ]);
    fields.put("client_query_buffer_limit_disconnections", totals.over_query_limit);
    fields.put("client_output_buffer_limit_disconnections", totals.over_output_limit);
    fields.zeroes(&["reply_buffer_shrinks", "reply_buffer_expands"]);
    fields.put("eventloop_cycles", totals.cycles);
    fields.put("eventloop_duration_sum", totals.busy_micros);
    fields.put("eventloop_duration_cmd_sum", totals.commands.iter().map(CommandTotals::micros).sum::<u64>());
    fields.put("instantaneous_eventloop_cycles_per_sec", rates.cycles.round());
    let each = rates.busy_micros / rates.cycles.max(1.0);
    fields.put("instantaneous_eventloop_duration_usec", each.round());
    fields.zeroes(&[
        "acl_access_denied_auth",
        "acl_access_denied_cmd",
        "acl_access_denied_key",
        "acl_access_denied_channel",
        "acl_access_denied_tls_cert",
        "acl_access_denied_db",
    ]);
}

fn replication(facts: &Facts<'_>, fields: &mut Fields) {
    fields.put("role", "master");
    fields.zeroes(&["connected_slaves", "replicas_waiting_psync"]);
    fields.put("master_failover_state", "no-failover");
    fields.put("master_replid", &facts.shared.start.replication_id);
    fields.put("master_replid2", "0".repeat(40));
    fields.put("master_repl_offset", 0);
    fields.put("second_repl_offset", -1);
    fields.put("repl_backlog_active", 0);
    fields.put("repl_backlog_size", 10_485_760);
    fields.zeroes(&["repl_backlog_first_byte_offset", "repl_backlog_histlen"]);
}

fn cpu(_: &Facts<'_>, fields: &mut Fields) {
    for (who, suffix) in [(Who::Process, ""), (Who::Children, "_children"), (Who::Thread, "_main_thread")] {
        let CpuTime { system, user } = process::cpu_time(who);
        fields.put(format_args!("used_cpu_sys{suffix}"), format_args!("{system:.6}"));
        fields.put(format_args!("used_cpu_user{suffix}"), format_args!("{user:.6}"));
    }
    let CpuTime { system, user } = process::cpu_time(Who::Thread);
    fields.put("used_active_time_main_thread", format_args!("{:.6}", system + user));
}

/// The commands that were asked for, in the order of the table.
fn called<'a>(facts: &'a Facts<'_>) -> impl Iterator<Item = (&'static str, &'a CommandTotals)> {
    table::entries().iter().map(table::Entry::full_name).zip(&facts.totals.commands)
}

fn command_stats(facts: &Facts<'_>, fields: &mut Fields) {
    for (name, totals) in called(facts) {
        let CommandTotals { calls, rejected, failed, .. } = *totals;
        if calls == 0 && rejected == 0 && failed == 0 {
            continue;
        }
        let micros = totals.micros();
        let each = micros as f64 / calls.max(1) as f64;
        fields.put(
            format_args!("cmdstat_{name}"),
            format_args!(
                "calls={calls},usec={micros},usec_per_call={each:.2},rejected_calls={rejected},failed_calls={failed}"
            ),
        );
    }
}

fn error_stats(facts: &Facts<'_>, fields: &mut Fields) {
    for (code, count) in &facts.totals.errors_by_code {
        fields.put(format_args!("errorstat_{code}"), format_args!("count={count}"));
    }
}

fn latency_stats(facts: &Facts<'_>, fields: &mut Fields) {
    let percentiles = facts.shared.config.latency_tracking_info_percentiles();
    for (name, totals) in called(facts) {
        let Some(latencies) = totals.latencies.as_ref().filter(|latencies| !latencies.is_empty()) else {
            continue;
        };
        let texts: Vec<String> = percentiles
            .iter()
            .map(|percent| format!("p{percent}={:.3}", latencies.percentile(percent) as f64 / 1000.0))
            .collect();
        fields.put(format_args!("latency_percentiles_usec_{name}"), texts.join(","));
    }
}

/// What is said of scripts.
#[derive(Default)]
struct Scripts {
    count: usize,
    script_bytes: u64,
    machine_bytes: u64,
    libraries: usize,
    functions: usize,
    library_bytes: u64,
}

impl Scripts {
    #[cfg(feature = "script")]
    fn of(facts: &Facts<'_>) -> Self {
        let scripts = &facts.shared.scripts;
        let (count, script_bytes) = scripts.cache.figures();
        let libraries = scripts.functions.now();
        Self {
            count,
            script_bytes: script_bytes as u64,
            machine_bytes: scripts.machine_bytes() as u64,
            libraries: libraries.iter().len(),
            functions: libraries.function_count(),
            library_bytes: libraries.iter().map(|library| library.memory_bytes() as u64).sum(),
        }
    }

    #[cfg(not(feature = "script"))]
    fn of(_: &Facts<'_>) -> Self {
        Self::default()
    }
}

#[cfg(feature = "script")]
fn scripting_engines(facts: &Facts<'_>, fields: &mut Fields) {
    let bytes = Scripts::of(facts).machine_bytes;
    fields.put("engines_count", 1);
    fields.put("engines_total_used_memory", bytes);
    fields.put("engines_total_memory_overhead", 0);
    fields.put(
        "engine_0",
        format_args!("name=LUA,module=built-in,abi_version=4,used_memory={bytes},memory_overhead=0"),
    );
}

#[cfg(not(feature = "script"))]
fn scripting_engines(_: &Facts<'_>, fields: &mut Fields) {
    fields.zeroes(&["engines_count", "engines_total_used_memory", "engines_total_memory_overhead"]);
}

fn keyspace(facts: &Facts<'_>, fields: &mut Fields) {
    let with_perishing = if fields.compat.is_valkey() { "keys_with_volatile_items" } else { "subexpiry" };
    for Database { index, keys, expires, mean_ttl, perishing } in &facts.databases {
        fields.put(
            format_args!("db{index}"),
            format_args!("keys={keys},expires={expires},avg_ttl={mean_ttl},{with_perishing}={perishing}"),
        );
    }
}

fn debug(_: &Facts<'_>, fields: &mut Fields) {
    fields.zeroes(&[
        "eventloop_duration_aof_sum",
        "eventloop_duration_cron_sum",
        "eventloop_duration_max",
        "eventloop_cmd_per_cycle_max",
        "io_threaded_reads_pending",
        "io_threaded_writes_pending",
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_for_people_as_valkey() {
        for (bytes, text) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.00K"),
            (941_840, "919.77K"),
            (14_708_736, "14.03M"),
            (25_276_510_208, "23.54G"),
            (1 << 40, "1.00T"),
            (u64::MAX, "16384.00P"),
        ] {
            assert_eq!(human(bytes), text);
        }
    }

    #[test]
    fn no_section_stands_twice() {
        for (index, section) in SECTIONS.iter().enumerate() {
            assert!(SECTIONS[..index].iter().all(|other| other.name != section.name), "{}", section.name);
        }
    }
}
