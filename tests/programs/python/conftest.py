"""Every scenario runs against every server, and leaves a record of how it went.

A scenario is a test whose first line of documentation says what it exercises; its module names the program (`PROGRAM`)
and says which version it has (`VERSION`). The records, one JSON object a line under target/programs/records, are what
tests/programs/compatibility makes its page of.
"""

import asyncio
import inspect
import json
import os

import pytest
from servers import TARGET, LeftOut, Server

LONG = os.environ.get("LONG") == "1"
SERVERS = ["Scrubjay", "Valkey"] + (["Redis"] if LONG else [])
RECORDS = TARGET / "programs" / "records"


@pytest.fixture(scope="session")
def running():
    running = {}
    yield running
    for server in running.values():
        server.stop()


@pytest.fixture(params=SERVERS)
def server(request, running):
    """A server that is empty, has forgotten its scripts, and has no clients but ours."""
    backend = request.param
    request.node.user_properties.append(("server", backend))
    try:
        if backend not in running:
            running[backend] = Server(backend)
    except LeftOut as why:
        pytest.skip(str(why))
    with running[backend].client(3) as client:
        client.flushall()
        client.script_flush()
        client.config_set("notify-keyspace-events", "")
    return running[backend]


@pytest.fixture
def differs(request, server):
    """Notes what a scenario has found to be otherwise on Scrubjay, where that is meant."""

    def note(what):
        if server.backend == "Scrubjay":
            request.node.user_properties.append(("differs", what))
        return server.backend == "Scrubjay"

    return note


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Scenarios may be coroutines, each with a loop of its own."""
    if inspect.iscoroutinefunction(pyfuncitem.obj):
        names = inspect.signature(pyfuncitem.obj).parameters
        arguments = {name: pyfuncitem.funcargs[name] for name in names}
        asyncio.run(asyncio.wait_for(pyfuncitem.obj(**arguments), 120))
        return True
    return None


def pytest_collection_modifyitems(config, items):
    for item in items:
        item.user_properties.append(("program", item.module.PROGRAM))
        item.user_properties.append(("version", item.module.VERSION))
        item.user_properties.append(("exercised", item.obj.__doc__.partition("\n")[0].rstrip(".")))
        item.user_properties.append(("pinned", getattr(item.module, "PINNED", True)))
    if not LONG:
        later = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=later)
        items[:] = [item for item in items if item not in later]


RESULTS = {}


def pytest_runtest_logreport(report):
    record = dict(report.user_properties)
    backend = record.get("server")
    if backend is None:
        return
    # What runs with several parameters is one scenario: all of it has to go well.
    key = (record["program"], record["exercised"], backend)
    kept = RESULTS.get(key, {})
    result = "failed" if report.failed else kept.get("result", "ok")
    if report.skipped:
        result = "left out"
    note = record.get("differs") or kept.get("note", "")
    if note and result == "ok":
        result = "differs"
    RESULTS[key] = {**record, "server": backend, "result": result, "note": note}


def pytest_sessionfinish():
    RECORDS.mkdir(parents=True, exist_ok=True)
    programs = {}
    for record in RESULTS.values():
        if record["result"] != "left out":
            programs.setdefault(record["program"], []).append(record)
    for program, records in programs.items():
        lines = [json.dumps({name: record[name] for name in FIELDS}) for record in records]
        (RECORDS / f"{program}.jsonl").write_text("\n".join(lines) + "\n")


FIELDS = ["program", "version", "pinned", "exercised", "server", "result", "note"]
