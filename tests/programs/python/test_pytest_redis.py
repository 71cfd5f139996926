"""pytest-redis, which starts the server's program itself, for a test suite of its own."""

import os
import subprocess
import sys
from importlib.metadata import version

from servers import program

PROGRAM = "pytest-redis"
VERSION = version("pytest-redis")
SUITE = '''
from pytest_redis import factories

second_proc = factories.redis_proc(port=None)
second = factories.redisdb("second_proc", dbnum=2)

def test_first(redisdb, redis_proc):
    assert redis_proc.running()
    redisdb.set("k", "v")
    assert redisdb.get("k") == b"v"

def test_is_clean(redisdb):
    assert redisdb.get("k") is None

def test_second(second, redisdb):
    second.set("k", "second")
    assert redisdb.get("k") is None
    assert second.connection_pool.connection_kwargs["db"] == 2
'''


def test_suite(server, tmp_path):
    """Its fixtures start our program, clean it between tests, stop it"""
    (tmp_path / "test_suite.py").write_text(SUITE)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_redis.plugin"]
    command += [f"--redis-exec={program(server.backend)}", "--redis-timeout=60", str(tmp_path)]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
