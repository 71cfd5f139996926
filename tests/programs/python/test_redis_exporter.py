"""What redis_exporter asks for and takes apart, as it does so: over RESP2, and from the text of INFO ALL.

The lists are those of its source at the revision that `VERSION` names (exporter.go and info.go for INFO, the files
beside them for its other commands), as far as Valkey 9.1 has the fields. It is a program in Go, and itself not run.
"""

import re
import threading

import pytest
import redis
from servers import poll

PROGRAM = "redis_exporter"
VERSION = "072bd8b"

INTEGER, RATIO, SECONDS = r"-?\d+", r"-?\d+\.\d\d", r"\d+\.\d{6}"
# Section, how the value is written, and the fields of INFO that are metrics.
FIELDS = {
    ("Server", INTEGER): "uptime_in_seconds process_id io_threads_active configured_hz hz tcp_port",
    ("Server", r"\d+\.\d+\.\d+"): "redis_version valkey_version",
    ("Server", r"[0-9a-f]+"): "redis_build_id run_id",
    ("Server", r".*"): "server_mode os valkey_release_stage availability_zone",
    ("Clients", INTEGER): """connected_clients blocked_clients maxclients tracking_clients clients_in_timeout_table
        pubsub_clients watching_clients total_watched_keys total_blocking_keys total_blocking_keys_on_nokey
        client_recent_max_output_buffer client_recent_max_input_buffer""",
    ("Memory", INTEGER): """allocator_active allocator_allocated allocator_resident allocator_frag_bytes allocator_muzzy
        allocator_rss_bytes used_memory used_memory_rss used_memory_peak used_memory_lua used_memory_vm_eval
        used_memory_scripts_eval used_memory_overhead used_memory_startup used_memory_dataset number_of_cached_scripts
        number_of_functions number_of_libraries used_memory_vm_functions used_memory_scripts used_memory_functions
        used_memory_vm_total maxmemory mem_fragmentation_bytes mem_clients_slaves mem_clients_normal mem_cluster_links
        mem_aof_buffer mem_replication_backlog mem_replicas_repl_buffer mem_not_counted_for_evict
        mem_total_replication_buffers mem_overhead_db_hashtable_rehashing lazyfree_pending_objects lazyfreed_objects
        active_defrag_running total_system_memory""",
    ("Memory", RATIO): "allocator_frag_ratio allocator_rss_ratio mem_fragmentation_ratio",
    ("Memory", r"[a-z-]+"): "maxmemory_policy",
    ("Persistence", INTEGER): """loading async_loading rdb_changes_since_last_save rdb_bgsave_in_progress
        rdb_last_save_time rdb_last_bgsave_time_sec rdb_current_bgsave_time_sec rdb_saves rdb_last_cow_size
        rdb_last_load_keys_expired rdb_last_load_keys_loaded aof_enabled aof_rewrite_in_progress aof_rewrite_scheduled
        aof_last_rewrite_time_sec aof_current_rewrite_time_sec aof_last_cow_size module_fork_in_progress
        module_fork_last_cow_size""",
    ("Persistence", "ok|err"): "rdb_last_bgsave_status aof_last_bgrewrite_status aof_last_write_status",
    ("Stats", INTEGER): """migrate_cached_sockets active_defrag_hits active_defrag_misses active_defrag_key_hits
        active_defrag_key_misses current_eviction_exceeded_time pubsub_channels pubsub_patterns pubsubshard_channels
        latest_fork_usec tracking_total_keys tracking_total_items tracking_total_prefixes
        instantaneous_eventloop_cycles_per_sec instantaneous_eventloop_duration_usec slave_expires_tracked_keys
        sync_full sync_partial_ok sync_partial_err total_connections_received total_commands_processed
        rejected_connections total_net_input_bytes total_net_output_bytes total_net_repl_input_bytes
        total_net_repl_output_bytes expired_fields expired_keys expired_time_cap_reached_count
        expire_cycle_cpu_milliseconds evicted_keys evicted_clients evicted_scripts total_eviction_exceeded_time
        keyspace_hits keyspace_misses eventloop_cycles eventloop_duration_sum eventloop_duration_cmd_sum
        unexpected_error_replies total_error_replies dump_payload_sanitizations total_reads_processed
        total_writes_processed io_threaded_reads_processed io_threaded_writes_processed
        client_query_buffer_limit_disconnections client_output_buffer_limit_disconnections reply_buffer_shrinks
        reply_buffer_expands acl_access_denied_auth acl_access_denied_cmd acl_access_denied_key
        acl_access_denied_channel acl_access_denied_tls_cert acl_access_denied_db""",
    ("Stats", RATIO): "expired_stale_perc expired_keys_with_volatile_items_stale_perc",
    ("Replication", INTEGER): """connected_slaves repl_backlog_size repl_backlog_active repl_backlog_first_byte_offset
        repl_backlog_histlen master_repl_offset second_repl_offset replicas_waiting_psync""",
    ("Replication", "master"): "role",
    ("Replication", "[0-9a-f]{40}"): "master_replid",
    ("TLS", INTEGER): """tls_server_cert_expires_in_seconds tls_client_cert_expires_in_seconds
        tls_ca_cert_expires_in_seconds""",
    ("Scripting Engines", INTEGER): "engines_count engines_total_used_memory engines_total_memory_overhead",
    ("CPU", SECONDS): """used_cpu_sys used_cpu_user used_cpu_sys_children used_cpu_user_children
        used_cpu_sys_main_thread used_cpu_user_main_thread used_active_time_main_thread""",
    ("Cluster", "0"): "cluster_enabled",
}
# Redis 8.0 has it under another name, or nothing of the kind.
NOT_OF_REDIS = """server_mode valkey_version valkey_release_stage availability_zone mem_replicas_repl_buffer expired_fields
    acl_access_denied_tls_cert acl_access_denied_db expired_keys_with_volatile_items_stale_perc replicas_waiting_psync
    tls_server_cert_expires_in_seconds tls_client_cert_expires_in_seconds tls_ca_cert_expires_in_seconds engines_count
    engines_total_used_memory engines_total_memory_overhead used_active_time_main_thread""".split()
