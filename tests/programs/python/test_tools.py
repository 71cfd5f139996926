"""The command-line tools of Valkey and of Redis: cli and benchmark."""

import os
import re
import shutil
import subprocess

import pytest
from servers import TARGET, LeftOut, program

PROGRAM, VERSION, PINNED = "tools", "", False
LISTS = [f"LRANGE_{count} (first {count} elements)" for count in (100, 300, 500, 600)]
FILLED = "LPUSH (needed to benchmark LRANGE)"
# Every name that `-t` takes, with what it is called in the results.
TESTS = {
    "ping": ["PING_INLINE", "PING_MBULK"],
    **{name: [name.upper()] for name in "ping_inline ping_mbulk set get incr lpush rpush lpop rpop".split()},
    **{name: [name.upper()] for name in "sadd hset spop zadd zpopmin xadd".split()},
    "lrange": [FILLED, *LISTS],
    **{f"lrange_{count}": [FILLED, title] for count, title in zip((100, 300, 500, 600), LISTS, strict=True)},
    "mset": ["MSET (10 keys)"],
}
OF_VALKEY = {"mget": ["MGET (10 keys)"], "function_load": ["FUNCTION LOAD"], "fcall": ["FCALL"]}
WAYS = {
    "pipelined": ["-P", "16", "-n", "1000"],
    "threads": ["--threads", "2", "-P", "4", "-n", "400"],
    "RESP3": ["-3", "-n", "400"],
    "larger": ["-d", "2000", "-r", "100", "-n", "400"],
    "tracking": ["-3", "--enable-tracking", "-n", "400"],
    "reconnecting": ["-k", "0", "-n", "100"],
    "database": ["--dbnum", "3", "-n", "200"],
    "together": ["-P", "16", "--threads", "2", "-3", "-d", "100", "-r", "1000", "-n", "2000", "-c", "20"],
}


@pytest.fixture(params=["valkey", "redis"])
def maker(request):
    return request.param


def tool(maker, kind):
    """The tool that lies beside the server of its maker."""
    name = f"{maker}-{kind}"
    try:
        beside = os.path.join(os.path.dirname(os.path.realpath(program(maker.capitalize()))), name)
    except LeftOut:
        beside = ""
    unpacked = TARGET / "references" / "bin" / name
    found = next((place for place in (beside, unpacked) if os.path.exists(place)), shutil.which(name))
    if not found:
        pytest.skip(f"no {name} (tests/setup/references unpacks one)")
    return str(found)


@pytest.fixture
def named_cli(maker, request):
    """The tool, whose name the record has even where the server then lacks something."""
    command = tool(maker, "cli")
    request.node.user_properties += [("program", f"{maker}-cli"), ("version", version_of(command))]
    return command


@pytest.fixture
def cli(named_cli, server):
    command = named_cli

    def run(*arguments, given=None):
        done = subprocess.run([*run.command, *arguments], input=given, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run.command = [command, "-p", str(server.port)]
    return run


@pytest.fixture
def benchmark(server, maker, request):
    command = tool(maker, "benchmark")
    request.node.user_properties += [("program", f"{maker}-benchmark"), ("version", version_of(command))]

    def run(*arguments):
        """The titles of the tests that it says it has done, in order."""
        done = subprocess.run(
            [command, "-p", str(server.port), *arguments], capture_output=True, text=True, timeout=300
        )
        text = done.stdout + done.stderr
        assert done.returncode == 0 and not re.search("(?i)error|warning(?!: Keepalive disabled)", text), text
        quiet = r"(?:^|\r)([^\r\n:]+): (?:\d+\.\d+|inf) requests per second"
        return re.findall(quiet if "-q" in arguments else r'^"([^"]+)","(?:\d|inf)', done.stdout, re.MULTILINE)

    run.tests = TESTS | (OF_VALKEY if maker == "valkey" else {})
    if server.backend == "Redis":
        # Its functions ask for `server`, a name that Redis's Lua has not.
        run.tests = {name: named for name, named in run.tests.items() if name not in ("function_load", "fcall")}
    run.every = ["-t", ",".join(run.tests)]
    run.titles = {title for named in run.tests.values() for title in named}
    return run


def version_of(command):
    said = subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"\d+\.\d+\.\d+", said)[0]


def test_replies(cli):
    """Commands in one line, from standard input, with -x, -n, -r, --csv, --json, -3, -e, --pipe"""
    assert cli("set", "k", "a b\n") == "OK\n"
    assert cli("--no-raw", "get", "k") == '"a b\\n"\n'
    assert cli("-x", "set", "k", given="from input") == "OK\n"
    assert cli(given="get k\nincr n\n incr n\n") == "from input\n1\n2\n"
    assert cli("-n", "1", "get", "k") == "\n"
    assert cli("-r", "3", "incr", "n") == "3\n4\n5\n"
    cli("zadd", "z", "1.5", "a", "2", "b")
    assert cli("--csv", "zrange", "z", "0", "-1", "withscores") == '"a","1.5","b","2"\n'
    assert cli("--json", "hset", "h", "f", "v") == "1\n"
    assert cli("--json", "hgetall", "h") == '{"f":"v"}\n'
    assert cli("-3", "--no-raw", "hgetall", "h") == '1# "f" => "v"\n'
    with pytest.raises(AssertionError, match="ERR unknown command 'nope'"):
        cli("-e", "nope")
    many = "".join(f"SET p:{number} {number}\r\n" for number in range(5000))
    assert re.search("errors: 0, replies: 5000", cli("--pipe", given=many))
    assert cli("dbsize") == "5004\n"


