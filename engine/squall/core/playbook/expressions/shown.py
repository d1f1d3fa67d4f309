"""What the names in an expression were, for whoever asks why it did not hold.

Called where an expectation failed: "expected status == 200; status was 503".
"""

import json
from collections.abc import Mapping
from typing import Final

from squall.core.diagnostics import short
from squall.core.faults.wording import span
from squall.core.playbook.expressions.names import Scope
from squall.core.playbook.expressions.syntax import chains_in
from squall.core.playbook.kind import Kind
from squall.core.playbook.source import Data

_MOST: Final = 5


def shown(text: str, scope: Scope, values: Mapping[str, Data]) -> str:
    """``status was 503, latency was 12 ms``: each name once, long texts cut; or nothing."""
    written = dict.fromkeys(name for name, _ in chains_in(text))
    said = [_was(name, scope, values) for name in list(written)[:_MOST]]
    return ", ".join(filter(None, said)) + (" and more" if len(written) > _MOST else "")


def _was(written: str, scope: Scope, values: Mapping[str, Data]) -> str:
    """The value of a name, or of what is looked up in it as far as it goes."""
    name = written
    while name not in scope and "." in name:
        name = name.rpartition(".")[0]
    if name not in scope:
        return ""
    if name not in values:
        return f"{name} was not there"
    value = values[name]
    for field in written[len(name) :].split(".")[1:]:
        if not isinstance(value, dict):
            break
        name = f"{name}.{field}"
        if field not in value:
            return f"{name} was not there"
        value = value[field]
    return f"{name} was {_said(value, scope.get(name, 'dyn'))}"


def _said(value: Data, kind: Kind) -> str:
    if kind == "duration" and isinstance(value, int):
        return f"-{span(-value)}" if value < 0 else span(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    return short(json.dumps(value, ensure_ascii=False))
