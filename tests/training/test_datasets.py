from __future__ import annotations

import numpy as np
import pytest

from ffhw.errors import InputError, ToolError
from ffhw.training import datasets
from ffhw.training.datasets import AEON, Sequences, fetch, read_ts
from ffhw.training.tasks import standardised, with_crops

# In the original's format, made by us: two channels, lengths 3 and 2, three classes of which two occur.
TS = """#made for tests
@problemName Tiny
@equalLength false
@classLabel true a b c
@data
1.0,2.0,3.0:-1.0,-2.0,-3.0:b
0.5,0.25:4,5e-1:a
"""


def test_ts_file(tmp_path):
    (tmp_path / "t.ts").write_text(TS)
    data = read_ts(tmp_path / "t.ts")
    assert data.lengths.tolist() == [3, 2]
    assert data.y.tolist() == [1, 0]
    assert data.x.tolist() == [[[1, -1], [2, -2], [3, -3]], [[0.5, 4], [0.25, 0.5], [0, 0]]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"^t\.ts is not a labelled \.ts file$"),
        (TS.replace("-2.0", "x"), r"^t\.ts, line 6: could not convert string to float: 'x'$"),
        (TS.replace(":a", ":z"), r"^t\.ts is not a labelled \.ts file$"),
    ],
)
def test_damaged_ts_file(tmp_path, text, message):
    (tmp_path / "t.ts").write_text(text)
    with pytest.raises(InputError, match=message):
        read_ts(tmp_path / "t.ts")


def test_a_cached_file_is_not_fetched_again(tmp_path, monkeypatch):
    monkeypatch.setenv("FFHW_DATA", str(tmp_path))
    monkeypatch.setattr(datasets, "run", lambda *_, **__: pytest.fail("downloaded"))
    (tmp_path / "x.ts").write_text(TS)
    assert fetch(AEON, "Folder/x.ts") == tmp_path / "x.ts"


def test_without_network_it_says_what_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setenv("FFHW_DATA", str(tmp_path / "data"))

    class Failed:
        returncode = 1

    monkeypatch.setattr(datasets, "run", lambda *_, **__: Failed)
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

    monkeypatch.setattr(datasets, "run", run)
    with pytest.raises(ToolError, match=r"not the known one"):
        fetch(AEON, "Folder/x.ts")
    assert not (tmp_path / "data").exists()


def ragged(rng):
    x = rng.normal(3, 2, (6, 9, 2)).astype(np.float32)
    lengths = np.array([9, 4, 7, 9, 5, 3])
    x[np.arange(9) >= lengths[:, None]] = 0
    return Sequences(x, lengths, np.arange(6))


def test_standardised_channels_and_untouched_padding(rng):
    data = ragged(rng)
    train, _ = standardised(data, data)
    real = np.arange(9) < data.lengths[:, None]
    assert train.x[real].mean(axis=0) == pytest.approx([0, 0], abs=1e-5)
    assert train.x[real].std(axis=0) == pytest.approx([1, 1], abs=1e-5)
    assert not train.x[~real].any()


def test_crops_are_sections_of_their_source(rng):
    data = ragged(rng)
    x, y = with_crops(data, copies=2, shortest=0.5, seed=1)
    assert y.tolist() == list(range(6)) * 3
    for row, label in zip(x[6:], y[6:], strict=True):
        size = int(row.any(axis=-1).sum())
        source, length = data.x[label], data.lengths[label]
        assert size >= int(0.5 * length)
        assert any(np.array_equal(source[b : b + size], row[:size]) for b in range(length - size + 1))
