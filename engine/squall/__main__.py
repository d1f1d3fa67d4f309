"""``python -m squall`` and the ``squall`` command.

``squall --version`` is answered before anything is imported: it is what scripts ask first.
"""

import io
import sys

from squall import __version__


def main() -> None:
    """Run the command line and exit with its code."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"squall {__version__}\n")
        return
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a sign the terminal lacks must not end a command
    try:
        from squall.cli.main import squall  # noqa: PLC0415 - see above

        squall(prog_name="squall")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
