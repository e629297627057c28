"""The guards as a user meets them: at synth, in a stack of their own, with waivers."""

import json
import re
import runpy
import traceback

import jsii
import pytest

from lambdas import VERSION
from main import build_app
from modules.constructs.naming import PREFIX, Names
from modules.constructs.policy import Statement, policy_document
from modules.constructs.route import Route
from modules.constructs.tags import tag_everything
from modules.guards import GuardError, Waiver, guard_error, guard_everything
from modules.guards.waiver import GUARDS
from modules.inbound.stack import WebhookStack
from modules.inbound.storage_layer import StorageLayer
from modules.settings.environments import build_settings, load_settings
from modules.synth import cdk
from tests.synth.bare import ACCOUNT, bare_stack
from tools import ROOT

TAGS = {"Environment": "dev", "Service": "ledger", "ManagedBy": "cdktf"}


@pytest.fixture
def stack(bundles):
    """A stack that no test has synthesized yet."""
    return WebhookStack(cdk.Testing.app(), "webhooks-dev", build_settings("dev", {}), bundles)


def refusal(stack):
    """Synthesize a stack that guards must stop, without validations, and return their error."""
    with pytest.raises(RuntimeError) as stopped:
        cdk.Testing.synth(stack)
    error = guard_error(stopped.value)
    assert isinstance(error, GuardError), f"stopped by something else: {stopped.value}"
    return error


def found(stack):
    return [(finding.check, finding.address) for finding in refusal(stack).findings]


@pytest.mark.parametrize("environment", json.loads((ROOT / "cdktf.json").read_text())["context"]["environments"])
def test_no_environment_of_cdktf_json_is_stopped(bundles, environment):
    settings = load_settings(ROOT / "cdktf.json", environment)
    stack = WebhookStack(cdk.Testing.app(), f"webhooks-{environment}", settings, bundles)

    text = cdk.Testing.synth(stack)

    assert "aws_sqs_queue" in json.loads(text)["resource"]
    assert "guard" not in text


@pytest.mark.parametrize("environment", ["staging1", "pr4711", "probe2", "a1b2c3d4e5f6g7h8", "x"])
def test_the_name_of_an_environment_is_no_secret(bundles, environment):
    built = WebhookStack(cdk.Testing.app(), f"webhooks-{environment}", build_settings(environment, {}), bundles)

    # A finding would stop it.
    assert json.loads(cdk.Testing.synth(built))["resource"]["aws_lambda_function"]


def test_an_escape_hatch_is_seen(stack):
    stack.queues.main.add_override("visibility_timeout_seconds", 60)

    assert found(stack) == [("visibility-timeout", "webhooks-dev/queues/main")]


def test_the_error_says_where_what_which_rule_and_what_to_do(stack):
    stack.queues.main.add_override("visibility_timeout_seconds", 60)
    stack.storage.table.add_override("name", "records")

    assert str(refusal(stack)) == (
        "guards stop the synth of webhooks-dev:\n"
        "\n"
        "webhooks-dev/queues/main: visibility-timeout\n"
        "  found: visibility_timeout_seconds is 60 s, less than 181 s: six times the time-out of "
        "webhooks-dev/fleet/processing/function, 30 s, and a batch window of 1 s\n"
        "  rule:  A queue's visibility timeout is at least six times its function's time-out, and the batch window on "
        "top.\n"
        "         https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html\n"
        "  to do: Raise the visibility timeout or lower the time-out: a message would come again while it is "
        "processed.\n"
        "\n"
        "webhooks-dev/storage/table: name-suffix\n"
        "  found: name is 'records' and does not end in '-dev'\n"
        "  rule:  Every name ends in -<environment>, and after it .fifo for a FIFO queue. The log group of API "
        "Gateway's execution log is exempt: AWS names it.\n"
        "         NAME-1; this project's modules/constructs/naming.py\n"
        "  to do: Make the name with modules.constructs.naming.Names, so that two environments live in one account."
    )


def test_the_error_does_not_repeat_a_secret(stack):
    secret = "whs" + "ec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    stack.fleet.status.configure({"SIGNED_BY": secret})

    error = refusal(stack)

    assert "webhooks-dev/fleet/status/function: secret-in-variable\n  found: variable SIGNED_BY " in str(error)
    assert secret not in str(error)


