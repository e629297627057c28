"""``make demo``: both halves on a laptop, from a webhook's signature to its replay, and on to tenants' endpoints."""

import hashlib
import hmac
import json
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from rich.console import Console
from rich.table import Table

from lambdas.inbound.archive import BATCH_PREFIX
from modules.constructs.naming import Names
from tools.commands.archive_reader import payloads_of
from tools.commands.demo_delivery import show_delivery
from tools.local.calls import wait_for
from tools.local.downstream import Downstream
from tools.local.progress import Progress, print_whole
from tools.local.saved_stack import SavedStack
from tools.local.stack import LocalStack
from tools.senders import SentWebhook, new_secret, providers, webhook

ENVIRONMENT = "local"
NAMES = Names(ENVIRONMENT)
# As long as the functions' time-out while other events are on their way, shorter when the poisoned one is alone.
RETRY_SECONDS = 10
POISONED_RETRY_SECONDS = 3
SETTLE_SECONDS = 120
POISONED = 666

console = Console()


def main() -> None:
    """Run the demo and take down what it started."""
    started = time.monotonic()
    with running_stack() as stack:
        downstream = Downstream.subscribe(stack)
        sent = send_all(stack)
        show_answers(sent)
        routed = await_routing(downstream, {webhook.transaction_id for _, webhook, status in sent if status < 300})
        show_timelines(stack, sent)
        show_dead_letter_and_replay(stack, downstream, routed)
        show_archive(stack, [item for _, item, status in sent if status < 300])
        show_routed(routed)
        if stack.delivery is not None:
            show_delivery(stack, stack.delivery, console)
    console.print(
        f"\n[bold green]done[/] in {time.monotonic() - started:.0f} s; everything that it started is removed."
    )
    show_where_next()


@contextmanager
def running_stack(*, keep: bool = False) -> Iterator[LocalStack]:
    """Start the stacks on a local AWS, with progress, and take them down afterwards, unless they are to be kept."""
    console.print("[bold]1. The stacks[/] on a local AWS (MiniStack, IAM enforced on every call, TLS)")
    progress = Progress(console)
    with ExitStack() as cleanup:
        with progress.shown():
            stack = SavedStack().start(progress)
        cleanup.enter_context(stack.aws)
        if progress.done:
            console.print(f"   {progress.done} resources, synthesized by CDKTF and applied by Terraform")
        else:
            console.print("   as an earlier run deployed them; synthesized again, and nothing has changed")
        print_whole(console, f"   {stack.aws.url}\n   webhooks: {stack.base_url}")
        if stack.delivery is not None:
            print_whole(console, f"   events for delivery: {stack.delivery.base_url}/v1/events")
        yield stack
        if keep:
            cleanup.pop_all()


def send_all(stack: LocalStack) -> list[tuple[str, SentWebhook, int]]:
    """Send what providers send, and what attackers send; return kind, webhook and HTTP status of each."""
    console.print("[bold]2. Webhooks[/] of every provider: valid, duplicate, forged; unknown, malformed, poisoned")
    stack.shorten_retries(RETRY_SECONDS)
    deny_archive(stack, POISONED)
    now = int(time.time())
    planned: list[tuple[str, SentWebhook]] = []
    for number, provider in enumerate(providers(), start=1):
        genuine = webhook(provider, number, stack.secrets[provider], now)
        planned += [
            ("valid", genuine),
            ("duplicate", webhook(provider, number, stack.secrets[provider], now)),
            ("forged", webhook(provider, number, new_secret(provider), now)),
        ]
    stripe = webhook("stripe", 50, stack.secrets["stripe"], now)
    planned += [
        ("replayed an hour later", webhook("stripe", 51, stack.secrets["stripe"], now - 3600)),
        ("unknown provider", replace(stripe, path="/webhook/acme-pay", provider="acme-pay")),
        ("signed, but not JSON", _signed_garbage(stack, now)),
        ("300 KB", webhook("stripe", 52, stack.secrets["stripe"], now, {"padding": "x" * 300_000})),
        ("poisoned", webhook("stripe", POISONED, stack.secrets["stripe"], now)),
    ]
    sent = []
    with console.status("   sending"):
        for kind, item in planned:
            sent.append((kind, item, stack.post(item).status_code))
    return sent


def _signed_garbage(stack: LocalStack, now: int) -> SentWebhook:
    genuine = webhook("generic", 53, stack.secrets["generic"], now)
    body = b"\xff\xfe not json"
    signature = hmac.new(stack.secrets["generic"].encode(), body, hashlib.sha256).hexdigest()
    return replace(genuine, body=body, headers={**genuine.headers, "X-Webhook-Signature": signature})


def deny_archive(stack: LocalStack, number: int) -> None:
    """Poison one event: deny processing the one object key that its payload would get, and objects of many."""
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Action": "s3:PutObject",
                "Resource": [
                    f"arn:aws:s3:::{stack.outputs['bucket_name']}/{prefix}*"
                    for prefix in (f"raw/stripe/evt_1Demo{number:06}/", BATCH_PREFIX)
                ],
            }
        ],
    }
    stack.aws.client("iam").put_role_policy(
        RoleName=NAMES("processing"), PolicyName="poison", PolicyDocument=json.dumps(policy)
    )


def show_answers(sent: list[tuple[str, SentWebhook, int]]) -> None:
    """Show each request's answer."""
    table = Table(
        "provider", "what was sent", "bytes", "answer", title="What the senders received", title_justify="left"
    )
    for kind, item, status in sent:
        colour = "green" if status < 300 else "yellow"
        table.add_row(item.provider, kind, f"{len(item.body):,}", f"[{colour}]{status}[/]")
    console.print(table)


