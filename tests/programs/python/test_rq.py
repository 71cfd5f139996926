"""rq, as its documentation shows it, with workers in processes of their own."""

import datetime
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import jobs
import pytest
from redis import Redis
from rq import Callback, Queue, Retry, SimpleWorker, Worker
from rq.job import Job, JobStatus
from servers import poll

PROGRAM = "rq"
VERSION = version("rq")


@pytest.fixture
def connection(server):
    with Redis.from_url(server.url) as connection:
        yield connection


@pytest.fixture
def work(server):
    """Starts a worker of the queues in a process of its own."""
    processes = []

    def start(*arguments):
        command = [Path(sys.executable).with_name("rq"), "worker", "--url", server.url, "--quiet", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
        processes.append(subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL))
        return processes[-1]

    yield start
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait()


def status(job):
    return lambda wanted: poll(lambda: job.get_status() == wanted, f"the job to be {wanted}")


def test_worker(connection, server, work):
    """`rq worker` in a process: queues by priority, results, a failure with its traceback, burst"""
    high, low = Queue("high", connection=connection), Queue("low", connection=connection)
    low.enqueue(jobs.note, server.url, "low")
    high.enqueue(jobs.note, server.url, "high")
    high.enqueue(jobs.note, server.url, "first", at_front=True)
    bad = low.enqueue(jobs.add, 1, "x")
    good = low.enqueue(jobs.add, 1, 2)
    assert (len(high), low.job_ids[-1]) == (2, good.id)
    assert work("--burst", "high", "low").wait(120) == 0
    assert connection.lrange("notes", 0, -1) == [b"first", b"high", b"low"]
    assert good.return_value() == 3 and good.get_status() == JobStatus.FINISHED
    assert bad.get_status() == JobStatus.FAILED and "TypeError" in bad.latest_result().exc_string
    assert low.failed_job_registry.get_job_ids() == [bad.id]
    assert good.id in low.finished_job_registry.get_job_ids()
    assert low.failed_job_registry.requeue(bad).get_status() == JobStatus.QUEUED
    assert Worker.all(connection=connection) == []


def test_dependencies(connection, server):
    """Dependencies, retries, callbacks, results with a TTL, unique job ids"""
    queue = Queue(connection=connection)
    first = queue.enqueue(jobs.add, 1, 1)
    second = queue.enqueue(jobs.note, server.url, "second", depends_on=first)
    shaky = queue.enqueue(jobs.fail_until, server.url, 3, retry=Retry(max=5))
    called = queue.enqueue(jobs.add, 2, 3, on_success=Callback(noted), result_ttl=600, job_id="mine")
    assert second.get_status() == JobStatus.DEFERRED
    worker = SimpleWorker([queue], connection=connection)
    assert worker.work(burst=True)
    assert connection.lrange("notes", 0, -1) in ([b"called", b"second"], [b"second", b"called"])
    assert shaky.return_value() == 3
    assert Job.fetch("mine", connection=connection).return_value() == 5
    assert 0 < connection.ttl(called.key) <= 600


def noted(job, connection, result):
    connection.rpush("notes", "called")


def test_scheduler(connection, server, work):
    """The scheduler in a worker: `enqueue_at` in the past, `enqueue_in` soon, and much later"""
    queue = Queue("timed", connection=connection)
    past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
    queue.enqueue_at(past, jobs.note, server.url, "past")
    queue.enqueue_in(datetime.timedelta(milliseconds=50), jobs.note, server.url, "soon")
    later = queue.enqueue_in(datetime.timedelta(hours=1), jobs.note, server.url, "later")
    work("--with-scheduler", "timed")
    poll(lambda: connection.llen("notes") == 2, "the scheduler")
    assert sorted(connection.lrange("notes", 0, -1)) == [b"past", b"soon"]
    assert queue.scheduled_job_registry.get_job_ids() == [later.id]
    later.cancel()
    assert later.get_status() == JobStatus.CANCELED


@pytest.mark.long
def test_stopping(connection, server, work):
    """Commands to workers by messages: a running job is stopped, the worker shut down"""
    from rq.command import send_shutdown_command, send_stop_job_command

    queue = Queue("stopped", connection=connection)
    hanging = queue.enqueue(jobs.hang, server.url, job_timeout=600)
    process = work("--name", "mine", "stopped")
    poll(lambda: connection.llen("notes") == 1, "the job to begin")
    assert [worker.name for worker in Worker.all(queue=queue)] == ["mine"]
    send_stop_job_command(connection, hanging.id)
    status(hanging)(JobStatus.STOPPED)
    send_shutdown_command(connection, "mine")
    assert process.wait(120) == 0


@pytest.mark.long
def test_many(connection, server, work):
    """Four workers, three hundred jobs: each done once"""
    queue = Queue("many", connection=connection)
    queue.enqueue_many([Queue.prepare_data(jobs.note, (server.url, str(number))) for number in range(300)])
    workers = [work("--burst", "--worker-class", "rq.worker.SimpleWorker", "many") for _ in range(4)]
    assert [worker.wait(240) for worker in workers] == [0] * 4
    assert sorted(map(int, connection.lrange("notes", 0, -1))) == list(range(300))