def test_eval(cli, tmp_path):
    """--eval runs a file of Lua with keys and arguments; subscriptions are shown"""
    script = tmp_path / "script.lua"
    script.write_text("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}")
    assert cli("--eval", str(script), "n", ",", "x") == "n\nx\n1\n"
    with subprocess.Popen([*cli.command, "subscribe", "news"], stdout=subprocess.PIPE, text=True) as shown:
        assert [shown.stdout.readline() for _ in range(3)] == ["subscribe\n", "news\n", "1\n"]
        assert cli("publish", "news", "one") == "1\n"
        assert [shown.stdout.readline() for _ in range(3)] == ["message\n", "news\n", "one\n"]
        shown.kill()


def test_scanning(cli):
    """--scan with patterns, --bigkeys, --memkeys, --hotkeys"""
    cli(given="".join(f"set k:{number} {number}\n" for number in range(500)) + "rpush list a b c\nset big " + "x" * 5000)
    cli("sadd", "set", "a", "b")
    assert len(set(cli("--scan", "--pattern", "k:*").split())) == 500
    assert set(cli("--scan", "--count", "50").split()) == {f"k:{number}" for number in range(500)} | {"list", "set", "big"}
    big = cli("--bigkeys")
    assert re.search(r'Biggest\s+list .*list.* 3 items', big)
    assert re.search(r'Biggest\s+string .*big.* 5000 bytes', big)
    assert re.search(r"1 sets with 2 members", big) and "Sampled 503 keys" in big
    memory = cli("--memkeys")
    assert re.search(r'Biggest\s+string .*big.* \d{4} bytes', memory) and "Sampled 503 keys" in memory
    cli("config", "set", "maxmemory-policy", "allkeys-lfu")
    hot = cli("--hotkeys")
    cli("config", "set", "maxmemory-policy", "noeviction")
    assert "Sampled 503 keys" in hot


def test_watching(cli):
    """--stat and --latency"""
    cli("set", "k", "v")
    # It goes on until it is ended, and says what it is by its second line.
    with subprocess.Popen([*cli.command, "--stat", "-i", "0.01"], stdout=subprocess.PIPE, text=True) as shown:
        lines = [shown.stdout.readline() for _ in range(4)]
        shown.kill()
    assert lines[0].startswith("------- data") and lines[1].split()[:2] == ["keys", "mem"]
    assert [line.split()[0] for line in lines[2:]] == ["1", "1"] and all("(+" in line for line in lines[3:])
    samples = cli("--latency", "--raw", "-i", "0.2").split()
    assert len(samples) == 4 and int(samples[3]) > 0 and float(samples[0]) <= float(samples[2]) <= float(samples[1])
    assert len(cli("--latency", "--csv", "-i", "0.2").split(",")) == 4


def test_benchmark(benchmark, server):
    """Every test there is, briefly, as CSV and quietly; what they leave behind"""
    done = benchmark(*benchmark.every, "-n", "200", "-c", "5", "-r", "50", "--csv")
    assert len(done) == len(benchmark.titles) and set(done) == benchmark.titles
    assert set(benchmark(*benchmark.every, "-n", "100", "-c", "5", "-q")) == benchmark.titles
    with server.client(3) as client:
        left = {key: client.type(key) for key in (b"mylist", b"myhash", b"mystream", b"key:000000000000")}
        assert left == {b"mylist": b"list", b"myhash": b"hash", b"mystream": b"stream", b"key:000000000000": b"string"}


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
def test_benchmark_ways(benchmark, way):
    """Every test with -P, --threads, -3, -d, -r, --enable-tracking, -k 0, --dbnum, and these together"""
    assert set(benchmark(*benchmark.every, "-c", "8", "--csv", *WAYS[way])) == benchmark.titles


@pytest.mark.long
def test_benchmark_names(benchmark):
    """Every name that -t takes, alone; commands of one's own"""
    assert benchmark("-n", "50", "-c", "5", "-t", "no_such_test", "--csv") == []
    for name, named in benchmark.tests.items():
        assert benchmark("-t", name, "-n", "100", "-c", "5", "-r", "50", "--csv") == named
    own = ["SET", "k:__rand_int__", "v"]
    assert benchmark("-n", "100", "-r", "10", "--csv", *own) == [" ".join(own)]
