from __future__ import annotations

import pytest

from ffhw.errors import InputError
from ffhw.training.datasets.aeon import read_ts

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
