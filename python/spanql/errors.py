"""What can go wrong, as a tree under :class:`Error`.

A message says what failed, where (file and line, where there are any), the offending value, and what to do.
"""


class Error(Exception):
    """The base of every error of this package."""


class ConfigError(Error):
    """A ``spanql.toml``, a pattern or the header of a report is wrong; the message names the file and the line."""


class FileError(Error, OSError):
    """A file or folder cannot be read or written."""


class QueryError(Error):
    """A statement cannot be planned, or failed while it ran.

    Attributes
    ----------
    line, column : int or None
        Where in the statement it is, counted from 1, if that is known.
    """

    line: int | None = None
    column: int | None = None


class StoreError(Error):
    """There is no store where one was expected."""


class UsageError(Error, ValueError):
    """The request makes no sense: an unknown report, a parameter that does not fit, a size that is none."""
