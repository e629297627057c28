"""``python -m bench.statement 100000``: what counting a day for the daily statement takes, on the local AWS.

The argument is the number of events. Calls and read units are counted as in `bench.operator_pages`. Time of CPU is that
of this process, so that the local AWS has no part in it: it is what the function itself needs.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from bench.operator_pages import NOW, PROVIDERS, Counting, fill
from lambdas.inbound.record_queries import RecordQueries
from lambdas.shared import times
from lambdas.statement.counting import Tally, count_entries, count_on
from tools.local.aws import LocalAws

_HOURS = 24.0


def main() -> None:
    """Fill a table with the events of a day, and count them twice: by record, and by entry."""
    events = int(sys.argv[1])
    with LocalAws.start() as aws:
        client = aws.client("dynamodb")
        fill(client, events, _HOURS)
        # They came from one noon to the next, say.
        days = sorted({times.iso(at)[:10] for at in (NOW - _HOURS * 3_600, NOW)})
        for kind in ("records", "entries"):
            counting = Counting(client)
            queries = RecordQueries(counting, "records")
            begun, cpu, counted = time.perf_counter(), time.process_time(), 0
            with ThreadPoolExecutor(10) as executor:
                for day in days:
                    for provider in PROVIDERS:
                        if kind == "entries":
                            counted += count_entries(queries, executor, provider, day)
                            continue
                        tally = Tally()
                        while not tally.complete:
                            count_on(tally, queries, executor, provider, day)
                        counted += sum(one["received"] for one in tally.accounts.values())
            wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
            calls = ", ".join(f"{name} {number:,}" for name, number in sorted(counting.calls.items()))
            print(f"{counted:,} {kind}: {wall:.1f} s, {cpu:.1f} s of CPU, {calls}, {counting.units:,.0f} read units")


if __name__ == "__main__":
    main()
