"""What is loaded later than CDKTF itself would load it is there when it is needed."""

import pytest

from modules.synth import cdk


def test_an_argument_of_another_type_is_refused_each_time(tmp_path):
    stack = cdk.TerraformStack(cdk.App(outdir=str(tmp_path)), "stack")

    for id_ in ("one", "two"):
        with pytest.raises(TypeError, match="type of argument name must be one of"):
            cdk.SqsQueue(stack, id_, name=["a", "list"])