def await_routing(downstream: Downstream, transactions: set[str]) -> list[dict[str, Any]]:
    """Wait until the subscriber has every accepted transaction but the poisoned one."""
    expected = transactions - {f"pi_3Demo{POISONED:06}"}
    routed: list[dict[str, Any]] = []
    with console.status("   waiting") as status:

        def look() -> bool | None:
            routed.extend(downstream.receive())
            arrived = {event["detail"]["transactionId"] for event in routed}
            status.update(f"   {len(arrived & expected)} of {len(expected)} transactions routed ...")
            return True if expected <= arrived else None

        wait_for("the subscriber to get every event", look, SETTLE_SECONDS)
    return routed


def show_timelines(stack: LocalStack, sent: list[tuple[str, SentWebhook, int]]) -> None:
    """Show each accepted event's timeline."""
    table = Table("transaction", "state", "timeline (GET /status)", title="What happened to them", title_justify="left")
    for transaction in dict.fromkeys(item.transaction_id for _, item, status in sent if status < 300):
        if transaction.endswith(f"{POISONED:06}"):
            continue
        found = wait_for(f"the status of {transaction}", partial(_finished, stack, transaction), SETTLE_SECONDS)
        table.add_row(transaction, found["state"], _steps(found))
    console.print(table)


def _finished(stack: LocalStack, transaction: str) -> dict[str, Any] | None:
    status = stack.status(transaction)
    return status if status and status["state"] == "ROUTED" else None


def _steps(status: Mapping[str, Any]) -> str:
    oldest_first = list(reversed(status["timeline"]))
    return " > ".join(f"{entry['step']} {entry['at'][14:23]}" for entry in oldest_first)


def show_dead_letter_and_replay(stack: LocalStack, downstream: Downstream, routed: list[dict[str, Any]]) -> None:
    """Wait for the poisoned event's dead letter, fix the cause, replay it, and see it routed."""
    transaction = f"pi_3Demo{POISONED:06}"
    event = f"stripe:evt_1Demo{POISONED:06}"
    console.print("[bold]3. The poisoned one[/]: processing may not archive it, as with a broken key grant")
    stack.shorten_retries(POISONED_RETRY_SECONDS)
    with console.status("") as status:

        def dead() -> dict[str, Any] | None:
            found = stack.status(transaction)
            return found if found and found["state"] == "DEAD_LETTERED" else None

        found = wait_for(
            "the poisoned event to be dead-lettered",
            dead,
            SETTLE_SECONDS,
            lambda waited: status.update(
                f"   three receives, {RETRY_SECONDS} s and {POISONED_RETRY_SECONDS} s apart ... {waited:.0f} s"
            ),
        )
    reason = found["events"][0]["lastFailure"]["reason"]
    console.print(f"   dead-lettered after three receives; reason: {reason}")
    stack.aws.client("iam").delete_role_policy(RoleName=NAMES("processing"), PolicyName="poison")
    dry = stack.call("POST", "/internal/replay", {"eventIds": [event], "dryRun": True}).json()
    console.print(f"   cause fixed; replay, dry run: {dry['matched']} event matched")
    stack.call("POST", "/internal/replay", {"eventIds": [event]}).raise_for_status()
    with console.status("   replaying"):
        done = wait_for("the replay to be processed", lambda: _finished(stack, transaction), SETTLE_SECONDS)

        def arrived() -> bool | None:
            routed.extend(downstream.receive())
            return True if any(event["detail"]["transactionId"] == transaction for event in routed) else None

        wait_for("the subscriber to get the replayed event", arrived, SETTLE_SECONDS)
    console.print(f"   {_steps(done)}")


def show_archive(stack: LocalStack, accepted: list[SentWebhook]) -> None:
    """Show what was archived, and compare it with what was sent."""
    table = Table("object", "bytes", title="What was archived", title_justify="left")
    found = stack.aws.client("s3").list_objects_v2(Bucket=stack.outputs["bucket_name"])
    for item in found.get("Contents", []):
        key = item["Key"]
        table.add_row(key if len(key) < 60 else key[:52] + "...", f"{item['Size']:,}")
    console.print(table)
    bucket, s3 = stack.outputs["bucket_name"], stack.aws.client("s3")
    raw = [item["Key"] for item in found.get("Contents", []) if item["Key"].startswith("raw/")]
    contents = {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in raw}
    stored = {body for key, content in contents.items() for body in payloads_of(key, content)}
    distinct = {item.body for item in accepted}
    console.print(
        f"   {len(accepted)} accepted, {len(accepted) - len(distinct)} of them duplicates; "
        f"{len(distinct & stored)} of {len(distinct)} distinct payloads archived byte for byte, "
        f"{len(stored - distinct)} payloads too many"
    )


def show_routed(routed: list[dict[str, Any]]) -> None:
    """Show what the subscriber got."""
    table = Table("source", "detail-type", "event", "replayed", title="What the subscriber got", title_justify="left")
    for event in routed:
        table.add_row(
            event["source"],
            event["detail-type"],
            event["detail"]["eventId"][:40],
            "yes" if "replay" in event["detail"] else "",
        )
    console.print(table)


def show_where_next() -> None:
    """Say what to do now."""
    console.print(
        "\nNext:\n"
        "  make up       keep it running, with ready-made curl commands\n"
        "  make test     run all tests\n"
        "  docs/         architecture, deploying, operating"
    )


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("\ndemo stopped; everything that it started is removed."))
    try:
        main()
    except (TimeoutError, FileNotFoundError, RuntimeError) as error:
        sys.exit(f"demo stopped: {error}")
    except KeyboardInterrupt:
        sys.exit("\ndemo stopped; everything that it started is removed.")
