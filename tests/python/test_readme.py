"""The front page's Python does what it says."""

import re
from pathlib import Path

import redis


def test_readme(connect, monkeypatch):
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    [program] = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    # On the page the server is where servers are by default; here it is the one under test.
    client = connect()
    monkeypatch.setattr(redis, "Redis", lambda: client)
    exec(program, {})
