"""The project's pages say what is true: commands, links, door plates."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(
        part.startswith(".") and part != ".github" for part in path.relative_to(ROOT).parts[:-1]
    )
    and "node_modules" not in path.parts
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


def shell_blocks(page: Path) -> list[str]:
    return [body for language, body in FENCE.findall(page.read_text()) if language == "sh"]


def test_ci_runs_the_two_commands_of_the_readme_as_they_stand() -> None:
    main_job, tests = shell_blocks(ROOT / "README.md")[:2]
    script = (ROOT / ".ci/run").read_text()
    for command in (main_job, tests):
        [line] = command.strip().splitlines()
        assert line in script


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        assert (page.parent / link).exists(), f"{page.name} links to {link}"


@pytest.mark.parametrize("folder", ["engine", "schemas", "playbooks", "tests", ".github"])
def test_every_top_level_folder_has_a_door_plate(folder: str) -> None:
    by_hand, _, _ = (ROOT / folder / "README.md").read_text().partition("<!-- From here on written")
    lines = by_hand.splitlines()
    assert lines[0].startswith("# ")
    assert len(lines) <= 80


def test_every_decision_has_the_four_parts_and_its_number() -> None:
    pages = sorted((ROOT / "engine/decisions").glob("0*.md"))
    for number, page in enumerate(pages, 1):
        text = page.read_text()
        assert text.startswith(f"# {number}. ")
        for part in ("Context", "Decision", "Consequences", "What would change our mind"):
            assert f"**{part}.**" in text, f"{page.name} lacks {part}"


def test_every_folder_of_the_package_says_what_belongs_in_it() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "engine/squall"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    folders = {Path(name).parent for name in tracked if name.endswith(".py")}
    for folder in folders:
        assert (ROOT / folder / "__init__.py").read_text().startswith('"""'), folder
