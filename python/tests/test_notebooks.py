"""The notebooks of docs/ run, and show no address of a real person; the magics and the bar that they bring."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pyarrow as pa
import pytest
import spanql
from IPython.core.interactiveshell import InteractiveShell

# Untyped.
nbf: Any = nbformat
REPOSITORY = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((REPOSITORY / "python" / "docs").glob("*.ipynb"))
ADDRESS = re.compile(r"[\w.+-]+@([\w-]+\.)*([\w-]+\.[a-z]+)", re.IGNORECASE)


def execute(notebook: Any, folder: Path) -> Any:
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}}
    )
    return client.execute()


@pytest.mark.filterwarnings("ignore")  # of Jupyter's own
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path: Path, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "data").symlink_to(REPOSITORY / "tests" / "data")
    notebook = nbf.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "what a notebook shows is made anew each time"
    done = execute(notebook, tmp_path)
    outputs = [output for cell in done.cells for output in cell.get("outputs", [])]
    assert [output["text"] for output in outputs if output.get("name") == "stderr"] == []
    assert sum("text/html" in output.get("data", {}) for output in outputs) >= 2
    shown = {match[0] for match in ADDRESS.finditer(json.dumps(outputs, ensure_ascii=False)) if match[2]}
    domains = {address.rsplit("@")[1].lower() for address in shown}
    invented = re.compile(r"(.*\.)?(example\.(com|org|net)|[\w-]+\.example)")
    assert all(invented.fullmatch(domain) for domain in domains), domains


@pytest.mark.filterwarnings("ignore")  # of Jupyter's own
def test_a_bar_in_a_notebook(tmp_path: Path) -> None:
    cell = nbf.v4.new_code_cell(
        "import time, spanql\n"
        "start = None\n"
        "for batch in spanql.connect().sql('SELECT value FROM range(1000000000000)'):\n"
        "    start = start or time.monotonic()\n"
        "    if time.monotonic() - start > 2:\n"
        "        break"
    )
    done = execute(nbf.v4.new_notebook(cells=[cell]), tmp_path)
    [bar] = done.cells[0].outputs
    assert bar["output_type"] == "display_data"
    assert bar["data"]["text/html"] == "", "nothing is left behind"


@pytest.fixture
def shell() -> Any:
    shell: Any = InteractiveShell.instance()
    shell.run_cell("%load_ext spanql")
    yield shell
    InteractiveShell.clear_instance()


def test_the_magics(shell: Any, store: Path) -> None:
    session = shell.run_line_magic("spanql", str(store))
    assert repr(session) == repr(spanql.connect(store))
    result = shell.run_cell_magic("spanql", "", "SELECT count(*) AS n FROM documents")
    assert result.to_arrow().to_pylist() == [{"n": 3}]
    shell.user_ns |= {"least": 2, "mine": pa.table({"x": [1, 2, 3]}), "text": "SELECT"}
    assert shell.run_cell_magic("spanql", "found", "SELECT x FROM mine WHERE x >= $least ORDER BY x") is None
    assert shell.user_ns["found"].to_arrow()["x"].to_pylist() == [2, 3]
    quoted = shell.run_cell_magic("spanql", "", "SELECT $text AS word")
    assert quoted.to_arrow().to_pylist() == [{"word": "SELECT"}]
    # What only looks like a parameter is none.
    shell.user_ns["mine"] = pa.table({"x": ["costs $mine", "nothing"]})
    for query in ("SELECT x FROM mine WHERE x LIKE '%$mine%'", "SELECT x FROM mine LIMIT 1 -- of $mine"):
        found = shell.run_cell_magic("spanql", "", query)
        assert found.to_arrow().to_pylist() == [{"x": "costs $mine"}]
    shell.user_ns["other"] = spanql.connect()
    assert shell.run_line_magic("spanql", "other") is shell.user_ns["other"]
    with pytest.raises(spanql.QueryError, match="documents"):
        shell.run_cell_magic("spanql", "", "SELECT count(*) AS n FROM documents")


def test_the_magics_refuse(shell: Any) -> None:
    with pytest.raises(ValueError, match="'no name'"):
        shell.run_cell_magic("spanql", "no name", "SELECT 1")
    with pytest.raises(spanql.StoreError, match="nothing"):
        shell.run_line_magic("spanql", "nothing")
    with pytest.raises(ValueError, match="CONFIG"):
        shell.run_line_magic("spanql", "a b c")
    with pytest.raises(spanql.QueryError):
        shell.run_cell_magic("spanql", "", "SELEC 1")


def test_nothing_of_jupyter_is_needed() -> None:
    from spanql import _magic, _progress

    assert "IPython" not in {name.split(".")[0] for name in vars(_magic)}
    assert _progress.in_notebook() is False
    assert "IPython" in sys.modules
