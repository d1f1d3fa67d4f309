"""A recording's document as YAML text, written by PyYAML.

The one place where recordings meet YAML. Playbooks are read, never written, elsewhere.
"""


def to_yaml(data: dict[str, object]) -> str:
    """Plain data as a block of YAML, keys in their order, times and numbers in strings quoted."""
    import yaml  # noqa: PLC0415 - slow to import

    text: str = yaml.dump(
        data, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=100
    )
    return text
