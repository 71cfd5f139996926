"""What the workers of rq and Celery do."""

import os
import time

import celery
import redis


def add(x, y):
    return x + y


def note(url, word):
    """Leaves a word where the test reads it."""
    redis.Redis.from_url(url).rpush("notes", word)


def fail_until(url, attempts):
    """Fails all but the last of so many attempts."""
    made = redis.Redis.from_url(url).incr("attempts")
    if made < attempts:
        raise RuntimeError(f"attempt {made}")
    return made


def hang(url):
    note(url, "hanging")
    time.sleep(600)


def hang_once(url):
    """Hangs at the first attempt."""
    made = redis.Redis.from_url(url).incr("attempts")
    if made == 1:
        hang(url)
    return made


def total(numbers):
    return sum(numbers)


class Often(celery.Task):
    autoretry_for = (RuntimeError,)
    retry_kwargs = {"max_retries": 5, "countdown": 0}


url = os.environ.get("CELERY_URL", "")
app = celery.Celery("jobs", broker=url, backend=url)
app.conf.update(
    broker_connection_retry_on_startup=True,
    result_expires=600,
    worker_prefetch_multiplier=1,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_track_started=True,
    # After so long another worker may have what one has not acknowledged.
    broker_transport_options={"visibility_timeout": float(os.environ.get("CELERY_VISIBILITY", "600"))},
)
app.task(add, name="add")
app.task(note, name="note")
app.task(hang, name="hang")
app.task(hang_once, name="hang_once")
app.task(fail_until, name="fail_until", base=Often)
app.task(total, name="total")
