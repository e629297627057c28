"""README's tables are what the code says."""

from tools.docs import README, synthesized, with_tables


def test_the_tables_are_up_to_date(bundles):
    del bundles
    text = README.read_text(encoding="utf-8")

    assert with_tables(text, synthesized()) == text, "run 'make docs'"
