"""The recipe of docs/interop.md for Spark, in Spark itself, where pyspark and Java are there."""

import doctest
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pyarrow
import pytest
import spanql

PAGE = Path(__file__).resolve().parents[1] / "docs" / "interop.md"


def recipe() -> tuple[Any, str]:
    """Read the function, and the columns that the page gives it, as they stand there."""
    section = PAGE.read_text(encoding="utf-8").split("## In Spark's")[1].split("\n## ")[0]
    block = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    columns = re.search(r'mapInArrow\(with_entities, "([^"]+)"\)', section)
    assert block is not None
    assert columns is not None
    # Spark sends a function of __main__ as it is, and others by the name of a module that its workers would not find.
    names: dict[str, Any] = {"__name__": "__main__", "pyarrow": pyarrow, "spanql": spanql}
    for example in doctest.DocTestParser().get_examples(block[1]):
        exec(example.source, names)
    return names["with_entities"], columns[1]


@pytest.mark.filterwarnings("ignore")  # of Spark's own
def test_map_in_arrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    sql: Any = pytest.importorskip("pyspark.sql", reason="pyspark is not installed")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    # In the source folder, workers would find the package without its compiled half.
    monkeypatch.chdir(tmp_path)
    function, columns = recipe()
    builder = sql.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    for address in ("spark.driver.bindAddress", "spark.driver.host"):
        builder = builder.config(address, "127.0.0.1")
    spark = builder.getOrCreate()
    try:
        notes = spark.createDataFrame([("to Bob@Example.com",), (None,), ("nobody",)], "text string")
        rows = notes.mapInArrow(function, columns).collect()
    finally:
        spark.stop()
    found = {row["text"]: row["found"] and [entity.asDict() for entity in row["found"]] for row in rows}
    entity = {"label": "EMAIL", "entity": "Bob@Example.com", "value": "bob@example.com"}
    assert found == {"to Bob@Example.com": [entity], None: None, "nobody": []}
