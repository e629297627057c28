"""What is loaded later than CDKTF itself would load it is there when it is needed."""

import zipfile

from modules import cdk


def test_an_asset_that_is_a_folder_is_packed(tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "index.html").write_text("<p>it is packed</p>")
    app = cdk.App(outdir=str(tmp_path / "out"))
    cdk.TerraformAsset(cdk.TerraformStack(app, "stack"), "pages", path=str(folder), type=cdk.AssetType.ARCHIVE)

    app.synth()

    (packed,) = (tmp_path / "out").rglob("*.zip")
    assert zipfile.ZipFile(packed).read("index.html") == b"<p>it is packed</p>"
