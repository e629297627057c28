"""The example pipeline: it parses, every make target in it is there, and it fails on findings and keeps the pages."""

import re

import pytest
import yaml

from tools import ROOT


@pytest.fixture(scope="module")
def text():
    return (ROOT / "examples" / "audit-pipeline" / "audit.yml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def steps(text):
    (job,) = yaml.safe_load(text)["jobs"].values()
    return job["steps"]


def test_every_make_target_of_the_pipeline_exists(text):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    used = {target for line in re.findall(r"\bmake ((?:[a-z-]+ ?)+)", text) for target in line.split()}

    assert {"setup", "audit"} <= used
    assert used <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


def test_every_variable_that_the_pipeline_gives_to_make_is_read(text):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    for name in re.findall(r"\b([A-Z]+)=", text):
        assert f"$({name})" in makefile


def test_findings_fail_the_job(steps):
    (audit,) = [step for step in steps if step.get("run") == "make audit"]

    assert "continue-on-error" not in audit


def test_the_pages_are_kept_even_when_the_audit_fails(steps):
    after = steps[[step.get("run") for step in steps].index("make audit") + 1 :]

    assert [step["if"] for step in after] == ["always()"] * len(after)
    (kept,) = [step for step in after if "upload-artifact" in step.get("uses", "")]
    assert kept["with"]["path"] == ".build/audit/"
