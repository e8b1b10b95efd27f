"""The ``spanql`` command, which is the same as the one without Python."""

import signal
import sys

from spanql._spanql import run_cli


def main() -> int:
    """Run the command line; Ctrl-C ends it at once, as it ends any program that is not Python."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return run_cli(sys.argv)
