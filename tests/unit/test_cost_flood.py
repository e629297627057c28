"""What a flood of forgeries costs at most, against figures that were reckoned by hand."""

from dataclasses import replace

import pytest

from tests.unit.priced_stack import Observed, bill, stack
from tools.estimate.assumptions import ASSUMPTIONS
from tools.estimate.cost import page
from tools.estimate.cost.flood import flood
from tools.estimate.synthesized import webhook_path

DAYS = 14
VARIABLES = {"QUARANTINE_PER_HOUR": "36000", "TABLE_NAME": "${aws_dynamodb_table.records.name}"}


def quarantining():
    made = stack()
    variables = made.variables(webhook_path(made).ingestion)
    return stack(
        aws_lambda_function__ingestion={"environment": {"variables": {**variables, **VARIABLES}}},
        aws_s3_bucket_lifecycle_configuration__archive={
            "bucket": "${aws_s3_bucket.archive.id}",
            "rule": [
                {"id": "quarantine", "filter": [{"prefix": "quarantine/"}], "expiration": [{"days": DAYS}]},
            ],
        },
    )


def test_a_flood_costs_what_it_costs_by_hand():
    # A PUT of 25 ms, and nothing of the CPU
    assume = replace(ASSUMPTIONS, s3_ms=25.0, cpu_ms_per_call=0.0, cpu_ms_per_invocation=0.0)

    found = flood(bill(quarantining(), assume=assume).case)

    kept = 36_000 * 24
    assert found.providers == 2
    assert found.usd == pytest.approx(
        {
            "PUT": kept * 5e-6,
            # 32 KB each, for 14 days and the one in which an old version goes
            "kept bytes": kept * 32_768 / 1024**3 * 15 / (730 / 24) * 0.023,
            # A thousand blocks an hour, and one refusal for each of 50 executions
            "counting": 24 * 1_050 * 0.625e-6,
            "duration": kept * 0.025 * 0.5 * 1.33334e-5,
        }
    )
    assert found.per_day == pytest.approx(2 * sum(found.usd.values()))
    assert found.per_provider < 5


def test_the_page_says_it_and_says_nothing_without_a_quarantine():
    for made, told in ((quarantining(), True), (stack(), False)):
        priced = bill(made, observed=Observed())
        said = "\n".join(page.text("x", priced, []))
        assert ("a flood of forgeries costs at most usd" in said.lower()) is told
        assert bool(page.document("x", priced, [])["floodUsdPerDay"]) is told
