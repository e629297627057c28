"""Events of which no webhook came: found in the providers' lists, over TLS and with IAM enforced, and routed once.

The providers' host names lead to APIs of the tests, which the providers' own clients read too, in
``tests/lambdas/test_reconcile_lists.py``. Only the bundle that the tests deploy does so: no setting and no variable of
the function can send an API key elsewhere.
"""

import io
import json
import ssl
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copy

import pytest
import trustme

from lambdas.inbound.archive import REPORT_PREFIX
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.reconcile.lists.registry import LISTS
from lambdas.reconcile.logic import SETTLE_SECONDS
from lambdas.shared import times
from lambdas.shared.signatures.scheme import key_id
from modules.constructs.bundling import RECONCILE
from modules.constructs.naming import Names
from modules.settings.environments import load_settings
from tests.copies import a_copy
from tests.e2e.leading import leads_to, replaced
from tests.e2e.observe import await_routed, by_transaction, objects, records
from tests.e2e.permissions import used_and_unused
from tests.e2e.smoking import target_of
from tests.e2e.strangers import all_log_lines
from tests.lambdas.events_apis import (
    GitHubApi,
    GoCardlessApi,
    LithicApi,
    PaddleApi,
    PayPalApi,
    SquareApi,
    StripeApi,
    github_hook,
    listed_event,
    lithic_subscription,
    paddle_setting,
    paypal_webhook,
    serving,
    square_subscription,
    stripe_endpoint,
)
from tests.unit.providers.paypal_deliveries import LIVE
from tools.build.bundle import bundles_for_this_machine
from tools.commands import reconcile
from tools.commands import secret as secret_command
from tools.commands.archive_proof import Proof, prove
from tools.commands.target_stack import Target
from tools.commands.verify_archive import all_keys, archived
from tools.local.calls import create_operator
from tools.local.downstream import Downstream
from tools.local.stack import BOTH_QUEUES, ENVIRONMENTS
from tools.senders import SENDERS, SentWebhook, Signing

FIRST_NUMBER = 800_000
APIS = {
    "stripe": StripeApi,
    "square": SquareApi,
    "paypal": PayPalApi,
    "github": GitHubApi,
    "gocardless": GoCardlessApi,
    "lithic": LithicApi,
    "paddle": PaddleApi,
}
KEYS = {
    "stripe": "rk_test_ofTheTests",
    "square": "EAAAofTheTests",
    "paypal": "client-of-the-tests:secret-of-the-tests",
    "github": "github_pat_ofTheTests",
    "gocardless": "live_ofTheTests",
    "lithic": "lithic-key-of-the-tests",
    "paddle": f"pdl_live_apikey_{'ofTheTests':0<26}_{'ofTheTests':0<22}_abc",
}
# Of GitHub's, each is a call of its own, of one a second. PayPal alone can sign PayPal's: none of them comes.
EVENTS = {"stripe": 12, "square": 12, "paypal": 3, "github": 3, "gocardless": 3, "lithic": 3, "paddle": 3}
HIDDEN = {
    "stripe": {1, 6, 7, 8},
    "square": {0, 5, 6, 11},
    "paypal": {0, 1, 2},
    "github": {1},
    "gocardless": {0, 1},
    "lithic": {1},
    "paddle": {2},
}


def event(stack, name, number, at):
    """Return an event's webhook, and what its provider's API shows of it."""
    if name == "paypal":
        capture = f"{number}BC123456S"
        body = LIVE.body.replace(b"12A34567BC123456S", capture.encode())
        body = body.replace(b"WH-58D329510W468432D-8HN650336L201105X", f"WH-{number}-8HN6".encode())
        shown = {**json.loads(body), "create_time": times.iso(at)}
        return SentWebhook(provider=name, path="", body=body, headers={}, transaction_id=capture), shown
    said = {"stripe": {"created": int(at)}, "square": {"created_at": times.iso(at)}}.get(name, {})
    sender = SENDERS[name]
    signing = Signing(secret=stack.secrets[name], now=int(time.time()), number=number, options=sender.options)
    sent = sender.webhook(signing, extra=said)
    if name in {"stripe", "square"}:
        return sent, json.loads(sent.body)
    if name != "github":
        return sent, listed_event(name, sent, at)
    request = {"headers": dict(sent.headers), "payload": json.loads(sent.body)}
    guid = sent.headers["X-GitHub-Delivery"]
    return sent, {"id": number, "guid": guid, "delivered_at": times.iso(at), "request": request}


