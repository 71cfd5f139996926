"""Every test runs against every server and protocol; a table of pattern by back end ends the run."""

import pytest
from servers import PROGRAMS, LeftOut, Server

COLUMNS = [(backend, protocol) for backend in PROGRAMS for protocol in (2, 3)]


@pytest.fixture(scope="session")
def servers():
    running = {}
    yield running
    for server in running.values():
        server.stop()


@pytest.fixture(params=COLUMNS, ids=lambda column: f"{column[0]}-RESP{column[1]}")
def connect(request, servers):
    """Makes a client of the server under test, which is empty."""
    backend, protocol = request.param
    if backend not in servers:
        try:
            servers[backend] = Server(backend)
        except LeftOut as why:
            pytest.skip(str(why))
    with servers[backend].client(protocol) as client:
        client.flushall()
    clients = []

    def make():
        clients.append(servers[backend].client(protocol))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def pytest_terminal_summary(terminalreporter):
    words = {"passed": "ok", "failed": "FAILED", "error": "FAILED", "skipped": "left out"}
    cells, patterns = {}, {}
    for outcome, word in words.items():
        for report in terminalreporter.getreports(outcome):
            name = report.nodeid.split("::")[-1]
            if "test_patterns" in report.nodeid and "[" in name:
                pattern, column = name.removesuffix("]").split("[")
                patterns[pattern] = pattern.removeprefix("test_").replace("_", " ")
                cells[pattern, column] = word
    columns = [f"{backend}-RESP{protocol}" for backend, protocol in COLUMNS]
    write = terminalreporter.write_line
    write("")
    write(f"{'redis-py':<18}" + "".join(f"{column.replace('-', ' '):<16}" for column in columns))
    for pattern, title in patterns.items():
        write(f"{title:<18}" + "".join(f"{cells.get((pattern, column), 'not run'):<16}" for column in columns))
