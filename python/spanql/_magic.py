"""The magics of IPython: ``%spanql STORE`` opens a session, ``%%spanql`` runs a cell of SQL in it."""

from __future__ import annotations

import shlex
from typing import Any

from spanql._spanql import Result, Session, connect


class Magic:
    """The magics of one notebook, which share a session."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._session: Session | None = None

    def line(self, line: str) -> Session:
        """Open a session: ``%spanql``, ``%spanql STORE`` or ``%spanql STORE CONFIG``; or take that of a variable.

        IPython puts the variable's value in place of ``$name`` and ``{name}``.
        """
        words = shlex.split(line)
        given = self._shell.user_ns.get(line.strip())
        if isinstance(given, Session):
            self._session = given
        elif len(words) <= 2:
            self._session = connect(*words)
        else:
            raise ValueError("%spanql takes a store and a configuration at most: %spanql STORE [CONFIG]")
        return self._session

    def cell(self, line: str, cell: str) -> Result | None:
        """Run a cell of SQL: ``%%spanql``, or ``%%spanql NAME`` to make the result a variable instead of showing it.

        ``$name`` is the Python variable of that name, bound as a value (but no ``$name`` in a string or a comment); a
        variable that holds Arrow data is a table.
        """
        name = line.strip()
        if name and not name.isidentifier():
            raise ValueError(f"%%spanql takes the name of a variable, not {name!r}")
        scope: dict[str, Any] = self._shell.user_ns
        session = self._session or self.line("")
        result = session._sql_within(cell, scope)
        if not name:
            return result
        scope[name] = result
        return None


def load_ipython_extension(shell: Any) -> None:
    """Register the magics; IPython calls it for ``%load_ext spanql``."""
    magic = Magic(shell)
    shell.register_magic_function(magic.line, "line", "spanql")
    shell.register_magic_function(magic.cell, "cell", "spanql")
