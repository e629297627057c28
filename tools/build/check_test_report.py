"""Whether the Terraform and end-to-end tests really ran, by pytest's report of a whole run in JUnit's form."""

import sys
from pathlib import Path
from xml.etree import ElementTree

MUST_RUN = ("tests.plan", "tests.e2e")


def missing(report: str) -> list[str]:
    """Return what should have run and did not: a suite of which nothing ran, and every test that was skipped.

    Parameters
    ----------
    report : str
        What ``pytest --junitxml`` writes. A file that is skipped as a whole is one test without a class there.
    """
    # Written by the run just before, so that nobody else could have put anything into it.
    cases = list(ElementTree.fromstring(report).iter("testcase"))  # noqa: S314
    names = {case: ".".join(filter(None, (case.get("classname"), case.get("name")))) for case in cases}
    skipped = [name for case, name in names.items() if case.find("skipped") is not None]
    ran = [name for case, name in names.items() if case.find("skipped") is None]
    nothing = [suite for suite in MUST_RUN if not any(name.startswith(f"{suite}.") for name in ran)]
    return nothing + [name for name in skipped if name.startswith(MUST_RUN)]


def main() -> None:
    """Exit with what is missing in the report that is named first."""
    if found := missing(Path(sys.argv[1]).read_text(encoding="utf-8")):
        sys.exit(f"these tests did not run: {', '.join(found)}")


if __name__ == "__main__":
    main()
