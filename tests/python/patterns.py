"""The patterns themselves, as an application would write them on redis-py."""

import time
import uuid

import redis
from servers import poll


def key(user):
    return f"user:{user}"


def lock(user):
    return f"lock:user:{user}"


def encode(name):
    """How a user's name, or the knowledge that there is no such user, is kept in the cache."""
    return "absent" if name is None else f"name:{name}"


def decode(value):
    text = value.decode()
    return None if text == "absent" else text.removeprefix("name:")


class CacheAside:
    """Reads go to the cache and, on a miss, to the database. Writes drop what was cached."""

    def __init__(self, cache, database, ttl_ms):
        self.cache, self.database, self.ttl_ms = cache, database, ttl_ms

    def read(self, user):
        value = self.cache.get(key(user))
        if value is not None:
            return decode(value)
        name = self.database.load(user)
        if name is not None:
            self.cache.set(key(user), encode(name), px=self.ttl_ms)
        return name

    def write(self, user, name):
        self.database.store(user, name)
        self.cache.delete(key(user))


class WriteThrough(CacheAside):
    """Writes go to the database and then to the cache, so that a reader finds them there."""

    def write(self, user, name):
        self.database.store(user, name)
        self.cache.set(key(user), encode(name), px=self.ttl_ms)


class Negative(CacheAside):
    """That a user does not exist is cached too, for a while of its own."""

    def __init__(self, cache, database, ttl_ms, ttl_absent_ms):
        super().__init__(cache, database, ttl_ms)
        self.ttl_absent_ms = ttl_absent_ms

    def read(self, user):
        value = self.cache.get(key(user))
        if value is not None:
            return decode(value)
        name = self.database.load(user)
        self.cache.set(key(user), encode(name), px=self.ttl_absent_ms if name is None else self.ttl_ms)
        return name


class Guarded(CacheAside):
    """Cache-aside under a stampede: the caller that gets the lock loads, the others wait for the value.

    The lock expires, lest a caller that dies take it along, and is released only by the token it was taken with, lest
    a slow caller release another's.
    """

    RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

    def __init__(self, cache, database, ttl_ms, ttl_lock_ms):
        super().__init__(cache, database, ttl_ms)
        self.ttl_lock_ms = ttl_lock_ms
        self.token = uuid.uuid4().hex

    def read(self, user):
        return decode(poll(lambda: self.attempt(user), "someone to load the value"))

    def attempt(self, user):
        value = self.cache.get(key(user))
        if value is not None or not self.cache.set(lock(user), self.token, nx=True, px=self.ttl_lock_ms):
            return value
        # Between the miss and the lock another may have loaded it and gone.
        value = self.cache.get(key(user))
        if value is None:
            value = encode(self.slow_load(user)).encode()
            self.cache.set(key(user), value, px=self.ttl_ms)
        self.release(user)
        return value

    def slow_load(self, user):
        """So slow that everyone else comes while it runs."""
        time.sleep(0.05)
        return self.database.load(user)

    def release(self, user):
        """Gives the lock up if it is ours; whether it was."""
        try:
            # Valkey compares and deletes in one command; Redis 8.0 needs a script for it.
            return self.cache.execute_command("DELIFEQ", lock(user), self.token) == 1
        except redis.ResponseError as error:
            if "unknown command" not in str(error):
                raise
            return self.cache.eval(self.RELEASE, 1, lock(user), self.token) == 1
