"""What is loaded later than CDKTF itself would load it is there when it is needed."""

import zipfile

import pytest

from modules.synth import cdk


def test_an_asset_that_is_a_folder_is_packed(tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "index.html").write_text("<p>it is packed</p>")
    app = cdk.App(outdir=str(tmp_path / "out"))
    cdk.TerraformAsset(cdk.TerraformStack(app, "stack"), "pages", path=str(folder), type=cdk.AssetType.ARCHIVE)

    app.synth()

    (packed,) = (tmp_path / "out").rglob("*.zip")
    assert zipfile.ZipFile(packed).read("index.html") == b"<p>it is packed</p>"


def test_an_argument_of_another_type_is_refused_each_time(tmp_path):
    stack = cdk.TerraformStack(cdk.App(outdir=str(tmp_path)), "stack")

    for id_ in ("one", "two"):
        with pytest.raises(TypeError, match="type of argument name must be one of"):
            cdk.SqsQueue(stack, id_, name=["a", "list"])
