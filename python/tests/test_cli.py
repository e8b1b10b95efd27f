import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pyarrow as pa

COMMAND = str(Path(sysconfig.get_path("scripts")) / ("spanql.exe" if sys.platform == "win32" else "spanql"))


def run(*args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *args], capture_output=True, text=True, check=False, encoding="utf-8")


def test_sql_on_a_store(store: Path) -> None:
    done = run("sql", "--store", store, "--format", "json", "SELECT count(*) AS n FROM documents")
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, [{"n": 3}], "")


def test_binary_output_is_whole(store: Path) -> None:
    command = [COMMAND, "sql", "--store", str(store), "--format", "arrow", "SELECT 1 AS one"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert pa.ipc.open_stream(done.stdout).read_all().to_pylist() == [{"one": 1}]


def test_stock_reports_are_there(store: Path) -> None:
    done = run("report", "top_domains", "--store", store, "--format", "ndjson")
    assert done.returncode == 0
    assert [json.loads(line) for line in done.stdout.splitlines()]


def test_exit_codes(store: Path, tmp_path: Path) -> None:
    assert run("--version").returncode == 0
    failed = run("sql", "--store", store, "SELECT nonsense")
    assert failed.returncode == 1
    assert "error:" in failed.stderr
    assert run("no-such-command").returncode == 2
    posts = tmp_path / "posts.jsonl"
    posts.write_text('{"text": "x"}\nbroken\n')
    assert run("ingest", posts, "--store", tmp_path / "store").returncode == 3
