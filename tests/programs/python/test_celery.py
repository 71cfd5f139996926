"""Celery with the server as its broker and its result store; the worker is `celery worker`."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import celery
import jobs
import pytest
from celery.result import AsyncResult

PROGRAM = "Celery"
VERSION = version("celery")
PATIENCE = 60


@pytest.fixture
def app(server):
    """An application with its worker, which has two processes."""
    url = server.url + "/1"
    app = celery.Celery("tests", broker=url, backend=url, set_as_current=False)
    app.conf.update({name: jobs.app.conf[name] for name in ("result_expires", "broker_transport_options")})
    command = [sys.executable, "-m", "celery", "-A", "jobs", "worker", "--concurrency", "2", "--loglevel", "error"]
    worker = subprocess.Popen(
        command,
        cwd=Path(__file__).parent,
        env={**os.environ, "CELERY_URL": url, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
    )
    try:
        # It is there once it has done something.
        assert app.send_task("add", (2, 2)).get(timeout=PATIENCE) == 4
        yield app
    finally:
        worker.terminate()
        worker.wait()
        app.close()


def test_tasks(app, server):
    """Tasks, results, failures, retries, a countdown, groups, chains and chords, result expiry"""

    def task(name, *arguments):
        return app.signature(name, arguments)

    assert [result.get(timeout=PATIENCE) for result in [task("add", n, n).delay() for n in range(20)]] == [
        2 * n for n in range(20)
    ]
    failed = task("add", 1, "x").delay()
    with pytest.raises(TypeError):
        failed.get(timeout=PATIENCE)
    assert failed.state == "FAILURE" and "TypeError" in failed.traceback
    assert task("fail_until", server.url + "/1", 3).delay().get(timeout=PATIENCE) == 3
    late = task("add", 40, 2).apply_async(countdown=0.2)
    assert late.get(timeout=PATIENCE) == 42

    chain = celery.chain(task("add", 1, 2), task("add", 10), task("add", 100), app=app)
    assert chain.apply_async().get(timeout=PATIENCE) == 113
    group = celery.group([task("add", n, 1) for n in range(10)], app=app)
    assert group.apply_async().get(timeout=PATIENCE) == list(range(1, 11))
    chord = celery.chord([task("add", n, n) for n in range(10)], app=app)
    assert chord(task("total")).get(timeout=PATIENCE) == 90

    with server.client(3) as client:
        client.select(1)
        key = f"celery-task-meta-{late.id}"
        assert 0 < client.ttl(key) <= 600
        late.forget()
        assert client.exists(key) == 0
    assert AsyncResult(late.id, app=app).state == "PENDING"
