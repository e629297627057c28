"""What CI takes for a run in which Terraform and end-to-end tests took part."""

import os
import subprocess
import sys

import pytest

from tools.build.check_test_report import missing

RUN = "def test_one(): pass\n"
SKIPPED_TEST = "import pytest\n@pytest.mark.skip(reason='no Terraform')\ndef test_two(): pass\n"
SKIPPED_FILE = "import pytest\npytest.skip('no Terraform', allow_module_level=True)\n"
FIXTURE_SKIPS = """
import pytest
@pytest.fixture
def terraform(): pytest.skip('no Terraform')
def test_three(terraform): pass
"""
BOTH = {"plan/test_a.py": RUN, "e2e/test_b.py": RUN}

RUNS = {
    "both ran": (BOTH, []),
    "a skip elsewhere": (BOTH | {"unit/test_c.py": SKIPPED_TEST}, []),
    "no end-to-end tests": ({"plan/test_a.py": RUN}, ["tests.e2e"]),
    "nothing": ({"unit/test_c.py": RUN}, ["tests.plan", "tests.e2e"]),
    "one test skipped": (BOTH | {"e2e/test_c.py": SKIPPED_TEST}, ["tests.e2e.test_c.test_two"]),
    "one file skipped": (BOTH | {"plan/test_c.py": SKIPPED_FILE}, ["tests.plan.test_c"]),
    "a fixture skips": (BOTH | {"plan/test_c.py": FIXTURE_SKIPS}, ["tests.plan.test_c.test_three"]),
    "a whole suite skipped": (
        {"plan/test_a.py": RUN, "e2e/test_b.py": SKIPPED_FILE},
        ["tests.e2e", "tests.e2e.test_b"],
    ),
}


@pytest.mark.parametrize(("files", "expected"), RUNS.values(), ids=RUNS)
def test_what_did_not_run_is_named(tmp_path, files, expected):
    # Given the report that pytest writes of such tests
    for name, text in files.items():
        path = tmp_path / "tests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    report = tmp_path / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", "tests"]
    # Whoever runs these tests may have asked for a report of their own.
    own = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    # Plugins take seconds to load, and have no part in the report.
    own["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    subprocess.run(command, cwd=tmp_path, env=own, check=False, capture_output=True)

    assert missing(report.read_text()) == expected
