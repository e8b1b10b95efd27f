"""Ctrl-C in a process of its own: the wait ends with KeyboardInterrupt and the session goes on working."""

import signal
import subprocess
import sys
import time

import pytest

SCRIPT = """
import pyarrow as pa
import spanql
session = spanql.connect()
forever = session.sql("SELECT sum(a.value * b.value) AS x FROM range(1000000) AS a, range(1000000000000) AS b")
rows = session.sql("SELECT 1 FROM range(1000000) AS a, range(1000000000000) AS b WHERE a.value + b.value < 0")
def run():
    {run}
import os, socket, tempfile, threading
os.chdir(tempfile.mkdtemp())
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
print("ready", flush=True)
try:
    run()
except KeyboardInterrupt:
    print("interrupted", flush=True)
except pa.ArrowInvalid as error:
    # Who pulls through Arrow's interface raises an error of its own.
    assert "KeyboardInterrupt" in str(error), error
    print("interrupted", flush=True)
print(session.sql("SELECT 1 AS one").to_arrow().to_pylist(), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize(
    "run",
    [
        "forever.to_arrow()",
        "rows.to_arrow()",
        "forever.to_json()",
        "forever._repr_html_()",
        "pa.table(forever)",
        "list(forever)",
        "forever.write('never.csv')",
        "forever.explain(analyze=True)",
        "spanql.redact(['some text with x@y.io in it ' * 100_000] * 60)",
        "spanql.extract_entities(pa.chunked_array([pa.array(['some text ' * 100_000])] * 5_000))",
        "spanql.ner(['Ann Miller went to Paris. ' * 1_000 + str(i) for i in range(5_000)])",
        "spanql.extract_and_aggregate(['x' * 100_000] * 10_000_000)",
        "spanql.ingest(url, 'never.store')",
    ],
)
def test_ctrl_c(run: str) -> None:
    # Isolated: from the source folder, `import spanql` would find the sources without the built module.
    command = [sys.executable, "-I", "-c", SCRIPT.format(run=run)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.5)
        child.send_signal(signal.SIGINT)
        # A second is what is promised; the rest is for a busy machine.
        words, _ = child.communicate(timeout=30)
    assert words == "interrupted\n[{'one': 1}]\n"
    assert child.returncode == 0
