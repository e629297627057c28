"""Print what a preset, or an environment of ``cdktf.json``, costs under a workload."""

import argparse
import json
import sys

from modules.settings.validation import SettingsError
from tools.estimate.assumptions import ASSUMPTIONS
from tools.estimate.cost import page, prices
from tools.estimate.cost.alternatives import alternatives
from tools.estimate.cost.bill import bill_of
from tools.estimate.cost.rules import NoPriceError
from tools.estimate.cost.workload import Workload, WorkloadError
from tools.estimate.observed.functions import NotObservedError, Observer
from tools.estimate.synthesized import NotInStackError, webhook_path
from tools.estimate.synthesized.synthesis import choose, synthesize


def main() -> None:
    """Print the bill."""
    parser = argparse.ArgumentParser(prog="make cost", description=__doc__)
    parser.add_argument("--preset", default="", help="standard by default")
    parser.add_argument("--environment", default="", help="environment of cdktf.json instead of a preset")
    parser.add_argument("--rate", default="10", help="webhooks a second, on average")
    parser.add_argument("--size", default="2048", help="bytes of a webhook's body")
    parser.add_argument("--duplicates", default="0", help="percent of the webhooks that came before")
    parser.add_argument("--months", default="12", help="months for which payloads and records are kept")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    try:
        workload = Workload.parse(rate=asked.rate, size=asked.size, duplicates=asked.duplicates, months=asked.months)
        settings, name = choose(asked.preset, asked.environment)
        if workload.size > settings.api.max_body_bytes:
            raise WorkloadError(
                f"SIZE: {workload.size:,} bytes is more than this stack takes; allowed: 1 to "
                f"{settings.api.max_body_bytes:,} bytes (api.max_body_bytes)"
            )
        stack = synthesize(settings)
        listed = prices.load()
        with Observer(stack, webhook_path(stack), workload.size) as observer:
            bill = bill_of(stack, workload, observer=observer, prices=listed, assume=ASSUMPTIONS)
            others = [
                (
                    other,
                    bill_of(
                        other.stack,
                        workload,
                        observer=observer,
                        prices=listed,
                        assume=ASSUMPTIONS,
                        archive=other.archive,
                    ),
                )
                for other in alternatives(bill)
            ]
            if asked.json:
                print(json.dumps(page.document(name, bill, others), indent=2))
            else:
                print("\n".join(page.text(name, bill, others)))
    except (
        WorkloadError,
        SettingsError,
        NoPriceError,
        NotInStackError,
        NotObservedError,
        FileNotFoundError,
    ) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
