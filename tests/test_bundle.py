from __future__ import annotations

import json
import os

import pytest

from ffhw import files
from ffhw.bundle import Bundle, write_bundle
from ffhw.errors import DigestError, InputError, OutputError

FILES = {"network.json": '{"name": "n"}', "rtl/ffhw_top.v": b"module"}


def leftovers(folder):
    return sorted(p.name for p in folder.iterdir())


def test_written_files_are_read_back(tmp_path):
    write_bundle(tmp_path / "build", FILES)
    opened = Bundle.open(tmp_path / "build")
    assert opened.json("network.json") == {"name": "n"}
    assert (opened.rtl / "ffhw_top.v").read_bytes() == b"module"
    assert leftovers(tmp_path) == ["build"]


def test_identity_depends_on_every_file(tmp_path):
    one = write_bundle(tmp_path / "a", FILES)
    two = write_bundle(tmp_path / "b", FILES)
    three = write_bundle(tmp_path / "c", {**FILES, "x": "y"})
    assert one.identity == two.identity != three.identity


def test_a_new_bundle_replaces_the_old_one_with_its_results(tmp_path):
    first = write_bundle(tmp_path / "build", FILES)
    first.add_result("sim-icarus", {"cycles": 1})
    second = write_bundle(tmp_path / "build", {"network.json": "{}"})
    assert second.results() == {}
    assert leftovers(tmp_path / "build") == ["manifest.json", "network.json"]
    assert leftovers(tmp_path) == ["build"]


def test_results_of_another_export_are_not_shown(tmp_path):
    opened = write_bundle(tmp_path / "build", FILES)
    path = opened.add_result("sim-icarus", {"cycles": 1})
    assert opened.results()["sim-icarus"]["cycles"] == 1
    path.write_text(json.dumps({"bundle": "other", "cycles": 2}))
    assert opened.results() == {}


@pytest.mark.parametrize("crash", ["write", "rename"])
def test_a_crash_leaves_the_old_bundle(tmp_path, monkeypatch, crash):
    write_bundle(tmp_path / "build", FILES)

    def fail(*_):
        raise OSError(28, "No space left on device")

    if crash == "write":
        monkeypatch.setattr("pathlib.Path.write_bytes", fail)
    else:
        monkeypatch.setattr(files, "_exchange", fail)
    with pytest.raises(OutputError, match=r"^cannot write .*: No space left on device$"):
        write_bundle(tmp_path / "build", {"other": "x"})
    monkeypatch.undo()
    assert Bundle.open(tmp_path / "build").json("network.json") == {"name": "n"}
    assert leftovers(tmp_path) == ["build"]


def test_a_killed_export_leaves_the_old_bundle(tmp_path):
    """SIGKILL at the worst moment: everything written, nothing renamed."""
    write_bundle(tmp_path / "build", FILES)
    child = os.fork()
    if child == 0:
        files._exchange = lambda *_: os.kill(os.getpid(), 9)
        try:
            write_bundle(tmp_path / "build", {"other": "x"})
        finally:
            os._exit(1)  # never back into pytest
    assert os.waitpid(child, 0)[1] == 9
    assert Bundle.open(tmp_path / "build").json("network.json") == {"name": "n"}


def test_a_changed_file_is_found(tmp_path):
    write_bundle(tmp_path / "build", FILES)
    (tmp_path / "build" / "rtl" / "ffhw_top.v").write_text("module x")
    with pytest.raises(DigestError, match=r"was changed: rtl/ffhw_top\.v is not the file that was exported"):
        Bundle.open(tmp_path / "build")


def test_a_missing_file_is_found(tmp_path):
    write_bundle(tmp_path / "build", FILES)
    (tmp_path / "build" / "network.json").unlink()
    with pytest.raises(DigestError, match=r"is incomplete: network\.json is missing; export the model again$"):
        Bundle.open(tmp_path / "build")


@pytest.mark.parametrize("manifest", ["", "{", "[]", "{}", '{"ffhw_bundle": 1}'])
def test_a_damaged_manifest_is_no_bundle(tmp_path, manifest):
    write_bundle(tmp_path / "build", FILES)
    (tmp_path / "build" / "manifest.json").write_text(manifest)
    with pytest.raises(InputError, match=r"is not a bundle: write one with ffhw export$"):
        Bundle.open(tmp_path / "build")


def test_other_folders_are_not_overwritten(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("years of work")
    with pytest.raises(OutputError, match=r"the folder holds other files and is not a bundle; choose another name$"):
        write_bundle(tmp_path / "thesis", FILES)
    assert (tmp_path / "thesis" / "chapter1.tex").read_text() == "years of work"


def test_targets_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"it exists and is not a folder$"):
        write_bundle(tmp_path / "file", FILES)
    with pytest.raises(OutputError, match=r"the folder .* does not exist$"):
        write_bundle(tmp_path / "no" / "build", FILES)


def test_a_folder_without_permission(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(OutputError, match=r"no permission to write in "):
        write_bundle(tmp_path / "build", FILES)
