"""The eight expressions by kind, from `spanql.toml`."""

import tomllib
from pathlib import Path

KINDS = {
    entry["label"]: entry["pattern"]
    for entry in tomllib.loads(Path(__file__).with_name("spanql.toml").read_text(encoding="utf-8"))["recognizer"]
}
