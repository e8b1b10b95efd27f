"""The eight expressions by kind, from `spanql.toml`. Needs Python 3.11, which reads TOML."""

from pathlib import Path

import tomllib

KINDS = {
    entry["label"]: entry["pattern"]
    for entry in tomllib.loads(Path(__file__).with_name("spanql.toml").read_text(encoding="utf-8"))["recognizer"]
}
