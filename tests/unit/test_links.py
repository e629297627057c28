"""Every link of the documentation leads somewhere: to a file of this project, and to a heading that is in it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# A link, but not one in code: `](` does not stand in any of ours.
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


def documents():
    folders = (ROOT, *(ROOT / name for name in ("docs", "audit", "bench", "examples")))
    return [path.relative_to(ROOT).as_posix() for folder in folders for path in sorted(folder.glob("*.md"))]


def anchors(text):
    """Return what GitHub makes of the headings: https://docs.github.com/en/get-started/writing-on-github/\
getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#section-links ."""
    found = set()
    for heading in _HEADING.findall(_FENCED.sub("", text)):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        number = 0
        while (one := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(one)
    return found


def broken(name, text):
    """Return the links of a document that lead nowhere. Those to other sites are not followed."""
    wrong = []
    for link in _LINK.findall(_FENCED.sub("", text)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        content = text if not path else target.read_text(encoding="utf-8") if target.is_file() else ""
        if (
            not target.exists()
            or not target.resolve().is_relative_to(ROOT)
            or (anchor and anchor not in anchors(content))
        ):
            wrong.append(link)
    return wrong


def test_the_documents_are_found():
    assert {"README.md", "CHANGELOG.md", "audit/README.md", "bench/README.md", "docs/settings.md"} <= set(documents())


@pytest.mark.parametrize("name", documents())
def test_every_link_leads_somewhere(name):
    assert broken(name, (ROOT / name).read_text(encoding="utf-8")) == []


LINKS = {
    "[a](docs/settings.md)": True,
    "[a](docs/settings.md#settings)": True,
    "[a](#operating)": True,
    "[a](https://example.com/gone)": True,
    "```\n[a](gone.md)\n```": True,
    "[a](gone.md)": False,
    "[a](docs/settings.md#gone)": False,
    "[a](#gone)": False,
    "[a](../elsewhere.md)": False,
}


@pytest.mark.parametrize(("text", "leads"), LINKS.items(), ids=list(LINKS))
def test_a_link_is_followed_to_its_heading(text, leads):
    assert (broken("README.md", f"# One\n\n## Operating\n\n{text}\n") == []) is leads


def test_headings_become_anchors_as_github_makes_them():
    text = "# What it costs\n## Limits, in plain words\n### `make` it: now!\n## Tenants' webhooks\n## One\n## One\n"

    assert anchors(text) == {
        "what-it-costs",
        "limits-in-plain-words",
        "make-it-now",
        "tenants-webhooks",
        "one",
        "one-1",
    }