def test_a_layer_used_wrongly_is_seen(stack):
    stack.api.route(Route(method="POST", path="/webhook/open"), stack.fleet.status)
    stack.fleet.status.allow("Everything", ["s3:*"], ["*"])

    assert found(stack) == [
        ("open-route", "webhooks-dev/api/post_webhook_open_method"),
        ("wildcard-action", "webhooks-dev/fleet/status/permissions"),
        ("wildcard-resource", "webhooks-dev/fleet/status/permissions"),
    ]


def test_an_override_of_the_whole_stack_is_seen(stack):
    stack.add_override("resource.aws_sqs_queue.raw", {"name": "raw", "tags": TAGS, "sqs_managed_sse_enabled": True})

    assert found(stack) == [("name-suffix", "aws_sqs_queue.raw")]


class WithPartnerQueue(WebhookStack):
    """A user's stack, with a queue whose name somebody else has chosen."""

    def __init__(self, scope, id_, settings, bundles, waived):
        super().__init__(scope, id_, settings, bundles)
        self.partner_queue = cdk.SqsQueue(self, "partner_queue", name="partner-queue", sqs_managed_sse_enabled=True)
        for rule in waived:
            self.guards.waive(Waiver.at(self.partner_queue, rule, "the partner's contract names this queue"))


def with_partner_queue(bundles, *waived, environment="dev"):
    settings = build_settings(environment, {})
    return WithPartnerQueue(cdk.Testing.app(), f"webhooks-{environment}", settings, bundles, waived)


def test_what_a_subclass_adds_is_seen(bundles):
    assert found(with_partner_queue(bundles)) == [("name-suffix", "webhooks-dev/partner_queue")]


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_a_waiver_lets_one_guard_through_at_one_construct(bundles, environment):
    stack = with_partner_queue(bundles, "name-suffix", environment=environment)

    queues = json.loads(cdk.Testing.synth(stack))["resource"]["aws_sqs_queue"].values()

    assert "partner-queue" in {queue["name"] for queue in queues}


def test_a_waiver_lets_no_other_guard_through(bundles):
    stack = with_partner_queue(bundles, "name-suffix")
    stack.partner_queue.add_override("sqs_managed_sse_enabled", False)

    assert found(stack) == [("unencrypted-store", "webhooks-dev/partner_queue")]


def test_a_waiver_lets_no_other_construct_through(bundles):
    stack = with_partner_queue(bundles, "name-suffix")
    stack.queues.main.add_override("name", "webhook-queue")

    assert found(stack) == [("name-suffix", "webhooks-dev/queues/main")]


def test_a_waiver_that_is_not_needed_is_an_error(bundles):
    stack = with_partner_queue(bundles, "name-suffix", "missing-tag")

    error = refusal(stack)

    assert [(finding.check, finding.address) for finding in error.findings] == [
        ("unused-waiver", "webhooks-dev/partner_queue")
    ]
    assert "nothing is found here by missing-tag, which is waived" in str(error)


