"""The version is said once, and the changelog has it."""

import re
from pathlib import Path

from lambdas import VERSION

CHANGELOG = Path(__file__).resolve().parents[2] / "CHANGELOG.md"


def test_the_newest_release_of_the_changelog_is_this_version():
    newest = re.search(r"^## (\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d$", CHANGELOG.read_text(encoding="utf-8"), re.MULTILINE)

    assert newest is not None
    assert newest[1] == VERSION
