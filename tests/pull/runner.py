"""What a runner does of a composite action: its shell steps, with a pull request around them."""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
ACTION = ROOT / ".github/actions/lint"
GOOD = """\
name: {name}
targets:
  shop: {{http: {{listen: 127.0.0.1:7070, upstream: "http://127.0.0.1:8080"}}}}
steps: [{{name: slow, duration: 10s, scenario: {{latency: 100ms}}}}]
"""
BAD = GOOD.replace("latency:", "latencey:")
NO_INPUTS: Mapping[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a runner has of a step."""

    exit_code: int
    log: str
    outputs: dict[str, str]
    summary: str

    @property
    def annotations(self) -> list[tuple[str, dict[str, str], str]]:
        """Level, properties and message of each, as a runner reads them."""
        found = re.findall(r"^::(error|warning|notice) (.*?)::(.*)$", self.log, re.MULTILINE)
        return [
            (level, dict(each.split("=", 1) for each in properties.split(",")), message)
            for level, properties, message in found
        ]


class Runner:
    """Does a composite action's shell steps as GitHub's runner does."""

    def __init__(self, workspace: Path, temp: Path) -> None:
        self.workspace = workspace
        self.temp = temp
        self.action = yaml.safe_load((ACTION / "action.yml").read_text())

    def step(self, name: str, inputs: Mapping[str, str] = NO_INPUTS, **variables: str) -> Done:
        """Do one step with these inputs of the action; `variables` take the place of its own."""
        [step] = [each for each in self.action["runs"]["steps"] if each["id"] == name]
        given = {key: str(each["default"]) for key, each in self.action["inputs"].items()} | inputs
        own = {
            key: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: given[found[1]], value)
            for key, value in step["env"].items()
        }
        own = {key: "" if "${{" in value else value for key, value in own.items()}
        return self.run(step["run"], own | variables)

    def run(self, script: str, variables: Mapping[str, str]) -> Done:
        """Do a script with the runner's variables and these."""
        assert "${{" not in script
        output, summary = self.temp / "output", self.temp / "summary"
        for file in (output, summary):
            file.write_text("")
        (self.temp / "script.sh").write_text(script)
        own = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ACTION),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_REPOSITORY": "acme/shop",
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temp),
        }
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(self.temp / "script.sh")],
            check=False,
            cwd=self.workspace,
            env=os.environ | own | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return Done(
            exit_code=done.returncode,
            log=done.stdout,
            outputs=dict(line.split("=", 1) for line in output.read_text().splitlines()),
            summary=summary.read_text(),
        )