def bundle_for_the_tests(folder: Path, authority: trustme.CA, port: int) -> bytes:
    """Return the function's bundle, with the providers' host names leading here."""
    trusted = folder / "trusted.pem"
    authority.cert_pem.write_to_path(str(trusted))
    bundle = Path(copy(bundles_for_this_machine() / f"{RECONCILE}.zip", folder))
    replaced(bundle, {"lambdas/reconcile/lists/__init__.py": leads_to(port, trusted)})
    return bundle.read_bytes()


@pytest.fixture
def apis(tmp_path):
    """The providers' APIs, each of which takes its own key only; and the function's bundle that asks them."""
    authority, hosts = trustme.CA(), {name: LISTS[name].hosts[0] for name in APIS}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*hosts.values()).configure_cert(context)
    made = {name: api(time.time, KEYS[name]) for name, api in APIS.items()}
    by_host = {host: made[name] for name, host in hosts.items()}
    with serving(by_host.__getitem__, context) as port:
        yield made, bundle_for_the_tests(tmp_path, authority, port)


def deploy(stack, bundle):
    function = Names(stack.environment)(RECONCILE)
    stack.aws.client("lambda").update_function_code(FunctionName=function, ZipFile=bundle)
    # A run of its own would do what the test waits for.
    for name in APIS:
        stack.aws.client("events").disable_rule(Name=Names(stack.environment)("reconcile", qualifier=name))
    return function


def set_keys(stack, monkeypatch):
    root = target_of(stack.aws, stack.environment, stack.outputs, stack.operator)
    monkeypatch.setattr(Target, "chosen", lambda: Target(**{**vars(root), "client": stack.aws.client}))
    for name, key in KEYS.items():
        monkeypatch.setattr("sys.argv", ["secret", name, secret_command.API])
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{key}\n"))
        secret_command.main()


def reconciler(stack, function):
    """Return the stack as somebody has it who may invoke the function and nothing else."""
    arn = stack.aws.client("lambda").get_function_configuration(FunctionName=function)["FunctionArn"]
    statement = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    user = create_operator(stack.aws, "reconciler", policy)
    return target_of(stack.aws, stack.environment, stack.outputs, user)


def run_all(target):
    """Reconcile every provider at the same time, and return the reports by provider."""
    with ThreadPoolExecutor(len(APIS)) as pool:
        found = pool.map(lambda name: reconcile.invoke(target, {"provider": name}), APIS)
        return dict(zip(APIS, found, strict=True))


def proofs(stack, target):
    """Return what ``make verify-archive`` says of each payload, by provider."""
    root = Target(**{**vars(target), "client": stack.aws.client})
    unreadable, found, keys = [], Counter(), all_keys(root, None)
    for payload in archived(root, None, unreadable):
        found[payload.provider, prove(payload, keys[payload.provider], lambda key: None)] += 1
    assert unreadable == []
    return found


def happen(stack, made):
    """Have events happen at the providers, a quarter of an hour ago; return their webhooks, by provider."""
    at, webhooks = time.time() - SETTLE_SECONDS - 600, {}
    for name, api in made.items():
        both = [event(stack, name, FIRST_NUMBER + number, at + number) for number in range(EVENTS[name])]
        webhooks[name] = [sent for sent, _ in both]
        api.events = [shown for _, shown in both]
    return webhooks


def register(stack, made):
    """Register the stack with the providers; GitHub's hook is disabled."""
    base = f"{stack.outputs['endpoint_url']}/webhook"
    options = load_settings(ENVIRONMENTS, stack.environment).provider_options
    types = ["payment.updated", "payment.created"]
    made["stripe"].registrations = [stripe_endpoint(f"{base}/stripe", livemode=False)]
    made["square"].registrations = [square_subscription(options["square"]["url"], types)]
    made["paypal"].registrations = [paypal_webhook(f"{base}/paypal", id_=options["paypal"]["webhook_id"])]
    made["lithic"].registrations = [lithic_subscription(f"{base}/lithic")]
    made["paddle"].registrations = [paddle_setting(f"{base}/paddle", ["*"])]
    made["github"].registrations = [github_hook(f"{base}/github", off=True)]


def accepted(stack, sent):
    """Send a webhook; tell whether it is answered as its provider expects."""
    return stack.post(sent).status_code == REGISTRY[sent.provider].response.status


