from __future__ import annotations

import os
import stat

import pytest

from ffhw.errors import InputError, OutputError
from ffhw.files import open_regular, read_regular, write_atomic, write_folder, write_together


def test_files_that_belong_together_are_written_together(tmp_path):
    (tmp_path / "b").mkdir()
    with pytest.raises(OutputError, match=r"^cannot write .*b: it is a folder; choose another name$"):
        write_together({tmp_path / "a": "1", tmp_path / "b": "2"})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b"]
    write_together({tmp_path / "a": "1", tmp_path / "c": b"2"})
    assert [(tmp_path / name).read_text() for name in "ac"] == ["1", "2"]
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o644


def test_nothing_but_regular_files_is_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "target").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    for name, what in (("pipe", "no regular file"), ("link", "a link")):
        with pytest.raises(OutputError, match=rf"^cannot write .*{name}: it is {what}; choose another name$"):
            write_atomic(tmp_path / name, "x")
    with pytest.raises(OutputError, match=r"^cannot write /dev/null: it is no regular file; choose another name$"):
        write_atomic(type(tmp_path)("/dev/null"), "x")
    assert (tmp_path / "target").read_text() == "mine"


def test_names_that_cannot_be(tmp_path):
    for name in ("x" * 300, "a\0b"):
        with pytest.raises(OutputError, match=r"^cannot write .{1,210}: (File name too long|embedded null byte)$"):
            write_atomic(tmp_path / name, "x")
    with pytest.raises(OutputError, match=r"^cannot write .*: No such file or directory$"):
        write_atomic(tmp_path / "no" / "file", "x")


def test_only_regular_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, message in (
        (tmp_path / "pipe", "is not a regular file"),
        (tmp_path, "is not a regular file"),
        (type(tmp_path)("/dev/zero"), "is not a regular file"),
        (tmp_path / "none", "does not exist"),
        (tmp_path / ("x" * 300), "File name too long"),
    ):
        with pytest.raises(InputError, match=message), open_regular(path):
            pass
    (tmp_path / "large").write_bytes(bytes(100))
    with pytest.raises(InputError, match=r"is larger than 99 bytes"):
        read_regular(tmp_path / "large", 99)


def test_two_writers_of_one_folder_both_succeed(tmp_path):
    children = []
    for number in range(2):
        child = os.fork()
        if child == 0:
            try:
                for _ in range(150):
                    write_folder(tmp_path / "out", {"a": str(number), "b": str(number)})
            except BaseException:
                os._exit(1)
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    assert (tmp_path / "out" / "a").read_text() == (tmp_path / "out" / "b").read_text()
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
