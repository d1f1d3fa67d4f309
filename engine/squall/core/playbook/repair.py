"""What is left of a document when everything that does not fit the schema is taken out.

Called by `load` so that one misspelt key does not hide what is wrong elsewhere: what is left is
built and checked like any other playbook, for its findings only. Where something was taken out is
remembered as a hole, so that nobody complains about what is missing there.
"""

from collections.abc import Iterable
from typing import Any

from squall.core.playbook.model import STEPS
from squall.core.playbook.source import Data, Document, Path

Misfit = tuple[Path, str]
"""Where something does not fit, and the word of the schema that says so."""


def without(document: Document, misfits: Iterable[Misfit]) -> Document:
    """A copy of the document without what does not fit, with holes in its place."""
    holes = set(document.holes)
    data = _copy(document.data)
    for path, word in sorted(misfits, key=lambda misfit: len(misfit[0]), reverse=True):
        _take_out(data, path, word, holes)
    return Document(
        data=data,
        keys=document.keys,
        values=document.values,
        aliases=document.aliases,
        holes=holes,
        unknown=document.unknown,
        late={path: text for path, text in document.late.items() if _reach(data, path) is not None},
        written=document.written,
    )


def _copy(data: Data) -> Data:
    if isinstance(data, dict):
        return {key: _copy(value) for key, value in data.items()}
    return [_copy(value) for value in data] if isinstance(data, list) else data


def _take_out(data: Data, path: Path, word: str, holes: set[Path]) -> None:
    """Take out one thing: a value with its key, or all of a list that is not of steps."""
    if word == "required" and (not path or _is_step(path)):
        holes.add(path)
        around = _reach(data, path)
        if isinstance(around, dict):
            around.setdefault("name", f"step {path[-1]}" if path else "unnamed")
        return
    while path and isinstance(path[-1], int):
        holes.add(path[:-1])
        if _is_step(path):
            steps = _reach(data, path[:-1])
            if isinstance(steps, list):
                holes.add(path)
                steps[path[-1]] = {"name": f"step {path[-1]}", "wait": 0}
            return
        path = path[:-1]
    holes.add(path[:-1])
    around = _reach(data, path[:-1])
    if path and isinstance(around, dict):
        around.pop(str(path[-1]), None)


def _is_step(path: Path) -> bool:
    return len(path) >= 2 and isinstance(path[-1], int) and path[-2] in STEPS


def _reach(data: Data, path: Path) -> Any:
    """What stands at a path; None where something around it was taken out already."""
    here: Any = data
    for part in path:
        try:
            here = here[part]
        except (KeyError, IndexError, TypeError):
            return None
    return here
