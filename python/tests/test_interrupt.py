"""Ctrl-C in a process of its own: the wait ends with KeyboardInterrupt, soon, and the session goes on working."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import spanql

SECONDS = 5.0
"""In which a wait ends: one is what is promised, the rest is for a busy machine and a build that is not optimised."""

SCRIPT = """
import sys, time
import pyarrow as pa
import spanql
session = spanql.connect()
forever = session.sql("SELECT sum(a.value * b.value) AS x FROM range(1000000) AS a, range(1000000000000) AS b")
rows = session.sql("SELECT 1 FROM range(1000000) AS a, range(1000000000000) AS b WHERE a.value + b.value < 0")
text = "(SELECT repeat('to ann@example.com ', 50) || value AS text FROM range(1000000000000)) AS texts"
many = session.sql(f"SELECT text FROM {{text}}")
mails = "to ann@example.com and bob@example.org "
names = "Ann Miller went to Paris. "
with open("few.jsonl", "w") as few:
    few.write('{{"text": "to ann@example.com"}}\\n')
def run():
    {run}
import socket, threading
# A web server that says how long a file is, and then stops in the middle of it.
listener = socket.create_server(("127.0.0.1", 0))
url = f"http://127.0.0.1:{{listener.getsockname()[1]}}/posts.jsonl"
def serve():
    asked = []
    while True:
        asked.append(listener.accept()[0])
        asked[-1].recv(65536)
        last = 0 if len(asked) == 1 else 999
        head = f"HTTP/1.1 206 Partial\\r\\nContent-Range: bytes 0-{{last}}/1000\\r\\nContent-Length: {{last + 1}}\\r\\n"
        asked[-1].sendall(f"{{head}}Connection: close\\r\\n\\r\\n{{{{".encode())
threading.Thread(target=serve, daemon=True).start()
try:
    print("ready", flush=True)
    run()
except KeyboardInterrupt:
    ended = time.monotonic()
except pa.ArrowInvalid as error:
    # Who pulls through Arrow's interface raises an error of its own.
    ended = time.monotonic()
    assert "KeyboardInterrupt" in str(error), error
print(ended, flush=True)
assert session.sql("SELECT 1 AS one").to_arrow().to_pylist() == [{{"one": 1}}]
assert spanql.redact(["to ann@example.com"], session=session).to_pylist() == ["to [EMAIL]"]
assert spanql.ingest("few.jsonl", "{store}")["documents"] == 1
"""


def interrupt(run: str, folder: Path, stdin: Any = subprocess.DEVNULL, store: str = "other.store") -> None:
    # Isolated: from the source folder, `import spanql` would find the sources without the built module.
    command = [sys.executable, "-I", "-c", SCRIPT.format(run=run, store=store)]
    with subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, text=True, cwd=folder) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.5)
        sent = time.monotonic()
        child.send_signal(signal.SIGINT)
        # Not `communicate`, which would close the input.
        words = child.stdout.read()
    assert child.returncode == 0
    # The clock is the machine's, the same for both processes.
    assert float(words) - sent < SECONDS
    assert list(folder.glob("never*")) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize(
    "run",
    [
        "forever.to_arrow()",
        "rows.to_arrow()",
        "forever.to_json()",
        "forever._repr_html_()",
        "list(forever)",
        "forever.write('never.csv')",
        "many.write('never.parquet')",
        "many.to_json('never.json')",
        "forever.explain(analyze=True)",
        "for batch in many: pass",
        "spanql.redact(['some text with x@y.io in it ' * 100_000] * 60)",
        "spanql.extract_entities(pa.chunked_array([pa.array(['some text ' * 100_000])] * 5_000))",
        "spanql.extract_entities([mails * 3_000_000])",
        "spanql.ner([names * 1_000 + str(i) for i in range(5_000)])",
        "spanql.ner([names * 400_000])",
        "session.sql(f'SELECT ner(text) AS found FROM {text}').to_arrow()",
        "session.register('many', many)",
        "spanql.redact(many)",
        "spanql.extract_and_aggregate(['x' * 100_000] * 10_000_000)",
        "spanql.extract_and_aggregate([names * 1_000 + mails] * 1_000_000)",
        "spanql.extract_and_aggregate([names * 100] * 20_000, labels='*')",
        "spanql.ingest(url, 'url.store')",
    ],
)
def test_ctrl_c(run: str, tmp_path: Path) -> None:
    interrupt(run, tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_ctrl_c_while_ingesting(tmp_path: Path) -> None:
    line = json.dumps({"text": "to ann@example.com and bob@example.org " * 20})
    with subprocess.Popen(["yes", line], stdout=subprocess.PIPE) as endless:
        try:
            interrupt("spanql.ingest('-', 'some.store', format='jsonl')", tmp_path, endless.stdout, "some.store")
        finally:
            endless.kill()
    store = spanql.connect(tmp_path / "some.store")
    assert store.sql("SELECT count(*) AS n FROM documents").to_arrow().to_pylist() == [{"n": 1}]


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_ctrl_c_while_nothing_comes(tmp_path: Path) -> None:
    interrupt("spanql.ingest('-', 'some.store', format='jsonl')", tmp_path, subprocess.PIPE)
