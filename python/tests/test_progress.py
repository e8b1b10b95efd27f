"""Bars on long work, off by a flag."""

import subprocess
import sys
from pathlib import Path

from spanql import _progress

# Two seconds of a query that would run for ever.
LONG = """
import time
start = None
for batch in spanql.connect({flag}).sql("SELECT value FROM range(1000000000000)"):
    start = start or time.monotonic()
    if time.monotonic() - start > 2:
        break
"""


def stderr(script: str) -> str:
    # Isolated: from the source folder, `import spanql` would find the sources without the built module.
    command = [sys.executable, "-I", "-c", f"import spanql\n{script}"]
    return subprocess.run(command, capture_output=True, check=True).stderr.decode()


def test_a_long_query() -> None:
    shown = stderr(LONG.format(flag="progress=True"))
    assert "\rquery " in shown
    assert " rows, 0:0" in shown
    assert shown.endswith("\r\x1b[K"), "nothing is left behind"


def test_nobody_is_looking() -> None:
    assert stderr(LONG.format(flag="")) == ""
    assert stderr("spanql.connect(progress=True).sql('SELECT 1 AS one').to_json()") == "", "it was short"


def test_an_ingest(tmp_path: Path) -> None:
    line = '{"text": "a letter to someone@example.com about nothing much, with some words more"}\n'
    (tmp_path / "letters.jsonl").write_text(line * 600_000)
    run = f"spanql.ingest({str(tmp_path / 'letters.jsonl')!r}, {str(tmp_path)!r} + '/%s', threads=1, progress=%s)"
    shown = stderr(run % ("a", True))
    assert "\ringest " in shown
    assert "M bytes, 0:0" in shown
    (tmp_path / "letters.jsonl").write_text(line * 300_000)
    assert stderr(run % ("b", False)) == ""


def test_lines() -> None:
    assert _progress.line("ingest", "bytes", 0, 100, 1.0) == "ingest   0%                     0/100 bytes, 0:01, 0/s"
    assert _progress.line("ingest", "bytes", 120, 100, 1.0).startswith("ingest 100% " + "█" * 20)
    assert _progress.line("query", "rows", 5, 0, 0.0) == "query 5 rows, 0:00, 0/s"
    assert _progress.line("query", "rows", 1, 10_000, 1.0).endswith("2:46:39 left")
