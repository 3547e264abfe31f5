from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from networks import random_network
from sealed import reseal, write_manifest

from ffhw import files
from ffhw.bundle import Bundle, write_bundle
from ffhw.errors import DigestError, InputError, OutputError
from ffhw.export import bundle_files
from ffhw.hdl.plan.chain import fold
from ffhw.model.data import Data


@pytest.fixture(scope="module")
def content():
    """Files of a small bundle."""
    network = random_network(1, inputs=3, units=(4,), outputs=2)
    return bundle_files(network, fold(network, 2, 1), Data(np.zeros((2, 3, 3)), np.array([3, 2])))


@pytest.fixture(scope="module")
def other_content():
    network = random_network(2, inputs=3, units=(4,), outputs=2)
    return bundle_files(network, fold(network, 1, 1), Data(np.zeros((2, 3, 3)), np.array([3, 2])))


@pytest.fixture
def bundle(tmp_path, content):
    return write_bundle(tmp_path / "build", content)


def leftovers(folder):
    return sorted(p.name for p in folder.iterdir())


def edit_json(name, change):
    def edit(path):
        content = json.loads((path / name).read_text())
        change(content)
        (path / name).write_text(json.dumps(content))

    return edit


def test_written_files_are_read_back(tmp_path, bundle, content):
    opened = Bundle.open(tmp_path / "build")
    assert opened.json("network.json")["name"] == "random"
    assert (opened.rtl / "ffhw_top.v").read_text() == content["rtl/ffhw_top.v"]
    assert opened.identity == bundle.identity
    assert leftovers(tmp_path) == ["build"]


def test_identity_depends_on_every_file(tmp_path, content, other_content):
    one = write_bundle(tmp_path / "a", content)
    two = write_bundle(tmp_path / "b", content)
    three = write_bundle(tmp_path / "c", other_content)
    assert one.identity == two.identity != three.identity


def test_a_new_bundle_replaces_the_old_one_with_its_results(tmp_path, bundle, other_content):
    bundle.add_result("sim-icarus", {"cycles": 1})
    bundle.add_file("report.html", "page")
    second = write_bundle(tmp_path / "build", other_content)
    assert second.results() == {}
    assert not (tmp_path / "build" / "results").exists()
    assert leftovers(tmp_path) == ["build"]


def test_results_of_another_export_are_not_shown(bundle):
    path = bundle.add_result("sim-icarus", {"cycles": 1})
    assert bundle.results()["sim-icarus"]["cycles"] == 1
    path.write_text(json.dumps({"bundle": "other", "cycles": 2}))
    assert bundle.results() == {}


@pytest.mark.parametrize("broken", ["", "{", "[]", "null", "[" * 100_000])
def test_a_broken_result_hides_no_other(bundle, broken):
    bundle.add_result("sim-icarus", {"cycles": 1})
    (bundle.path / "results" / "sim-verilator.json").write_text(broken)
    assert list(bundle.results()) == ["sim-icarus"]


# --- a bundle as it was opened ---------------------------------------------------------------------------------------


def test_an_opened_bundle_stays_what_it_was(bundle, other_content, tmp_path):
    opened = Bundle.open(bundle.path)
    before = opened.vectors()["codes"], opened.json("design.json"), opened.network().describe()
    write_bundle(bundle.path, other_content)
    assert np.array_equal(opened.vectors()["codes"], before[0])
    assert (opened.json("design.json"), opened.network().describe()) == before[1:]
    message = r"build was replaced while this command worked on it: nothing was written to it$"
    with pytest.raises(DigestError, match=message):
        opened.add_result("sim-all", {})
    assert not (tmp_path / "build" / "results").exists()


def test_opening_while_others_export_never_fails(bundle, content, other_content):
    child = os.fork()
    if child == 0:
        for _ in range(60):
            write_bundle(bundle.path, other_content)
            write_bundle(bundle.path, content)
        os._exit(0)
    identities = set()
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        identities.add(Bundle.open(bundle.path).identity)
    assert len(identities) == 2


# --- crashes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("crash", ["write", "rename"])
def test_a_crash_leaves_the_old_bundle(tmp_path, bundle, other_content, monkeypatch, crash):
    def fail(*_):
        raise OSError(28, "No space left on device")

    if crash == "write":
        monkeypatch.setattr("pathlib.Path.write_bytes", fail)
    else:
        monkeypatch.setattr(files, "_exchange", fail)
    with pytest.raises(OutputError, match=r"^cannot write .*: No space left on device$"):
        write_bundle(tmp_path / "build", other_content)
    monkeypatch.undo()
    assert Bundle.open(tmp_path / "build").identity == bundle.identity
    assert leftovers(tmp_path) == ["build"]


