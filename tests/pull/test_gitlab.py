"""The GitLab job that ``squall init`` writes: its script, done as a GitLab runner does it."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import yaml

from pull.runner import BAD, GOOD, ROOT

[JOB] = yaml.safe_load((ROOT / "engine/squall/templates/gitlab.yml").read_text()).values()


def done_in(folder: Path) -> int:
    """The script's exit code, after the line that installs squall, which is installed."""
    [install, *script] = JOB["script"]
    assert install.startswith("pip install ")
    text = "\n".join(script).replace("PLAYBOOKS", "playbooks")
    path = f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", "-eo", "pipefail", "-c", text]
    variables = os.environ | {"PATH": path}
    return subprocess.run(command, check=False, cwd=folder, env=variables).returncode


def test_a_bad_playbook_fails_the_job_and_is_in_both_reports(pull, shop: Path) -> None:
    pull({"playbooks/bad.yaml": BAD.format(name="bad")})
    assert done_in(shop) == 1
    reports = JOB["artifacts"]["reports"]
    quality = json.loads((shop / reports["codequality"]).read_text())
    [row] = [row for row in quality if row["check_name"] == "SQ101"]
    assert "latencey" in row["description"]
    assert row["severity"] in {"info", "minor", "major", "critical", "blocker"}
    assert row["location"]["path"] == "playbooks/bad.yaml"
    place = row["location"]
    assert 4 in {
        place.get("lines", {}).get("begin"),
        place.get("positions", {}).get("begin", {}).get("line"),
    }
    assert len({row["fingerprint"] for row in quality}) == len(quality)
    junit = ET.parse(shop / reports["junit"]).getroot()
    assert "latencey" in ET.tostring(junit, encoding="unicode")
    assert JOB["artifacts"]["when"] == "always"


def test_good_playbooks_pass_the_job(pull, shop: Path) -> None:
    pull({"playbooks/good.yaml": GOOD.format(name="good")})
    assert done_in(shop) == 0
    assert (shop / "squall-junit.xml").exists()
