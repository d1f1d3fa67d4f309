"""A step whose values have just been put in, looked at as the linter looks at any step.

Called by the machine when such a step begins. What is wrong with it now is no finding any more but
the reason why the step fails: the key, what is wrong there, and what would be right.
"""

import json

from msgspec.structs import replace

from squall.core.diagnostics import Diagnostic
from squall.core.playbook.build import build_step
from squall.core.playbook.expressions import Failure
from squall.core.playbook.model import Blank, Group, Step
from squall.core.playbook.places import Places
from squall.core.playbook.schema import check_shape
from squall.core.playbook.source import Data, Document, read

_STEP = ("steps", 0)


def build_filled(step: Step, data: Data, schema: str) -> Step | Failure:
    """The step as it is now; `data` are its own keys, `schema` is the text of the playbook's."""
    assert step.blank is not None
    assert isinstance(data, dict)
    inner: dict[str, Data] = (
        {"steps": [{"name": "inside", "wait": 0}]} if isinstance(step.action, Group) else {}
    )
    document = Document(data={"name": "filled", "steps": [{**data, **inner}]})
    built = _built(document, step.blank, schema)
    if isinstance(built, Diagnostic):
        return _failure(document, step.blank, schema, built)
    action = step.action if isinstance(step.action, Group) else built.action
    return replace(built, action=action, blank=None, targets=step.targets)


def _built(document: Document, blank: Blank, schema: str) -> Step | Diagnostic:
    """The step, or the first thing that is wrong with it."""
    if found := check_shape(document, "", schema):
        return found[0]
    places = Places(document, "")
    built = build_step(places, blank)
    return places.found[0] if places.failed else built


def _failure(document: Document, blank: Blank, schema: str, first: Diagnostic) -> Failure:
    """What is wrong, and under which key: found once more in a text, where keys have places."""
    written = read(json.dumps(document.data).encode(), "").documents[0]
    again = _built(written, blank, schema)
    finding = again if isinstance(again, Diagnostic) else first
    ways = [*written.values, *written.keys]
    here = [
        path for path in ways
        if finding.span in {written.locate(path), written.locate(path, key=True)}
    ]  # fmt: skip
    path = max(here, key=len, default=())[len(_STEP) :]
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)[1:]
    message = f"'{key}': {finding.message}" if key else finding.message
    return Failure(f"{message}; {finding.hint}" if finding.hint else message)