def run_dry(target, monkeypatch):
    """Run the command for Stripe, without a change."""
    monkeypatch.setattr(Target, "chosen", lambda: target)
    monkeypatch.setattr("sys.argv", ["reconcile", "stripe", "--dry-run"])
    assert reconcile.main() == 0


def test_what_never_came_is_found_routed_once_and_marked(bundles, apis, monkeypatch, capsys, report):
    del bundles
    made, bundle = apis
    with a_copy() as stack:
        # What a busy machine does not finish comes back while the test waits.
        stack.shorten_retries(12, BOTH_QUEUES)
        function = deploy(stack, bundle)
        set_keys(stack, monkeypatch)
        downstream, target = Downstream.subscribe(stack, list(APIS)), reconciler(stack, function)
        # Given events of which some never came
        webhooks, total = happen(stack, made), sum(EVENTS.values())
        register(stack, made)
        missing = {name: [webhooks[name][number] for number in HIDDEN[name]] for name in APIS}
        hidden = {sent.transaction_id for sents in missing.values() for sent in sents}
        came = [sent for sents in webhooks.values() for sent in sents if sent.transaction_id not in hidden]
        assert [sent for sent in came if not accepted(stack, sent)] == []
        routed = await_routed(downstream, [sent.transaction_id for sent in came])

        # When somebody who may only invoke the function tries it, nothing happens
        run_dry(target, monkeypatch)
        said = capsys.readouterr().out
        assert "evt_1Demo800007" in said
        assert "Nothing was handed over" in said
        assert len(records(stack)) == len(came)
        # and when the function runs
        reports = run_all(target)

        # Then each event is recorded and routed once, and those that were missing say so
        assert {name: (one["listed"], one["recovered"], one["unreadable"]) for name, one in reports.items()} == {
            name: (EVENTS[name], len(HIDDEN[name]), 0) for name in APIS
        }
        # and the hook that is disabled is told in the report, and counted for the alarm
        looked = {name: one["registration"] for name, one in reports.items()}
        assert [name for name, found in looked.items() if found is None] == ["gocardless"]
        problems = {name: found["problems"] for name, found in looked.items() if found and found["problems"]}
        assert problems == {"github": ["repos/acme/shop/hooks/7: disabled, nothing is sent"]}
        counted = [json.loads(line) for line in all_log_lines(stack) if '"RegistrationProblems"' in line]
        assert [(one["RegistrationProblems"], one["provider"]) for one in counted] == [([1.0], "github")]
        routed += await_routed(downstream, hidden)
        assert {one["detail"]["transactionId"] for one in routed if one["detail"].get("recovered")} == hidden
        recorded = records(stack)
        assert {one["transaction"]["S"] for one in recorded if "recovered" in one} == hidden
        assert len(recorded) == total
        assert len(objects(stack, REPORT_PREFIX)) == len(APIS) + 1

        # and their webhooks, when they come after all, are duplicates, and the next run finds nothing
        assert {one["recovered"] for one in run_all(target).values()} == {0}
        late = [sent for name in APIS if name != "paypal" for sent in missing[name]]
        last = [event(stack, name, FIRST_NUMBER + 100, time.time())[0] for name in APIS if name != "paypal"]
        assert [sent for sent in [*late, *last] if not accepted(stack, sent)] == []
        routed += await_routed(downstream, [sent.transaction_id for sent in last])
        assert set(by_transaction(routed).values()) == {1}
        assert len(by_transaction(routed)) == len(records(stack)) == total + len(last)

        # and the archive tells what was fetched from what is proven; GitHub's list has the signature too
        found = proofs(stack, target)
        assert {key: count for key, count in found.items() if key[1] is not Proof.PROVEN} == {
            (name, Proof.FETCHED): len(HIDDEN[name]) for name in APIS if name != "github"
        }

        # and no log has a key, and the function does all that it may
        parts = [part for key in KEYS.values() for part in key.split(":")]
        assert [line for line in all_log_lines(stack) for part in parts if part in line] == []
        assert {one["keyId"] for one in reports.values()} == {key_id(key) for key in KEYS.values()}
        used, unused = used_and_unused(stack, [RECONCILE])
        # It looks for webhooks where a page of the list has none of them, which depends on the order of what came.
        assert set(unused) <= {"reconcile: dynamodb:Query"}
        calls = ", ".join(f"{name} {len(api.calls)}" for name, api in made.items())
        report(f"reconciliation: {len(hidden)} of {total} events hidden, found and routed once; calls: {calls}")
        report(f"reconciliation's permissions: {', '.join(used)}")
