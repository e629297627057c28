"""``make up`` and ``make down``: the stack on a local AWS, kept running for playing with curl."""

import json
import signal
import sys
from pathlib import Path

from tools.commands.demo import console, running_stack
from tools.commands.target_stack import UP_STATE
from tools.local.aws import REGION, LocalAws, stop_group
from tools.local.delivery import LocalDelivery
from tools.local.stack import LocalStack


def up() -> None:
    """Start the stack, write down where it runs, and print commands."""
    if UP_STATE.exists():
        sys.exit("it is already running: 'make down' stops it")
    with running_stack(keep=True) as stack:
        state = {"group": stack.aws.process.pid, "folder": str(stack.aws.folder), "port": stack.aws.port}
        UP_STATE.write_text(json.dumps(state), encoding="utf-8")
        print_commands(stack)


def down() -> None:
    """Stop what `up` started."""
    if not UP_STATE.exists():
        sys.exit("nothing is running: 'make up' starts it")
    state = json.loads(UP_STATE.read_text(encoding="utf-8"))
    stop_group(state["group"])
    LocalAws.remove_files(Path(state["folder"]))
    UP_STATE.unlink()
    console.print("down")


def print_commands(stack: LocalStack) -> None:
    """Print commands that send, query and replay, as they can be pasted into a shell."""
    curl = f"curl -sS --cacert {stack.aws.certificate_authority}"
    signed = f"{curl} --aws-sigv4 aws:amz:{REGION}:execute-api --user {stack.operator.key}:{stack.operator.secret}"
    body = '{"id":"evt_1","type":"payment_intent.succeeded","created":1790000000,"data":{"object":{"id":"pi_1"}}}'
    for title, command in (
        (
            "a signed Stripe webhook",
            f"B='{body}'; T=$(date +%s); "
            f'S=$(printf \'%s.%s\' "$T" "$B" | '
            f"openssl dgst -sha256 -hmac '{stack.secrets['stripe']}' | sed 's/.* //'); "
            f'{curl} -H "Content-Type: application/json" -H "Stripe-Signature: t=$T,v1=$S" '
            f'-d "$B" {stack.base_url}/webhook/stripe',
        ),
        ("its status", f"{signed} {stack.base_url}/status/pi_1"),
        (
            "replay it",
            f"{signed} -H 'Content-Type: application/json' -d '{{\"eventIds\":[\"stripe:evt_1\"]}}' "
            f"{stack.base_url}/internal/replay",
        ),
        ("what came in, and one event", "make events SINCE=1h; make event ID=stripe:evt_1"),
        ("the same and more in a browser", "make console"),
        ("what processing logs", f"tail -f {stack.aws.folder}/log"),
    ):
        console.print(f"\n[bold]{title}[/]")
        print(command)
    console.print("\n[bold]webhooks of every provider, genuine and forged[/]")
    print("make send PROVIDER=adyen EVENT=REFUND COUNT=3; make send PROVIDER=stripe FORGE=body; make verify-archive")
    console.print("\n[bold]its events, sent on to your own code[/]")
    print("make listen PROVIDER=stripe FORWARD=http://localhost:3000/hooks SINCE=1h")
    if stack.delivery is not None:
        print_delivery_commands(stack.delivery, curl)
    console.print("\n'make down' stops it.")


def print_delivery_commands(delivery: LocalDelivery, curl: str) -> None:
    """Print commands that make a tenant, an endpoint and an event."""
    signed = (
        f"{curl} --aws-sigv4 aws:amz:{REGION}:execute-api --user {delivery.operator.key}:{delivery.operator.secret}"
    )
    json_body = "-H 'Content-Type: application/json' -d"
    bearer = '-H "Authorization: Bearer $TOKEN"'
    console.print("\n[bold]delivery: a tenant and its token[/]")
    print(f'{signed} {json_body} \'{{"tenantId":"mine","name":"Mine"}}\' {delivery.base_url}/operator/tenants')
    print(
        f"TOKEN=$({signed} {json_body} '{{}}' {delivery.base_url}/operator/tenants/mine/tokens "
        '| sed \'s/.*"token":"\\([^"]*\\)".*/\\1/\')'
    )
    console.print(
        "[bold]its endpoint[/] ('make receiver PORT=8080' starts one; SECRET= of the response makes it verify)"
    )
    print(f'{curl} {bearer} {json_body} \'{{"url":"http://127.0.0.1:8080/hook"}}\' {delivery.base_url}/v1/endpoints')
    console.print("[bold]an event and its deliveries[/]")
    print(f'{curl} {bearer} {json_body} \'{{"type":"invoice.paid","data":{{}}}}\' {delivery.base_url}/v1/events')
    print(f"{curl} {bearer} {delivery.base_url}/v1/deliveries")
    console.print(f"[bold]its documents[/] {delivery.base_url}/docs")
    delivery.make_tenant("demo")
    console.print("[bold]the portal of a customer[/], for a day; the browser does not know this machine's certificate")
    print(delivery.portal_link("demo", expiresInMinutes=1_440))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("\nstopped; everything that was started is removed."))
    {"up": up, "down": down}[sys.argv[1]]()
