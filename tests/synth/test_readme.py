"""The tables of README and of the pages behind it are what the code says."""

import pytest

from tools.generate.docs import ROOT, pages, synthesized, with_tables


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


@pytest.mark.parametrize("table", ["settings", "outputs", "rules", "alarms", "providers", "delivery-schedules"])
def test_a_reference_table_is_one_click_from_readme(table):
    (page,) = (path for path, text in pages().items() if f"<!-- table: {table} -->" in text)

    assert f"]({page.relative_to(ROOT).as_posix()})" in (ROOT / "README.md").read_text(encoding="utf-8")
