"""A step whose values have just been put in, looked at as the linter looks at any step.

Called by the machine when such a step begins. What is wrong with it now is no finding any more but
the reason why the step fails.
"""

from msgspec.structs import replace

from squall.core.playbook.build import build_step
from squall.core.playbook.expressions import Failure
from squall.core.playbook.model import Group, Step
from squall.core.playbook.places import Places
from squall.core.playbook.schema import check_shape
from squall.core.playbook.source import Data, Document


def build_filled(step: Step, data: Data, schema: str) -> Step | Failure:
    """The step as it is now; `data` are its own keys, `schema` is the text of the playbook's."""
    assert step.blank is not None
    assert isinstance(data, dict)
    inner: dict[str, Data] = (
        {"steps": [{"name": "inside", "wait": 0}]} if isinstance(step.action, Group) else {}
    )
    document = Document(data={"name": "filled", "steps": [{**data, **inner}]})
    found = check_shape(document, "", schema)
    if found:
        return Failure(found[0].message)
    places = Places(document, "")
    built = build_step(places, step.blank)
    if places.failed:
        return Failure(places.found[0].message)
    action = step.action if isinstance(step.action, Group) else built.action
    return replace(built, action=action, blank=None, targets=step.targets)
