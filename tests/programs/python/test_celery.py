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
from servers import poll

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


@pytest.mark.long
def test_control(app, server):
    """Remote control by messages: ping, inspection, a running task revoked, routing, a queue purged"""
    [answer] = app.control.ping(timeout=20)[:1]
    assert list(answer.values()) == [{"ok": "pong"}]
    hanging = app.send_task("hang", (server.url,))
    poll(lambda: hanging.state == "STARTED", "the task to begin")
    [active] = app.control.inspect(timeout=10).active().values()
    assert [task["id"] for task in active] == [hanging.id]
    app.control.revoke(hanging.id, terminate=True)
    with pytest.raises(celery.exceptions.TaskRevokedError):
        hanging.get(timeout=PATIENCE)

    nobody = [app.send_task("add", (1, n), queue="nobody's", priority=n % 10) for n in range(5)]
    assert app.control.inspect(timeout=10).active_queues()
    app.control.add_consumer("nobody's", reply=True, timeout=10)
    assert [result.get(timeout=PATIENCE) for result in nobody] == [1, 2, 3, 4, 5]
    app.control.cancel_consumer("nobody's", reply=True, timeout=10)
    with app.connection_for_write() as connection:
        queue = connection.SimpleQueue("kept")
        for n in range(3):
            queue.put({"n": n})
        message = queue.get(timeout=20)
        assert message.payload == {"n": 0}
        message.requeue()
        assert queue.get(timeout=20).payload == {"n": 0}
        assert queue.clear() == 2
        queue.close()


@pytest.mark.long
def test_worker_that_dies(app, server):
    """A worker process that is killed: its task, acknowledged late, is done by another"""
    dying = app.send_task("hang", (server.url + "/1",))
    with server.client(3) as client:
        client.select(1)
        poll(lambda: client.llen("notes") == 1, "the task to begin")
        [active] = app.control.inspect(timeout=10).active().values()
        os.kill(active[0]["worker_pid"], 9)
        poll(lambda: client.llen("notes") == 2, "the task to begin again")
    app.control.revoke(dying.id, terminate=True)
    with pytest.raises(celery.exceptions.TaskRevokedError):
        dying.get(timeout=PATIENCE)