def test_a_killed_export_leaves_the_old_bundle_and_the_next_one_sweeps(tmp_path, bundle, other_content):
    """SIGKILL at the worst moment: everything written, nothing renamed."""
    child = os.fork()
    if child == 0:
        files._exchange = lambda *_: os.kill(os.getpid(), 9)
        try:
            write_bundle(tmp_path / "build", other_content)
        finally:
            os._exit(1)  # never back into pytest
    assert os.waitpid(child, 0)[1] == 9
    assert Bundle.open(tmp_path / "build").identity == bundle.identity
    assert len(leftovers(tmp_path)) == 2
    write_bundle(tmp_path / "build", other_content)
    assert leftovers(tmp_path) == ["build"]


# --- bundles that are not what they say ------------------------------------------------------------------------------


def test_a_changed_file_is_found(bundle):
    (bundle.path / "rtl" / "ffhw_top.v").write_text("module x")
    with pytest.raises(DigestError, match=r"was changed: rtl/ffhw_top\.v is not the file that was exported"):
        Bundle.open(bundle.path)


def test_a_missing_file_is_found(bundle):
    (bundle.path / "network.json").unlink()
    with pytest.raises(DigestError, match=r"is incomplete: network\.json is missing; export the model again$"):
        Bundle.open(bundle.path)


@pytest.mark.parametrize("manifest", ["", "{", "[]", "{}", '{"ffhw_bundle": 1}', "[" * 100_000, "\xff"])
def test_a_damaged_manifest_is_no_bundle(bundle, manifest):
    (bundle.path / "manifest.json").write_bytes(manifest.encode("latin-1"))
    with pytest.raises(InputError, match=r"is not a bundle: write one with ffhw export$"):
        Bundle.open(bundle.path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda files: files.clear(), r"its manifest does not list \S+; export the model again$"),
        (lambda files: files.pop("vectors.npz"), r"its manifest does not list vectors\.npz; export the model again$"),
        (lambda files: files.update({"../x": "0" * 64}), r"its manifest lists '\.\./x', which no bundle has"),
        (lambda files: files.update({"/etc/passwd": "0" * 64}), r"its manifest lists '/etc/passwd', which no bundle"),
        (lambda files: files.update({"rtl/../../x.v": "0" * 64}), r"its manifest lists 'rtl/\.\./\.\./x\.v', which"),
    ],
)
def test_a_manifest_lists_what_a_bundle_has_and_nothing_else(bundle, change, message):
    manifest = json.loads((bundle.path / "manifest.json").read_text())
    change(manifest["files"])
    write_manifest(bundle.path, manifest)
    with pytest.raises(DigestError, match=message):
        Bundle.open(bundle.path)


def test_an_identity_of_zeros_is_refused(bundle):
    manifest = json.loads((bundle.path / "manifest.json").read_text())
    (bundle.path / "manifest.json").write_text(json.dumps({**manifest, "identity": "0" * 64}))
    with pytest.raises(DigestError, match=r"was changed: its identity is not that of its files"):
        Bundle.open(bundle.path)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            edit_json("performance.json", lambda p: p.update(cycles_per_step=1)),
            "performance.json does not hold",
        ),
        (edit_json("performance.json", lambda p: p.update(latency_cycles=10**9)), "performance.json does not hold"),
        (edit_json("performance.json", lambda p: p.pop("engines")), "performance.json does not hold"),
        (edit_json("design.json", lambda d: d["foldings"][0].update(lanes=0)), "cannot be folded as"),
        (edit_json("design.json", lambda d: d["foldings"][0].update(lanes=-1)), "cannot be folded as"),
        (edit_json("design.json", lambda d: d["foldings"][0].update(lanes=10**9)), "cannot be folded as"),
        (
            edit_json("design.json", lambda d: d["foldings"][0].update(lanes=1)),
            "performance.json|finishers",
        ),
        (edit_json("design.json", lambda d: d["foldings"][0].update(finishers=9)), "the finishers of the foldings"),
        (edit_json("design.json", lambda d: d["foldings"][0].update(simd="1")), "simd must be of type int, not str"),
        (edit_json("design.json", lambda d: d["foldings"].pop()), "needs as many foldings, not 1"),
        (edit_json("design.json", lambda d: d.pop("keep_state")), "design.json has no keep_state"),
        (edit_json("network.json", lambda n: n.update(name="other")), "network.json does not describe network.npz"),
        (edit_json("design.json", lambda d: d.update(keep_state=True)), "differ in whether states are kept"),
        (lambda path: (path / "performance.json").write_text("[1"), "performance.json is no JSON"),
        (lambda path: (path / "design.json").write_text("[]"), "design.json must hold a JSON object"),
        (lambda path: (path / "vectors.npz").write_bytes(b"PK"), "vectors.npz is not a NumPy file"),
        (lambda path: np.savez(path / "vectors.npz", codes=1), "vectors.npz has no array lengths"),
        (lambda path: (path / "network.npz").write_bytes(b""), "network.npz is not a NumPy file"),
    ],
)
def test_files_that_contradict_each_other(bundle, edit, message):
    reseal(bundle.path, edit)
    with pytest.raises(DigestError, match=rf"(build contradicts itself: |build: ).*{message}"):
        Bundle.open(bundle.path)