@pytest.mark.parametrize(
    ("rule", "reason", "says"),
    [
        ("name-sufix", "typed in a hurry", "'name-sufix' is no guard; guards: dead-letter-queue-kind, "),
        ("unused-waiver", "makes no sense", "'unused-waiver' is no guard"),
        ("name-suffix", "  ", "waiver of name-suffix at webhooks-dev/partner_queue: it needs a reason"),
    ],
)
def test_a_waiver_needs_a_guard_and_a_reason(rule, reason, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        Waiver("webhooks-dev/partner_queue", rule, reason)


@jsii.implements(cdk.IAspect)
class ChangeAspect:
    """A user's Aspect: calls a function with the construct of a path."""

    def __init__(self, path, change):
        self._path, self._change = path, change

    def visit(self, node):
        if node.node.path == self._path:
            self._change(node)


def test_what_an_aspect_that_is_added_later_does_is_seen_at_the_last_construct_too(stack):
    cdk.SqsQueue(stack, "last", name="webhook-last-dev", sqs_managed_sse_enabled=True)
    for path in ("webhooks-dev/queues/main", "webhooks-dev/last"):
        cdk.Aspects.of(stack).add(ChangeAspect(path, lambda node: node.add_override("name", node.node.id)))

    assert found(stack) == [
        ("name-suffix", "webhooks-dev/queues/main"),
        ("name-suffix", "webhooks-dev/last"),
    ]


def test_what_an_aspect_that_is_added_later_mends_is_no_mistake(stack):
    queue = cdk.SqsQueue(stack, "last", name="webhook-last-dev")
    cdk.Aspects.of(stack).add(
        ChangeAspect("webhooks-dev/last", lambda node: node.add_override("kms_master_key_id", "alias/k"))
    )

    written = json.loads(cdk.Testing.synth(stack))["resource"]["aws_sqs_queue"]

    assert written[queue.friendly_unique_id]["kms_master_key_id"] == "alias/k"


@pytest.mark.parametrize("when", ["webhooks-dev", "webhooks-dev/queues/main", "webhooks-dev/last"])
def test_what_an_aspect_that_is_added_later_adds_is_seen(stack, when):
    cdk.SqsQueue(stack, "last", name="webhook-last-dev", sqs_managed_sse_enabled=True)

    def add(node):
        del node
        cdk.SqsQueue(stack, "added", name="webhook-added-dev")

    cdk.Aspects.of(stack).add(ChangeAspect(when, add))

    # It is tagged by then: its missing encryption is all that is found.
    assert found(stack) == [("unencrypted-store", "webhooks-dev/added")]


def test_a_stack_is_tagged_before_it_is_checked_though_tagging_is_asked_for_later():
    stack = bare_stack()
    guard_everything(stack, environment="dev")
    tag_everything(stack, TAGS)
    cdk.SqsQueue(stack, "queue", name="webhook-queue-dev")

    assert found(stack) == [("unencrypted-store", "stack/queue")]


def test_hcl_is_checked_and_tagged_as_json_is(stack):
    cdk.SqsQueue(stack, "queue", name="webhook-added-dev", sqs_managed_sse_enabled=True)

    (written,) = re.findall(r'resource "aws_sqs_queue" "queue" \{.*?\n\}', cdk.Testing.synth_hcl(stack), re.DOTALL)

    assert dict(re.findall(r'^"?(Environment|ManagedBy|Service)"? *= *"(\w+)"$', written, re.MULTILINE)) == {
        "Environment": "dev",
        "ManagedBy": "cdktf",
        "Service": "webhooks",
    }
    cdk.SqsQueue(stack, "late", name="webhook-late-dev")
    with pytest.raises(RuntimeError, match="webhooks-dev/late: unencrypted-store"):
        cdk.Testing.synth_hcl(stack)


def test_terraform_that_is_asked_of_a_stack_itself_is_checked(stack):
    cdk.SqsQueue(stack, "late", name="webhook-late-dev")

    with pytest.raises(RuntimeError, match="webhooks-dev/late: unencrypted-store"):
        stack.to_terraform()


def test_a_type_that_is_not_called_as_its_binding_is_checked_as_any_other(stack):
    # After `modules.synth.cdk`, or all of the bindings would be loaded.
    from cdktf_cdktf_provider_aws.lexv2_models_bot import Lexv2ModelsBot

    Lexv2ModelsBot(
        stack,
        "bot",
        name="bot",
        role_arn="arn",
        idle_session_ttl_in_seconds=60,
        data_privacy=[{"childDirected": False}],
    )

    assert found(stack) == [("name-suffix", "webhooks-dev/bot")]


def test_every_synth_of_a_stack_is_checked(stack):
    cdk.Testing.synth(stack)
    cdk.SqsQueue(stack, "late", name="webhook-late-dev")

    assert found(stack) == [("unencrypted-store", "webhooks-dev/late")]
    assert found(stack) == [("unencrypted-store", "webhooks-dev/late")]


@jsii.implements(cdk.IValidation)
class Validation:
    """A user's validation: answers what a function does."""

    def __init__(self, validate):
        self._validate = validate

    def validate(self):
        return self._validate()


def test_a_validation_sees_tags_and_statements(stack):
    seen = []
    permissions = stack.fleet.ingestion.node.find_child("permissions")

    def validate():
        seen.append((stack.queues.main.tags_input, permissions.to_terraform()))
        return []

    stack.queues.main.node.add_validation(Validation(validate))
    cdk.Testing.synth(stack, True)

    ((tags, documents),) = seen
    assert tags == {"Environment": "dev", "Service": "webhooks", "ManagedBy": "cdktf", "Version": VERSION}
    assert "WriteOwnLog" in json.dumps(documents)


def test_a_refused_synth_leaves_the_last_good_one_as_it_was(tmp_path):
    def synthesize(content, **queue):
        bundle = tmp_path / "bundle.zip"
        bundle.write_text(content)
        app = cdk.App(outdir=str(tmp_path / "out"))
        own = bare_stack(app)
        asset = cdk.TerraformAsset(own, "asset", path=str(bundle), type=cdk.AssetType.FILE)
        cdk.SqsQueue(own, "queue", name="webhook-queue-dev", tags=TAGS | {"Bundle": asset.path}, **queue)
        guard_everything(own, environment="dev")
        app.synth()

    def files():
        return {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}

    synthesize("one", sqs_managed_sse_enabled=True)
    good = files()
    with pytest.raises(RuntimeError, match="unencrypted-store"):
        synthesize("two")

    assert b"one" in good.values()
    assert files() == good


def test_a_stack_whose_validation_failed_is_checked_at_the_next_synth(stack):
    stack.queues.main.node.add_validation(Validation(lambda: ["not today"]))
    with pytest.raises(RuntimeError, match="not today"):
        cdk.Testing.synth(stack, True)
    cdk.SqsQueue(stack, "late", name="webhook-late-dev")

    assert found(stack) == [("unencrypted-store", "webhooks-dev/late")]


def test_what_a_synth_validated_it_checks_once(stack, monkeypatch):
    checked = []
    monkeypatch.setattr(type(stack.guards), "findings", lambda guards, configuration: checked.append(guards) or ())

    cdk.Testing.synth(stack, True)
    assert len(checked) == 1
    cdk.Testing.synth(stack, True)
    assert len(checked) == 2


def test_a_stack_is_guarded_once(stack):
    with pytest.raises(ValueError, match="webhooks-dev is guarded already: waive with the guards that it has"):
        guard_everything(stack, environment="dev")


def test_a_stack_that_nobody_tags_is_stopped():
    stack = bare_stack()
    StorageLayer(stack, "one", settings=build_settings("dev", {}).storage, names=Names("dev"), account_id=ACCOUNT)
    guard_everything(stack, environment="dev")

    assert found(stack) == [("missing-tag", "stack/one/table"), ("missing-tag", "stack/one/bucket")]


class OtherStack(cdk.TerraformStack):
    """A stack of another kind: tokens checked by an authorizer, a public page, a FIFO queue, a layer used twice."""

    def __init__(self, *, waivers=(), authorizer=True):
        super().__init__(cdk.Testing.app(), "delivery-dev")
        cdk.AwsProvider(self, "aws", region="us-east-1")
        names = Names("dev")
        for id_ in ("tenants", "events"):
            own = Names("dev", id_)
            StorageLayer(self, id_, settings=build_settings("dev", {}).storage, names=own, account_id=ACCOUNT)
        self._queues(names)
        self._api(names, authorizer)
        self._network(names)
        tag_everything(self, TAGS)
        guard_everything(self, environment="dev", waivers=waivers)

    def _queues(self, names):
        dead = cdk.SqsQueue(
            self,
            "dead",
            name=f"{names('dead')}.fifo",
            fifo_queue=True,
            sqs_managed_sse_enabled=True,
            message_retention_seconds=1_209_600,
        )
        cdk.SqsQueue(
            self,
            "queue",
            name=f"{names('deliveries')}.fifo",
            fifo_queue=True,
            sqs_managed_sse_enabled=True,
            redrive_policy=f'{{"deadLetterTargetArn":"{dead.arn}","maxReceiveCount":5}}',
        )

    def _api(self, names, authorizer):
        api = cdk.ApiGatewayRestApi(self, "api", name=names("delivery-api"))
        place = {"rest_api_id": api.id, "resource_id": api.root_resource_id}
        cdk.ApiGatewayMethod(self, "docs", **place, http_method="GET", authorization="NONE")
        post = cdk.ApiGatewayMethod(self, "post", **place, http_method="POST", authorization="CUSTOM")
        if authorizer:
            post.add_override("authorizer_id", "${aws_api_gateway_authorizer.tokens.id}")

    def _network(self, names):
        document = policy_document(
            self,
            "own_interfaces",
            [
                Statement(
                    sid="ManageNetworkInterfacesWhichHaveNoArn",
                    actions=[
                        "ec2:CreateNetworkInterface",
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DeleteNetworkInterface",
                    ],
                    resources=["*"],
                )
            ],
        )
        cdk.IamRolePolicy(self, "interfaces", name=names("interfaces"), role="worker", policy=document.json)


PAGE = Waiver("delivery-dev/docs", "open-route", "the documentation is public")


def test_a_stack_of_another_kind_passes_with_its_public_page_waived():
    methods = json.loads(cdk.Testing.synth(OtherStack(waivers=[PAGE])))["resource"]["aws_api_gateway_method"]

    assert {method["authorization"] for method in methods.values()} == {"NONE", "CUSTOM"}


def test_a_public_page_that_is_not_waived_is_stopped():
    assert found(OtherStack()) == [("open-route", "delivery-dev/docs")]


def test_a_route_whose_authorizer_was_forgotten_is_stopped():
    assert found(OtherStack(waivers=[PAGE], authorizer=False)) == [("open-route", "delivery-dev/post")]


def beside(stack, *, region="us-east-1", prefix=PREFIX):
    """Add a user's stack to the app of another, with a layer alone and without guards, and return it."""
    own = cdk.TerraformStack(cdk.App.of(stack), "audit-dev")
    cdk.AwsProvider(own, "aws", region=region)
    account = cdk.DataAwsCallerIdentity(own, "me").account_id
    StorageLayer(
        own, "archive", settings=build_settings("dev", {}).storage, names=Names("dev", prefix), account_id=account
    )
    return own


def test_equal_names_of_a_layer_in_another_stack_are_seen_with_both_constructs(stack):
    beside(stack)

    error = refusal(stack)

    assert [(finding.check, finding.address, finding.message) for finding in error.findings] == [
        (
            "equal-names",
            "webhooks-dev/storage/table",
            "name is 'webhook-records-dev', as that of audit-dev/archive/table",
        ),
        (
            "equal-names",
            "webhooks-dev/storage/bucket",
            "bucket is 'webhook-archive-<account>-dev', as that of audit-dev/archive/bucket",
        ),
    ]


def test_the_stack_that_comes_later_is_the_one_that_is_stopped(stack):
    own = beside(stack)
    tag_everything(own, TAGS)
    guard_everything(own, environment="dev")

    cdk.Testing.synth(stack)

    assert found(own) == [("equal-names", "audit-dev/archive/table"), ("equal-names", "audit-dev/archive/bucket")]


def test_a_layer_in_another_stack_with_a_prefix_of_its_own_is_no_mistake(stack):
    beside(stack, prefix="audit")

    assert json.loads(cdk.Testing.synth(stack))["resource"]["aws_dynamodb_table"]


def test_in_another_region_only_names_that_are_one_in_the_world_or_the_account_are_equal(stack):
    beside(stack, region="eu-west-1")

    assert found(stack) == [("equal-names", "webhooks-dev/storage/bucket")]


def test_a_look_at_another_stack_neither_checks_nor_changes_it(stack, bundles):
    own = beside(stack, prefix="audit")
    guard_everything(own, environment="dev")
    after = WebhookStack(cdk.App.of(stack), "webhooks-two", build_settings("two", {}), bundles)

    # The stack between them has no tags, for which its own synth stops it, and no other.
    assert json.loads(cdk.Testing.synth(after))["resource"]
    assert {check for check, _ in found(own)} == {"missing-tag"}


def test_a_stopped_synth_writes_no_stack(bundles, tmp_path):
    app = build_app("dev", tmp_path)
    app.node.find_child("webhooks-dev").queues.main.add_override("sqs_managed_sse_enabled", False)

    with pytest.raises(GuardError) as stopped:
        app.synth()

    assert [finding.check for finding in stopped.value.findings] == ["unencrypted-store"]
    # Nothing of JavaScript's is printed with it, and each finding once.
    printed = "".join(traceback.format_exception(stopped.value))
    assert printed.count("unencrypted-store") == 1
    assert "jsii" not in printed
    assert list(tmp_path.rglob("cdk.tf.json")) == []


def test_main_ends_with_the_guards_error_alone(bundles, tmp_path, monkeypatch):
    monkeypatch.setattr("modules.inbound.stack.tag_everything", lambda stack, tags: None)
    monkeypatch.setenv("ENVIRONMENT_SUFFIX", "dev")
    monkeypatch.setenv("CDKTF_OUTDIR", str(tmp_path))

    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(ROOT / "main.py"), run_name="__main__")

    assert end.value.code.startswith("error: guards stop the synth of webhooks-dev:\n\nwebhooks-dev/")
    assert {line.split(": ")[1] for line in end.value.code.splitlines() if line.startswith("webhooks-dev/")} == {
        "missing-tag"
    }
    assert list(tmp_path.rglob("cdk.tf.json")) == []


def test_what_is_no_mistake_of_the_stack_stays_the_error_that_it_is():
    assert guard_error(RuntimeError("something else")) is None


def test_a_guards_text_is_one_line_each_and_names_its_source():
    texts = [text for guard in GUARDS for text in (guard.title, guard.remedy, guard.source)]
    sources = [
        guard.source
        for guard in GUARDS
        if not re.match(r"([A-Z, 0-9-]+; )?(https://docs\.|this project)", guard.source)
    ]

    assert [text for text in texts if "\n" in text or not text.strip()] == []
    assert sources == []
