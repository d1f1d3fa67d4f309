"""Plain data as YAML text that `source` reads back as the same data.

The one place where YAML is written: playbooks made in Python, and exported recordings. PyYAML knows
YAML 1.1, squall reads 1.2; a text that either takes for something else is quoted.
"""

from typing import Any, Final

import yaml

from squall.core.playbook.scalars import TAGS, meaning

_BASE: Final[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_BASE):  # type: ignore[misc]  # which of the two shows at run time
    """Without anchors: what stands twice is written twice."""

    def ignore_aliases(self, _: object) -> bool:
        return True


def _text(dumper: Any, text: str) -> yaml.ScalarNode:
    plain = isinstance(meaning(text, None, plain=True), str)
    node: yaml.ScalarNode = dumper.represent_scalar(f"{TAGS}str", text, None if plain else '"')
    return node


_Dumper.add_representer(str, _text)


def to_yaml(data: dict[str, Any]) -> str:
    """Plain data as a block of YAML, keys in their order; raises what PyYAML does for objects."""
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text