# From SCAN to the size of each group of keys, a batch at a time.
GROUPS = """
    local batch, groups = redis.call('SCAN', ARGV[1], 'COUNT', ARGV[2]), {}
    for _, key in ipairs(batch[2]) do
        local group = table.concat({select(3, string.find(key, ARGV[3]))})
        local seen = groups[group] or {group, 0, 0}
        groups[group] = {group, seen[2] + 1, seen[3] + redis.call('MEMORY', 'USAGE', key)}
    end
    local result = {}
    for _, group in pairs(groups) do result[#result + 1] = group end
    return {batch[1], result}
"""


class Exporter:
    """Its connection, whose replies nobody has made anything of."""

    def __init__(self, port):
        self.connection = redis.Connection(port=port, protocol=2, decode_responses=True)

    def ask(self, *command):
        self.connection.send_command(*command)
        return self.connection.read_response()

    def info(self):
        """The lines of INFO ALL: what stands behind each field, by section."""
        found, section = {}, None
        for line in self.ask("INFO", "ALL").split("\r\n"):
            if line.startswith("# "):
                section = line.removeprefix("# ")
            elif ":" in line:
                field, value = line.split(":", 1)
                found[section, field] = value
        return found

    def numbers(self, section="Stats"):
        return {field: int(value) for (where, field), value in self.info().items() if where == section and value.isdigit()}


@pytest.fixture
def exporter(server):
    exporter = Exporter(server.port)
    yield exporter
    exporter.connection.disconnect()


def parts(value):
    return dict(part.split("=") for part in value.split(","))


def test_fields(exporter, server):
    """INFO ALL: every field that it makes a metric of, in its section and written as Valkey writes it"""
    info = exporter.info()
    wrong = []
    for (section, written), fields in FIELDS.items():
        for field in fields.split():
            if server.backend == "Redis" and field in NOT_OF_REDIS:
                continue
            value = info.get((section, field))
            if value is None or not re.fullmatch(written, value):
                wrong.append((section, field, value))
    assert wrong == []


