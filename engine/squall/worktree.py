"""Playbook files as they lie on disk, and what comes with squall to read them by.

The command line and the library find and read playbooks here; what stands in them is `core`'s to
say. Nothing but `replace` writes, and that as a whole or not at all.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from squall.core.playbook.source import MAX_BYTES

SCHEMAS: Final = Path(__file__).parent / "schemas"
SCENARIOS: Final = Path(__file__).parent / "scenarios"
TEMPLATES: Final = Path(__file__).parent / "templates"
_ENDINGS: Final = {".yaml", ".yml", ".json"}
_POINTED: Final = re.compile(r'"\$ref": "urn:squall:schemas:(\w+)\.schema\.json')


def schema_names() -> tuple[str, ...]:
    """The schemas that come with squall, each by its name."""
    return tuple(sorted({path.name.partition(".")[0] for path in SCHEMAS.glob("*.schema.json")}))


def schema_text(name: str = "playbook") -> str:
    """A schema as shipped; those it points to are put into its `$defs`, so it is whole by itself.

    ``playbook.draft-07`` and ``project.draft-07`` are the builds for editors.
    """
    text = (SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8")
    others = sorted(set(_POINTED.findall(text)))
    if not others:
        return text
    schema = json.loads(text)
    inner = {other: json.loads(schema_text(other)) for other in others}
    whole = {**schema, "$defs": {**schema.get("$defs", {}), **inner}}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def catalogue_texts() -> tuple[str, ...]:
    """The scenarios that come with squall, as shipped."""
    return tuple(path.read_text(encoding="utf-8") for path in sorted(SCENARIOS.glob("*.yaml")))


def template_text(name: str) -> str:
    """One of the files that ``squall init`` puts in place, as shipped."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


def files_below(folder: Path) -> Iterator[Path]:
    """The files of a folder that could hold playbooks, hidden folders left out, in order."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix in _ENDINGS and not hidden and path.is_file():
            yield path


def read(name: str) -> tuple[str, bytes, str]:
    """What ``FILE`` or ``FILE#NAME`` asks for: the file, its bytes, and the playbook's name.

    The name is empty when none is asked for. Raises `OSError` for what cannot be read.
    """
    file, _, wanted = (name, "", "") if Path(name).exists() else name.partition("#")
    return file, read_bytes(Path(file)), wanted


def read_bytes(file: Path) -> bytes:
    """What is in it, as far as it can matter: something endless is a finding, not a full memory.

    Raises `OSError`.
    """
    with file.open("rb") as source:
        return source.read(MAX_BYTES + 1)


def replace(file: Path, data: bytes) -> None:
    """Put bytes into a file, new or in place of others, so that nobody ever finds half of them.

    Its permissions stay, and a link stays a link. Raises `OSError`; then the file is as it was.
    """
    real = file.resolve()
    mode = real.stat().st_mode & 0o7777 if real.exists() else None
    beside = real.with_name(f".{os.getpid()}.squall")
    try:
        handle = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 if mode else 0o666)
        with os.fdopen(handle, "wb") as made:
            made.write(data)
            made.flush()
            os.fsync(made.fileno())
        if mode is not None:
            beside.chmod(mode)
        beside.replace(real)
    finally:
        beside.unlink(missing_ok=True)


def repository(folder: Path) -> Path:
    """The root of the git repository a folder is in, or the folder itself when it is in none."""
    above = [folder, *folder.parents]
    return next((each for each in above if (each / ".git").exists()), folder)
