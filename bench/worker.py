"""A function's process, as Lambda starts one; run with ``python -I -S``, since everything loaded here counts.

Arguments: the folders to import from, and the handler's module, or ``-`` for none. It says on the pipe that is its
standard output what its import took, and after that answers commands, ``[times, event]``: what an invocation took, or
for no times which calls to AWS one made. What the function prints goes nowhere.
"""

import sys
import time

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8"
SAMPLED_OF = 20


def main() -> None:
    """Import the handler, then measure what is asked for. CPU is in milliseconds."""
    import os  # noqa: PLC0415 (loaded at start anyhow)

    results = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    folders, name = sys.argv[1], sys.argv[2]
    sys.path[:0] = folders.split(":")
    started = time.perf_counter()
    module = None if name == "-" else __import__(name, fromlist=["handler"])
    results.write(f"{time.process_time() * 1e3} {(time.perf_counter() - started) * 1e3}\n")
    results.flush()
    if module is None:
        return
    import json  # noqa: PLC0415 (after what was measured)

    os.dup2(nowhere, 2)

    class Context:
        function_name, function_version, memory_limit_in_mb = "bench", "$LATEST", 512
        invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:bench"
        aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
        tenant_id = None

        def get_remaining_time_in_millis(self) -> int:
            return 30_000

    context = Context()
    for line in sys.stdin:
        times, event = json.loads(line)
        if not times:
            results.write(json.dumps(calls_of(module.handler, event, context)) + "\n")  # type: ignore[no-untyped-call]
            results.flush()
            continue
        cpu, wall = time.process_time(), time.perf_counter()
        for number in range(times):
            # As Lambda samples by default, the requests within a second beyond the first.
            # https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
            if number % SAMPLED_OF < 2:
                os.environ["_X_AMZN_TRACE_ID"] = f"{TRACE};Sampled={1 - number % SAMPLED_OF}"
            answer = module.handler(event, context)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        answered = answer.get("statusCode", 202) == 202 and not answer.get("batchItemFailures")
        if not answered:
            results.write(f"not accepted: {answer}\n")
            return
        results.write(f"{cpu * 1e3 / times} {wall * 1e3 / times}\n")
        results.flush()


def calls_of(handler, event, context):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Return the HTTP requests that an invocation makes through the standard library's client, as boto3 does."""
    import http.client  # noqa: PLC0415

    calls: list[str] = []
    client = http.client.HTTPConnection
    request, header = client.putrequest, client.putheader

    def putrequest(self, method, *arguments, **options):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN003, ANN202
        calls.append(method)
        return request(self, method, *arguments, **options)

    def putheader(self, name, *values):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN202
        if str(name).lower() == "x-amz-target":
            target = values[0].decode() if isinstance(values[0], bytes) else str(values[0])
            calls[-1] = target.rpartition(".")[2]
        return header(self, name, *values)

    client.putrequest, client.putheader = putrequest, putheader  # type: ignore[method-assign]
    try:
        handler(event, context)
    finally:
        client.putrequest, client.putheader = request, header  # type: ignore[method-assign]
    return calls


main()
