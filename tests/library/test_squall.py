"""``import squall`` is instant, and everything it offers is there and documented."""

import inspect
import subprocess
import sys

import pytest

import squall
from squall import library


def test_importing_squall_imports_nothing() -> None:
    code = (
        "import sys; before = set(sys.modules); import squall; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["squall"]


def test_what_is_offered_is_what_the_library_has() -> None:
    assert squall.__all__ == library.__all__
    assert set(squall.__all__) <= set(dir(squall))
    for name in squall.__all__:
        assert getattr(squall, name) is getattr(library, name)


def test_what_is_not_offered_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'replai'"):
        _ = squall.replai  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", squall.__all__)
def test_everything_offered_says_what_it_is_for(name: str) -> None:
    offered = getattr(squall, name)
    assert offered.__doc__
    assert not offered.__doc__.startswith(f"{name}(")
    if inspect.isclass(offered):
        for member, found in vars(offered).items():
            if not member.startswith("_") and (callable(found) or isinstance(found, property)):
                assert found.__doc__, f"{name}.{member}"