def test_parts(exporter, server):
    """INFO ALL: the calls, latencies and errors of each command, databases and script engines, as it takes them apart"""
    exporter.ask("CONFIG", "RESETSTAT")
    for number in range(3):
        exporter.ask("SET", f"k:{number}", "v")
    exporter.ask("PEXPIRE", "k:0", "600000")
    exporter.ask("HSET", "h", "f", "v")
    exporter.ask("HPEXPIRE", "h", "600000", "FIELDS", "1", "f")
    exporter.ask("CONFIG", "GET", "maxmemory")
    exporter.ask("EVAL", "return 1", "0")
    exporter.ask("SELECT", "5")
    exporter.ask("SET", "other", "v")
    exporter.ask("SELECT", "0")
    for wrong in (["LPUSH", "k:1", "x"], ["GET"], ["NOSUCH"]):
        with pytest.raises(redis.ResponseError):
            exporter.ask(*wrong)

    info = exporter.info()
    calls = {}
    for (section, field), value in info.items():
        if section == "Commandstats":
            assert re.fullmatch(
                r"calls=\d+,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=\d+,failed_calls=\d+", value
            ), (field, value)
            found = parts(value)
            name = field.removeprefix("cmdstat_")
            calls[name] = tuple(int(found[part]) for part in ("calls", "rejected_calls", "failed_calls"))
        if section == "Latencystats":
            assert re.fullmatch(r"p50=\d+\.\d{3},p99=\d+\.\d{3},p99\.9=\d+\.\d{3}", value), (field, value)
    assert (calls["set"], calls["lpush"], calls["get"]) == ((4, 0, 0), (1, 0, 1), (0, 1, 0))
    assert calls["config|get"] == (1, 0, 0)
    timed = {field.removeprefix("latency_percentiles_usec_") for section, field in info if section == "Latencystats"}
    assert timed == {name for name, (made, _, _) in calls.items() if made}
    assert info["Errorstats", "errorstat_ERR"] == "count=2" and info["Errorstats", "errorstat_WRONGTYPE"] == "count=1"

    databases = {field: parts(value) for (section, field), value in info.items() if section == "Keyspace"}
    assert set(databases) == {"db0", "db5"}
    assert (databases["db0"]["keys"], databases["db5"]["keys"]) == ("4", "1")
    assert (databases["db0"]["expires"], databases["db5"]["expires"]) == ("1", "0")
    assert databases["db0"]["subexpiry" if server.backend == "Redis" else "keys_with_volatile_items"] == "1"
    assert databases["db0"]["avg_ttl"].isdigit()
    if server.backend != "Redis":
        engine = parts(info["Scripting Engines", "engine_0"])
        assert engine["name"] == "LUA" and engine["abi_version"].isdigit() and engine["module"]
        assert int(engine["used_memory"]) > 0 and engine["memory_overhead"].isdigit()


def test_counters(exporter, server):
    """INFO ALL: what its counters and gauges count when something happens"""
    exporter.ask("CONFIG", "RESETSTAT")
    with server.client(3) as other, server.client(3) as near, server.client(2) as listener, other.pipeline() as watcher:
        exporter.ask("SET", "k", "v")
        exporter.ask("GET", "k")
        exporter.ask("GET", "none")
        exporter.ask("SET", "brief", "v", "PX", "1")
        poll(lambda: exporter.numbers()["expired_keys"] == 1, "the expiry")
        exporter.ask("EVAL", "return 2", "0")
        exporter.ask("FUNCTION", "LOAD", "#!lua name=mine\nredis.register_function('one', function() return 1 end)")
        tracks = near.connection_pool.get_connection()
        for command in (["CLIENT", "TRACKING", "ON"], ["GET", "k"]):
            tracks.send_command(*command)
            tracks.read_response()
        with listener.pubsub() as messages:
            messages.subscribe("news")
            messages.psubscribe("w*")
            messages.ssubscribe("shard")
            watcher.watch("k", "none")
            waits = threading.Thread(target=lambda: other.blpop("queue", 0))
            waits.start()
            poll(lambda: exporter.numbers("Clients")["blocked_clients"] == 1, "somebody who waits")
            poll(lambda: exporter.numbers()["pubsubshard_channels"] == 1, "the subscriptions")
            clients, stats, memory = (exporter.numbers(section) for section in ("Clients", "Stats", "Memory"))
            exporter.ask("RPUSH", "queue", "job")
            waits.join()
        near.connection_pool.release(tracks)
    exporter.ask("FUNCTION", "DELETE", "mine")
    expected = {
        "keyspace_hits": 2, "keyspace_misses": 1, "expired_keys": 1, "pubsub_channels": 1, "pubsub_patterns": 1,
        "tracking_total_keys": 1, "tracking_total_items": 1, "evicted_keys": 0,
    }  # fmt: skip
    assert {field: stats[field] for field in expected} == expected
    expected = {
        "tracking_clients": 1, "pubsub_clients": 1, "watching_clients": 1, "total_watched_keys": 2,
        "total_blocking_keys": 1, "clients_in_timeout_table": 0,
    }  # fmt: skip
    assert {field: clients[field] for field in expected} == expected
    assert (memory["number_of_cached_scripts"], memory["number_of_functions"], memory["number_of_libraries"]) == (1, 1, 1)
    moving = """total_net_input_bytes total_net_output_bytes total_reads_processed total_writes_processed
        total_commands_processed total_connections_received eventloop_cycles eventloop_duration_sum
        eventloop_duration_cmd_sum instantaneous_eventloop_cycles_per_sec instantaneous_eventloop_duration_usec"""
    poll(lambda: all(exporter.numbers()[field] > 0 for field in moving.split()), "everything to be counted")


