"""The command-line tools of Valkey and of Redis: cli and benchmark."""

import os
import re
import shutil
import subprocess

import pytest
from servers import TARGET, LeftOut, program

PROGRAM, VERSION, PINNED = "tools", "", False
TESTS = "ping_inline,ping_mbulk,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange,mset"


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
        """How many requests it says each test has completed."""
        done = subprocess.run(
            [command, "-p", str(server.port), *arguments], capture_output=True, text=True, timeout=300
        )
        text = done.stdout + done.stderr
        assert done.returncode == 0 and not re.search("(?i)error|warning", text), text
        return done.stdout

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


# Valkey's asks for reads from replicas first, and gives up where that command is unknown.
@pytest.mark.parametrize("maker", ["valkey", "redis"], indirect=True)
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
    """Its usual tests, briefly, as CSV"""
    said = benchmark("-t", TESTS, "-n", "200", "-c", "5", "-r", "50", "--csv")
    names = re.findall(r'^"([^"]+)","\d', said, re.MULTILINE)
    assert len(names) >= 19, said
    with server.client(3) as client:
        assert client.dbsize() > 0
