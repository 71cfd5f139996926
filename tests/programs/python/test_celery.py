"""Celery with the server as its broker and its result store; the worker is `celery worker`."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import celery
import jobs
import pytest
from celery.exceptions import TaskRevokedError
from celery.result import AsyncResult
from servers import poll

PROGRAM = "Celery"
VERSION = version("celery")
PATIENCE = 60


@pytest.fixture
def app(server):
    """An application that has no worker."""
    url = server.url + "/1"
    app = celery.Celery("tests", broker=url, backend=url, set_as_current=False)
    app.conf.update({name: jobs.app.conf[name] for name in ("result_expires", "broker_transport_options")})
    yield app
    app.close()


@pytest.fixture
def work(app):
    """Starts a worker in a process of its own."""
    workers = []

    def start(*arguments, **environment):
        command = [sys.executable, "-m", "celery", "-A", "jobs", "worker", "--loglevel", "error", *arguments]
        variables = {"CELERY_URL": app.conf.broker_url, "PYTHONDONTWRITEBYTECODE": "1", **environment}
        workers.append(
            subprocess.Popen(
                command, cwd=Path(__file__).parent, env={**os.environ, **variables}, stdin=subprocess.DEVNULL
            )
        )
        return workers[-1]

    yield start
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.wait()


@pytest.fixture
def worker(app, work):
    """One that has two processes and is called `mine@here`; it is there once it has done something."""
    worker = work("--concurrency", "2", "--hostname", "mine@here", "--task-events")
    assert app.send_task("add", (2, 2)).get(timeout=PATIENCE) == 4
    return worker


def test_tasks(app, worker, server):
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
def test_control(app, worker, server):
    """Remote control: ping, inspect, queues taken up and left, waiting and running tasks revoked, shutdown"""
    url = app.conf.broker_url
    assert app.control.ping(timeout=PATIENCE, limit=1) == [{"mine@here": {"ok": "pong"}}]

    def look(what, *arguments):
        return getattr(app.control.inspect(timeout=PATIENCE, limit=1), what)(*arguments)["mine@here"]

    assert {"add", "hang", "note", "total"} <= set(look("registered"))
    statistics = look("stats")
    assert statistics["pool"]["max-concurrency"] == 2 and statistics["total"]["add"] == 1
    assert statistics["broker"]["transport"] == "redis"
    assert [queue["name"] for queue in look("active_queues")] == ["celery"]
    assert look("conf")["result_expires"] == 600

    asked = app.control.add_consumer("more", reply=True, timeout=PATIENCE, limit=1)
    assert "ok" in asked[0]["mine@here"]
    assert app.send_task("add", (1, 2), queue="more").get(timeout=PATIENCE) == 3
    assert [queue["name"] for queue in look("active_queues")] == ["celery", "more"]
    app.control.cancel_consumer("more", reply=True, timeout=PATIENCE, limit=1)
    assert [queue["name"] for queue in look("active_queues")] == ["celery"]

    with server.client(3) as client:
        client.select(1)
        hanging = [app.send_task("hang", (url,)) for _ in range(2)]
        poll(lambda: client.llen("notes") == 2, "both processes to be busy")
        assert {task["id"] for task in look("active")} == {result.id for result in hanging}
        never = app.send_task("note", (url, "never"))
        app.control.revoke(never.id, reply=True, timeout=PATIENCE, limit=1)
        assert never.id in look("revoked")
        running = [result.id for result in hanging]
        app.control.revoke(running, terminate=True, reply=True, timeout=PATIENCE, limit=1)
        for result in [*hanging, never]:
            with pytest.raises(TaskRevokedError):
                result.get(timeout=PATIENCE)
            assert result.state == "REVOKED"
        assert app.send_task("add", (3, 4)).get(timeout=PATIENCE) == 7
        assert client.lrange("notes", 0, -1) == [b"hanging"] * 2

    app.control.shutdown()
    assert worker.wait(PATIENCE) == 0


@pytest.mark.long
def test_death(app, work, server):
    """A worker that is killed: after the visibility timeout its task is done by another"""
    url = app.conf.broker_url
    # It has no other processes.
    dying = work("--pool", "solo", "--hostname", "dying@here")
    result = app.send_task("hang_once", (url,))
    with server.client(3) as client:
        client.select(1)
        poll(lambda: client.llen("notes") == 1, "the first worker to take it")
        assert (client.hlen("unacked"), client.llen("celery")) == (1, 0)
        dying.kill()
        dying.wait()
        work("--pool", "solo", "--hostname", "heir@here", CELERY_VISIBILITY="1")
        assert result.get(timeout=PATIENCE) == 2
        poll(lambda: client.hlen("unacked") == 0, "the acknowledgement")


@pytest.mark.long
def test_events(app, worker):
    """Events: what becomes of tasks and workers, told to who listens"""
    state, kinds, sent = app.events.State(), [], []

    def heard(event):
        kinds.append(event["type"])
        state.event(event)

    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": heard})
        # It listens once it has heard the worker's heart.
        for _ in receiver.itercapture(limit=None, timeout=PATIENCE):
            if not sent and "worker-heartbeat" in kinds:
                sent += [app.send_task("add", (5, 6)), app.send_task("add", (5, "x"))]
            if sent and {"task-succeeded", "task-failed"} <= set(kinds):
                break
    done, failed = (state.tasks[result.id] for result in sent)
    assert (done.state, done.result, failed.state) == ("SUCCESS", "11", "FAILURE")
    assert "TypeError" in failed.exception and done.worker.hostname == "mine@here"
    assert {"task-received", "task-started"} <= set(kinds) and state.workers["mine@here"].alive
