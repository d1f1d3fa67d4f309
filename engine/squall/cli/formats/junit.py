"""Findings as a JUnit report: a test case a file, which fails as the linter does.

Readers of these reports show one failure a case and its text, and drop cases of the same name; so a
file is one case, and its failure says everything. What does not fail goes to the case's output.
"""

import re
from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree as ET

from squall.cli.formats.report import Report
from squall.core.diagnostics import Diagnostic
from squall.core.playbook.findings import as_text, counted

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DECLARATION: Final = '<?xml version="1.0" encoding="utf-8"?>\n'
_NAME: Final = "squall lint"


def write(report: Report) -> str:
    """One XML document."""
    found: dict[str, list[Diagnostic]] = {file: [] for file in report.texts}
    for finding in report.findings:
        found[finding.file].append(finding)
    suite = ET.Element("testsuite", name=_NAME, errors="0", skipped="0")
    failures = sum(_case(suite, report, file, said) for file, said in found.items())
    suite.attrib |= {"tests": str(len(found)), "failures": str(failures)}
    ET.indent(suite)
    return _DECLARATION + ET.tostring(suite, encoding="unicode")


def _case(suite: ET.Element, report: Report, file: str, found: Sequence[Diagnostic]) -> bool:
    path = _clean(report.path(file))
    case = ET.SubElement(suite, "testcase", classname=_NAME, name=path, file=path)
    failing = [finding for finding in found if report.fails(finding)]
    others = [finding for finding in found if not report.fails(finding)]
    if failing:
        failure = ET.SubElement(case, "failure", type="finding", message=counted(failing))
        failure.text = _text(report, failing)
    if others:
        ET.SubElement(case, "system-out").text = _text(report, others)
    return bool(failing)


def _text(report: Report, findings: Sequence[Diagnostic]) -> str:
    return _clean("\n" + as_text(findings, report.texts, context=True) + "\n")


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
