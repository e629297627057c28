"""The tables of the documents are what the code says, and every alarm has a runbook."""

import re

import pytest

from tools import ROOT
from tools.generate.docs import RUNBOOKS, is_about, pages, runbooks_in, synthesized, with_tables


@pytest.fixture(scope="module")
def stacks(bundles):
    del bundles
    return synthesized()


def test_the_tables_are_up_to_date(stacks):
    written = pages()

    for path, text in with_tables(written, stacks).items():
        assert text == written[path], f"{path.relative_to(ROOT)}: run 'make docs'"


def test_an_old_table_is_written_anew_and_nothing_around_it(stacks):
    written = pages()
    page = ROOT / "docs" / "settings.md"
    old = written[page].replace("| `region` |", "| `regoin` |")
    assert old != written[page]

    assert with_tables(written | {page: old}, stacks) == written


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("table: outputs", "table: output"),
        lambda text: text + "<!-- table: settings -->\n<!-- end: settings -->\n",
    ],
    ids=["none", "a second one"],
)
def test_a_table_has_one_place(stacks, change):
    page = ROOT / "docs" / "outputs.md"

    with pytest.raises(ValueError, match="has one place"):
        with_tables({**pages(), page: change(pages()[page])}, stacks)


def test_an_alarm_without_a_runbook_is_an_error(stacks):
    page = ROOT / RUNBOOKS
    text = pages()[page]
    without = text.replace("Alarm: `webhook-refused-503-<suffix>`", "Alarm: `webhook-refused-504-<suffix>`")
    assert without != text

    with pytest.raises(ValueError, match="webhook-refused-503-<suffix> has no runbook"):
        with_tables({**pages(), page: without}, stacks)


def test_every_runbook_is_about_alarms_that_there_are():
    named = runbooks_in(pages()[ROOT / RUNBOOKS])
    alarms = re.findall(r"(?m)^\| `([^`]+)` \|", pages()[ROOT / "docs" / "alarms.md"])

    assert {name for name in named if not any(is_about(name, alarm) for alarm in alarms)} == set()


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("### 2. One\n\nAlarm: `a`\n", "runbook 2 comes where 1 is expected"),
        ("### 1. One\n\nAlarm: `a`\n\n### 2. Two\n\nAlarms: `b`, `a`\n", "two runbooks are about a"),
    ],
)
def test_runbooks_are_numbered_and_an_alarm_has_one(text, wrong):
    with pytest.raises(ValueError, match=wrong):
        runbooks_in(text)
