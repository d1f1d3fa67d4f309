"""Nothing a folder holds breaks the linter: ``python tests/campaign lint`` asks for longer."""

from hypothesis import given, settings
from hypothesis import strategies as st

from campaign.linting import trouble


@settings(max_examples=60)
@given(st.randoms(use_true_random=False))
def test_no_folder_breaks_lint_fix_or_fmt(random) -> None:
    told, files = trouble(random)
    assert not told, (told, files)
