"""``cdktf synth --hcl``: Terraform plans the same from HCL as from JSON."""

import pytest

from modules.settings.environments import build_settings
from modules.synth import cdk
from tools.generate import reviewed_stacks
from tools.local.terraform import Workspace


@pytest.mark.parametrize("name", ["direct", "delivery"])
def test_the_plan_of_the_hcl_is_that_of_the_json(plan_of, local_aws, bundles, tmp_path, name):
    def stack(app):
        return reviewed_stacks.build(app, build_settings(name, reviewed_stacks.values_of(name)), bundles)

    # Given the stack's folder with HCL in place of JSON
    synthesized = stack(app := cdk.App(outdir=str(tmp_path / "synth")))
    app.synth()
    folder = tmp_path / "synth" / "stacks" / synthesized.node.id
    (folder / "cdk.tf.json").unlink()
    (folder / "cdk.tf").write_text(cdk.Testing.synth_hcl(stack(cdk.Testing.app()), True), encoding="utf-8")

    # When
    plan = Workspace.create(folder, tmp_path, local_aws.environment()).plan()

    # Then
    assert plan["resource_changes"] == plan_of(name)["resource_changes"]
    assert plan["planned_values"] == plan_of(name)["planned_values"]
