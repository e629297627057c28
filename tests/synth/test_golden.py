"""What each preset deploys is what was reviewed."""

import json
import zipfile

import pytest

from modules.constructs.bundling import FUNCTIONS
from tools.generate import golden


@pytest.mark.parametrize("preset", golden.VALUES)
def test_a_preset_deploys_what_was_reviewed(preset_of, preset):
    accepted = golden.path(preset).read_text(encoding="utf-8")

    now = golden.golden(preset_of(preset).document)

    changes = "\n".join(golden.differences(accepted, now))
    assert now == accepted, (
        f"the preset {preset} deploys something else than tests/synth/golden/{preset}.json says. "
        f"Review this; 'make golden' accepts it.\n{changes}"
    )


def test_there_is_a_golden_synth_of_every_preset_and_nothing_else():
    assert {path.name for path in golden.FOLDER.iterdir()} == {golden.path(preset).name for preset in golden.VALUES}


def test_other_code_in_the_functions_is_no_difference(tmp_path, standard):
    for function in FUNCTIONS:
        with zipfile.ZipFile(tmp_path / f"{function}.zip", "w") as bundle:
            bundle.writestr(f"lambdas/{function}/handler.py", "other code")

    other = golden.synthesize("standard", tmp_path)

    assert other != standard.document
    assert golden.golden(other) == golden.golden(standard.document)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda queue: queue.update(visibility_timeout_seconds=1),
            [
                "- resource.aws_sqs_queue.queues_main.visibility_timeout_seconds: 300",
                "+ resource.aws_sqs_queue.queues_main.visibility_timeout_seconds: 1",
            ],
        ),
        (
            lambda queue: queue.pop("sqs_managed_sse_enabled"),
            ["- resource.aws_sqs_queue.queues_main.sqs_managed_sse_enabled: true"],
        ),
        (
            lambda queue: queue.update(delay_seconds=5),
            ["+ resource.aws_sqs_queue.queues_main.delay_seconds: 5"],
        ),
        (
            # In a text that holds JSON.
            lambda queue: queue.update(policy='{"Version":"2012-10-17"}'),
            ['+ resource.aws_sqs_queue.queues_main.policy.Version: "2012-10-17"'],
        ),
    ],
    ids=["changed", "gone", "new", "inside a text"],
)
def test_a_difference_is_told_by_its_place_and_both_values(standard, change, told):
    document = json.loads(json.dumps(standard.document))
    change(document["resource"]["aws_sqs_queue"]["queues_main"])

    changes = golden.differences(golden.golden(standard.document), golden.golden(document))

    assert changes == told
