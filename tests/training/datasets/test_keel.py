from __future__ import annotations

import numpy as np
import pytest

from ffhw.errors import InputError
from ffhw.training.datasets import keel
from ffhw.training.datasets.keel import pen_digits, read_dat

# In the original's format, made by us: four columns and a class.
DAT = """@relation tiny
@attribute a integer [0, 100]
@attribute class {0, 1}
@inputs a
@outputs class
@data
47, 100, 27, 81, 8
0, 89, 27.5, 100, 2

"""


@pytest.mark.parametrize("text", [DAT, DAT[DAT.index("47,") :]])
def test_dat_file(tmp_path, text):
    (tmp_path / "t.dat").write_text(text)
    values, labels = read_dat(tmp_path / "t.dat")
    assert values.tolist() == [[47, 100, 27, 81], [0, 89, 27.5, 100]]
    assert labels.tolist() == [8, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"^t\.dat is not a \.dat table$"),
        (DAT.replace("27.5", "x"), r"^t\.dat, line 8: could not convert string to float: ' x'$"),
        (DAT.replace("27.5,", ""), r"^t\.dat, line 8: 4 values, not 5$"),
    ],
)
def test_damaged_dat_file(tmp_path, text, message):
    (tmp_path / "t.dat").write_text(text)
    with pytest.raises(InputError, match=message):
        read_dat(tmp_path / "t.dat")


def test_digits_are_points_in_the_order_of_writing(tmp_path, monkeypatch):
    rows = [[*range(n, n + 16), n % 10] for n in range(20)]
    (tmp_path / "penbased.dat").write_text("@data\n" + "\n".join(", ".join(map(str, row)) for row in rows))
    monkeypatch.setattr(keel, "fetch", lambda archive, member: tmp_path / member)
    train, test = pen_digits()
    assert (train.x.shape, test.x.shape) == ((14, 8, 2), (6, 8, 2))
    for x, label in zip(np.concatenate([train.x, test.x]), np.concatenate([train.y, test.y]), strict=True):
        first = int(x[0, 0])
        assert x.reshape(-1).tolist() == list(range(first, first + 16))
        assert label == first % 10
    # no digit is in both
    assert not {row[0, 0] for row in train.x} & {row[0, 0] for row in test.x}