def test_links_out_of_a_bundle_are_not_followed(bundle, tmp_path):
    (tmp_path / "secret").write_bytes((bundle.path / "network.npz").read_bytes())
    (bundle.path / "network.npz").unlink()
    (bundle.path / "network.npz").symlink_to(tmp_path / "secret")
    with pytest.raises(InputError, match=r"^cannot read .*network\.npz: "):
        Bundle.open(bundle.path)


@pytest.mark.parametrize("name", ["network.npz", "manifest.json"])
def test_a_pipe_in_a_bundle_is_not_waited_for(bundle, name):
    (bundle.path / name).unlink()
    os.mkfifo(bundle.path / name)
    with pytest.raises((InputError, DigestError), match=r"not a regular file|is not a bundle"):
        Bundle.open(bundle.path)


def test_results_in_a_linked_folder_are_not_written(bundle, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (bundle.path / "results").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match=r"^cannot write to .*results: it is a link$"):
        bundle.add_result("sim-all", {})
    assert leftovers(tmp_path / "elsewhere") in ([], [".ours"])
    assert bundle.results() == {}


# --- folders that are not ours ---------------------------------------------------------------------------------------


def test_other_folders_are_not_overwritten(tmp_path, content):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("years of work")
    with pytest.raises(OutputError, match=r"the folder holds other files and is not a bundle; choose another name$"):
        write_bundle(tmp_path / "thesis", content)
    assert (tmp_path / "thesis" / "chapter1.tex").read_text() == "years of work"


@pytest.mark.parametrize("manifest", ['{"manifest_version": 3}', "{}", "", '{"ffhw_bundle": 2, "files": 3}'])
def test_a_manifest_of_something_else_makes_no_bundle(tmp_path, content, manifest):
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "manifest.json").write_text(manifest)
    (tmp_path / "web" / "app.js").write_text("x")
    with pytest.raises(OutputError, match=r"the folder holds other files and is not a bundle; choose another name$"):
        write_bundle(tmp_path / "web", content)
    assert leftovers(tmp_path / "web") == ["app.js", "manifest.json"]


@pytest.mark.parametrize("name", ["notes.txt", "results/notes.txt", "rtl/mine.v", "results/.ours/../../x/y"])
def test_a_users_file_in_a_bundle_is_named_and_kept(bundle, content, name):
    file = Path(os.path.normpath(bundle.path / name))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("mine")
    shown = str(file.relative_to(bundle.path)).replace(".", r"\.")
    message = rf"'{shown}' in it is not of a bundle's own; move it away or choose another name$"
    with pytest.raises(OutputError, match=message):
        write_bundle(bundle.path, content)
    assert file.read_text() == "mine"


def test_targets_that_cannot_be_written(tmp_path, content, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"it exists and is not a folder$"):
        write_bundle(tmp_path / "file", content)
    with pytest.raises(OutputError, match=r"the folder .* does not exist$"):
        write_bundle(tmp_path / "no" / "build", content)
    with pytest.raises(OutputError, match=r"^cannot write .*: File name too long$"):
        write_bundle(tmp_path / ("x" * 300), content)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(OutputError, match=r"^cannot write \.: it is the folder you stand in; give it a name$"):
        write_bundle(Path("."), content)


def test_a_folder_without_permission(tmp_path, content, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(OutputError, match=r"no permission to write in "):
        write_bundle(tmp_path / "build", content)


def test_markers_that_are_links_are_not_followed(bundle, tmp_path):
    (bundle.path / "results" / ".ours").mkdir(parents=True)
    (bundle.path / "results" / ".ours" / "report.html").symlink_to(tmp_path / "victim")
    with pytest.raises(OutputError, match=r"^cannot write to .*results: "):
        bundle.add_file("report.html", "page")
    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize(
    "accuracy",
    [
        {"quantized": {"accuracy": 9.9}},
        {"sequences": -5},
        {"float": {"mse": 1.0}},
        {"difference_histogram": {"edges": [0, 1], "counts": [-1]}},
        {"difference_histogram": {"edges": [1, 0], "counts": [1]}},
        {"difference_histogram": {"edges": [0], "counts": [1]}},
        {"max_difference": float("nan")},
    ],
)
def test_scores_that_cannot_be_are_refused(tmp_path, content, accuracy):
    honest = {"data": "d", "sequences": 2, "steps": 5, "float": {"accuracy": 1.0}, "quantized": {"accuracy": 0.5}}
    write_bundle(tmp_path / "b", {**content, "accuracy.json": json.dumps(honest)})
    assert Bundle.open(tmp_path / "b").accuracy() == honest
    write_bundle(tmp_path / "b", {**content, "accuracy.json": json.dumps({**honest, **accuracy})})
    with pytest.raises(DigestError, match=r"contradicts itself: .*accuracy\.json"):
        Bundle.open(tmp_path / "b")
