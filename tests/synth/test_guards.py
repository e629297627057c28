"""Every guard: the mistakes that trip it, and what is so near to one that it must not.

They are edits of the standard stack's synthesized JSON, such as an escape hatch or a resource of a user's own makes
them. That the guards see such JSON at synth is shown in ``test_guards_at_synth.py``.
"""

import pytest

from modules.guards.waiver import GUARDS
from modules.settings.environments import build_settings
from modules.synth import cdk
from tests.synth.edits import BOTH, Edit
from tests.synth.mistakes import (
    authorizers,
    functions,
    names_and_tags,
    policies,
    queues,
    routes,
    storage,
    variables,
)

MODULES = (queues, functions, variables, routes, authorizers, policies, storage, names_and_tags)
BOOKS = [module.book for module in MODULES]
MISTAKES = {name: mistake for book in BOOKS for name, mistake in book.mistakes.items()}
RIGHTS = {name: make for book in BOOKS for name, make in book.rights.items()}


@pytest.fixture(scope="session")
def standard(bundles):
    """The stack of the environment dev as it is synthesized, tags included."""
    from modules.inbound.stack import WebhookStack

    return Edit.of(WebhookStack(cdk.Testing.app(), "webhooks-dev", build_settings("dev", {}), bundles))


@pytest.fixture
def edit(standard):
    return standard.fresh()


def test_the_standard_stack_trips_no_guard(edit):
    assert edit.findings() == []


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_trips_its_guard_and_no_other_at_its_path(edit, name):
    mistake = MISTAKES[name]

    mistake.make(edit)
    findings = edit.findings()

    assert [(guard, path) for guard, path, _ in findings] == [(mistake.guard, path) for path in mistake.paths]
    assert [problem for _, _, problem in findings if mistake.says not in problem] == []


@pytest.mark.parametrize("name", [name for name, each in MISTAKES.items() if each.guard in BOTH and each.on_a_plan])
def test_a_mistake_is_found_on_a_plan_too(edit, name):
    mistake = MISTAKES[name]

    mistake.make(edit)
    findings = edit.findings_on_a_plan()

    found = {each.address for each in findings}
    places = [edit.carriers(path) for path in mistake.paths]
    assert {each.check for each in findings} == {mistake.guard}
    assert all(found & place for place in places)
    assert found <= set().union(*places)


@pytest.mark.parametrize("name", RIGHTS)
def test_what_is_right_trips_no_rule_on_a_plan(edit, name):
    RIGHTS[name](edit)

    assert edit.findings_on_a_plan() == []


@pytest.mark.parametrize("name", RIGHTS)
def test_what_is_right_trips_no_guard(edit, name):
    RIGHTS[name](edit)

    assert edit.findings() == []


def test_names_that_only_an_apply_knows_are_not_compared(edit):
    for id_ in ("one", "two"):
        edit.queue(id_, name="webhook-${each.key}-dev", for_each=[id_])

    assert edit.findings() == []


@pytest.mark.parametrize("kind", variables.SECRETS)
def test_a_value_that_looks_like_a_secret_trips_its_guard_and_is_not_repeated(edit, kind):
    name, value = variables.SECRETS[kind]
    edit.variables("status", **{name: value})

    ((guard, path, problem),) = edit.findings()

    assert (guard, path) == ("secret-in-variable", "fleet/status/function")
    assert problem.startswith(f"variable {name} ")
    assert kind in problem
    assert value not in problem


@pytest.mark.parametrize("name", variables.NAMED_LIKE_SECRETS)
@pytest.mark.parametrize("value", variables.NO_ADDRESSES)
def test_a_variable_named_like_a_secret_may_hold_only_a_reference_or_an_arn(edit, name, value):
    edit.variables("status", **{name: value})

    ((guard, path, problem),) = edit.findings()

    assert (guard, path) == ("secret-in-variable", "fleet/status/function")
    assert problem.startswith(f"variable {name} is named like a secret")
    assert value not in problem


def test_an_allowed_statement_denies_no_plain_http(edit):
    storage.bucket(edit, lambda: [storage.tls_only(edit, Effect="Allow")])

    assert ("bucket-tls", "files") in {(guard, path) for guard, path, _ in edit.findings()}


def test_every_guard_has_a_mistake_here():
    assert {mistake.guard for mistake in MISTAKES.values()} == {guard.id for guard in GUARDS}
    assert {mistake.guard for mistake in MISTAKES.values() if mistake.on_a_plan} >= BOTH.keys()


def test_no_two_mistakes_have_one_name():
    noted = [name for book in BOOKS for name in (*book.mistakes, *book.rights)]

    assert sorted(noted) == sorted({*MISTAKES, *RIGHTS})