def test_configuration(exporter, server):
    """CONFIG GET *, SLOWLOG, COMMANDLOG, LATENCY LATEST and HISTOGRAM, CLIENT LIST, INFO MODULES"""
    assert exporter.ask("CLIENT", "SETNAME", "redis_exporter") == "OK"
    pairs = exporter.ask("CONFIG", "GET", "*")
    config = dict(zip(pairs[::2], pairs[1::2], strict=True))
    assert (config["databases"], config["maxmemory"], config["maxclients"]) == ("16", "0", "10000")
    assert int(config["io-threads"]) > 0 and int(config["repl-backlog-size"]) > 0
    assert config["dir"].startswith("/") and config["dbfilename"] == "dump.rdb"
    limits = config["client-output-buffer-limit"].split()
    assert len(limits) == 12 and limits[::4] == ["normal", "slave", "pubsub"]
    assert all(limit.isdigit() for place, limit in enumerate(limits) if place % 4)

    exporter.ask("CONFIG", "SET", "slowlog-log-slower-than", "0")
    exporter.ask("SLOWLOG", "RESET")
    exporter.ask("GET", "k")
    exporter.ask("CONFIG", "SET", "slowlog-log-slower-than", "10000")
    assert exporter.ask("SLOWLOG", "LEN") == 2
    ((last, when, took, command, *_),) = exporter.ask("SLOWLOG", "GET", "1")
    assert min(last, when, took) >= 0 and command == ["GET", "k"]
    if server.backend == "Redis":
        with pytest.raises(redis.ResponseError, match="unknown command"):
            exporter.ask("COMMANDLOG", "LEN", "slow")
    else:
        assert [exporter.ask("COMMANDLOG", "LEN", kind) for kind in ("slow", "large-request", "large-reply")] == [2, 0, 0]
        pairs = exporter.ask("CONFIG", "GET", "commandlog-*")
        assert len(pairs) == 12 and all(value.lstrip("-").isdigit() for value in pairs[1::2])

    exporter.ask("CONFIG", "SET", "latency-monitor-threshold", "1")
    slow = "for i = 1, ARGV[1] do local x = i * i end"
    rounds = iter(10**power for power in range(5, 9))
    poll(lambda: exporter.ask("EVAL", slow, "0", next(rounds)) or exporter.ask("LATENCY", "LATEST"), "a slow command")
    exporter.ask("CONFIG", "SET", "latency-monitor-threshold", "0")
    event, when, last, most = exporter.ask("LATENCY", "LATEST")[0][:4]
    assert event == "command" and when > 1_700_000_000 and 1 <= last <= most
    exporter.ask("LATENCY", "RESET")
    histogram = exporter.ask("LATENCY", "HISTOGRAM")
    timed = dict(zip(histogram[::2], histogram[1::2], strict=True))
    assert {"get", "config|set", "eval"} <= set(timed)
    for name, (first, calls, second, buckets) in timed.items():
        assert (first, second) == ("calls", "histogram_usec"), name
        assert calls == buckets[-1] and buckets[::2] == sorted(buckets[::2]) and buckets[1::2] == sorted(buckets[1::2])

    mine = [line for line in exporter.ask("CLIENT", "LIST").split("\n") if " name=redis_exporter " in line]
    assert len(mine) == 1 and re.match(r"id=\d+ addr=127\.0\.0\.1:\d+ ", mine[0])
    client = dict(field.split("=") for field in mine[0].split(" "))
    assert all(client[field].isdigit() for field in ("age", "idle", "db", "omem", "resp"))
    assert (client["flags"], client["cmd"], client["user"], client["resp"]) == ("N", "client|list", "default", "2")
    assert exporter.ask("INFO", "MODULES").startswith("# Modules\r\n")


