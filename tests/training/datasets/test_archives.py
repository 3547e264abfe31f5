from __future__ import annotations

import io
import shutil
import tarfile

import pytest

from ffhw.errors import ToolError
from ffhw.files import sha256
from ffhw.training.datasets import archives
from ffhw.training.datasets.aeon import AEON
from ffhw.training.datasets.archives import Archive, fetch, fetch_all


def test_a_cached_file_is_not_fetched_again(tmp_path, monkeypatch):
    monkeypatch.setenv("FFHW_DATA", str(tmp_path))
    monkeypatch.setattr(archives, "run", lambda *_, **__: pytest.fail("downloaded"))
    (tmp_path / "x.ts").write_text("kept")
    assert fetch(AEON, "Folder/x.ts") == tmp_path / "x.ts"


def test_without_network_it_says_what_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setenv("FFHW_DATA", str(tmp_path / "data"))

    class Failed:
        returncode = 1

    monkeypatch.setattr(archives, "run", lambda *_, **__: Failed)
    with pytest.raises(
        ToolError, match=r"^aeon==1\.6\.0 could not be downloaded with pip; put x\.ts into .*data \(or set FFHW"
    ):
        fetch(AEON, "Folder/x.ts")


def test_another_archive_of_the_same_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("FFHW_DATA", str(tmp_path / "data"))

    def run(command, **_):
        from pathlib import Path

        (Path(command[command.index("--dest") + 1]) / "aeon.whl").write_bytes(b"other")

        class Done:
            returncode = 0

        return Done

    monkeypatch.setattr(archives, "run", run)
    with pytest.raises(ToolError, match=r"not the known one"):
        fetch(AEON, "Folder/x.ts")
    assert not (tmp_path / "data").exists()


def test_members_of_a_source_archive_come_together(tmp_path, monkeypatch):
    monkeypatch.setenv("FFHW_DATA", str(tmp_path / "data"))
    packed = tmp_path / "set-1.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        for name in ("one", "two"):
            member = tarfile.TarInfo(f"set-1/data/{name}.txt")
            member.size = len(name)
            archive.addfile(member, io.BytesIO(name.encode()))

    class Done:
        returncode = 0

    def run(command, **_):
        assert "--no-binary=:all:" in command
        shutil.copy(packed, command[command.index("--dest") + 1])
        return Done

    monkeypatch.setattr(archives, "run", run)
    set_ = Archive("set==1", sha256(packed), "set-1/data", source=True)
    paths = fetch_all(set_, ["one.txt", "two.txt"], into="set")
    assert [path.read_text() for path in paths] == ["one", "two"]
    assert paths[0].parent == tmp_path / "data" / "set"
