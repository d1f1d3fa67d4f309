"""Files of playbooks before anything is read in them: their names, their size, their text.

Asked by `source`, which reads them, and by who finds or shows them and need not load a parser.
"""

from typing import Final

PROJECT_FILE: Final = "squall.yaml"
MAX_BYTES: Final = 5_000_000


def text_of(data: bytes) -> str:
    """The text of a file as findings count its lines and columns; nothing of one too large."""
    if len(data) > MAX_BYTES:
        return ""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")