def test_keys(exporter):
    """Keys by pattern with their sizes and memory, groups of keys by script, streams with groups and consumers"""
    for name, command in {
        "string": ["SET", "12.5"], "list": ["RPUSH", "a", "b"], "set": ["SADD", "a"], "zset": ["ZADD", "1", "a"],
        "hash": ["HSET", "f", "v"], "stream": ["XADD", "1-1", "f", "v"],
    }.items():  # fmt: skip
        exporter.ask(command[0], f"check:{name}", *command[1:])
    exporter.ask("PFADD", "check:hyperloglog", "a", "b", "c")
    cursor, found = "0", []
    while True:
        cursor, page = exporter.ask("SCAN", cursor, "MATCH", "check:*", "COUNT", "1000")
        found += page
        if cursor == "0":
            break
    assert len(found) == 7
    sizes = {"list": "LLEN", "set": "SCARD", "zset": "ZCARD", "hash": "HLEN", "stream": "XLEN"}
    for key in found:
        kind = exporter.ask("TYPE", key)
        if kind == "string" and key.endswith("hyperloglog"):
            assert exporter.ask("PFCOUNT", key) == 3
        elif kind == "string":
            # This is how it tells the one from the other.
            with pytest.raises(redis.ResponseError, match="WRONGTYPE|not a valid HyperLogLog"):
                exporter.ask("PFCOUNT", key)
            assert exporter.ask("STRLEN", key) == 4 and float(exporter.ask("GET", key)) == 12.5
        else:
            assert exporter.ask(sizes[kind], key) == (2 if kind == "list" else 1)
        assert exporter.ask("MEMORY", "USAGE", key) > 0
    sha = exporter.ask("SCRIPT", "LOAD", GROUPS)
    cursor, groups = exporter.ask("EVALSHA", sha, "0", "0", "1000", "^(.*):")
    ((group, count, memory),) = groups
    assert (cursor, group, count) == ("0", "check", 7)
    assert memory == sum(exporter.ask("MEMORY", "USAGE", key) for key in found)

    exporter.ask("XGROUP", "CREATE", "check:stream", "workers", "0")
    exporter.ask("XREADGROUP", "GROUP", "workers", "me", "STREAMS", "check:stream", ">")
    stream = pairs(exporter.ask("XINFO", "STREAM", "check:stream"))
    assert (stream["length"], stream["groups"], stream["entries-added"]) == (1, 1, 1)
    assert min(stream["radix-tree-keys"], stream["radix-tree-nodes"]) > 0
    assert (stream["last-generated-id"], stream["max-deleted-entry-id"]) == ("1-1", "0-0")
    assert stream["first-entry"][0] == stream["last-entry"][0] == "1-1"
    (group,) = map(pairs, exporter.ask("XINFO", "GROUPS", "check:stream"))
    assert group == {
        "name": "workers", "consumers": 1, "pending": 1, "last-delivered-id": "1-1", "entries-read": 1, "lag": 0,
    }  # fmt: skip
    (consumer,) = map(pairs, exporter.ask("XINFO", "CONSUMERS", "check:stream", "workers"))
    assert (consumer["name"], consumer["pending"]) == ("me", 1) and consumer["idle"] >= 0


def pairs(flat):
    return dict(zip(flat[::2], flat[1::2], strict=True))
