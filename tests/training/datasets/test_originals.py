"""Loaders read the originals' formats: small files of them, made by us."""

from __future__ import annotations

import csv
import gzip
import pickle
import zipfile

import numpy as np
import pytest

from ffhw.errors import InputError, ToolError
from ffhw.training.datasets import chests, digits, hershey, iam, plays, reviews, ucf11

# --- plays -----------------------------------------------------------------------------------------------------------

# verses end in two blanks, written as |
PLAY = """# A Play

## ACT I

### SCENE I. A street.

_Enter a company, with staves, clubs, and other
weapons_

**First Citizen**|
Before we go, hear me\\--|
you all.

_\\[To the others]_

**All**|
Speak,  speak.

_Never closed

**First Citizen**|
Well.
""".replace("|", "  ")


def test_a_play_becomes_speeches():
    assert plays.read_play(PLAY) == (
        "First Citizen:\nBefore we go, hear me--\nyou all.\n\nAll:\nSpeak, speak.\n\nFirst Citizen:\nWell.\n"
    )


def test_a_text_of_ones_own_goes_first(tmp_path, monkeypatch):
    monkeypatch.setenv("FFHW_DATA", str(tmp_path))
    (tmp_path / "input.txt").write_text("ROMEO:\nAy me!\n")
    assert plays.shakespeare() == "ROMEO:\nAy me!\n"


# --- reviews ---------------------------------------------------------------------------------------------------------


def test_rows_of_imdb_each_once(tmp_path):
    rows = [("Good,<br />very good", 1, "imdb"), ("Bad", 0, "imdb"), ("Bad", 0, "imdb"), ("Other", 1, "elsewhere")]
    with open(tmp_path / "r.csv", "w", newline="") as file:
        csv.writer(file).writerows([("text", "label", "source"), *rows])
    texts, labels = reviews.read_csv(tmp_path / "r.csv")
    assert texts == ["Good,<br />very good", "Bad"]
    assert labels.tolist() == [1, 0]
    known = reviews.vocabulary(texts)
    assert known[0] == "good"
    assert reviews.numbered(texts, ["good", "bad"]) == [[1, 3, 2, 3], [1, 4]]


def test_reviews_are_padded_behind_their_last_words():
    x, lengths = reviews.padded([[1, 3, 9, 4, 5], [1, 3]], length=4, size=6)
    assert x.tolist() == [[3, 2, 4, 5], [1, 3, 0, 0]]
    assert lengths.tolist() == [4, 2]


def test_imdb_npz_of_keras(tmp_path):
    lists = np.array([[1, 14, 22], [1, 5]], dtype=object)
    np.savez(tmp_path / "imdb.npz", x_train=lists, y_train=np.array([1, 0]), x_test=lists, y_test=np.array([0, 1]))
    found, labels = reviews.read_npz(tmp_path / "imdb.npz")
    assert found == [[1, 3, 16, 24], [1, 3, 7]]
    assert labels.tolist() == [1, 0]


class Evil:
    def __reduce__(self):
        return (print, ("executed",))


def test_nothing_in_an_npz_is_executed(tmp_path, capsys):
    array = np.array([Evil(), None], dtype=object)
    np.savez(tmp_path / "imdb.npz", x_train=array, y_train=np.array([1, 0]))
    with pytest.raises(
        InputError, match=r"^imdb\.npz is not imdb\.npz of keras\.datasets: builtins\.print is not a list"
    ):
        reviews.read_npz(tmp_path / "imdb.npz")
    assert capsys.readouterr().out == ""
    (tmp_path / "imdb.npz").write_bytes(pickle.dumps([1]))
    with pytest.raises(InputError, match=r"is not imdb\.npz"):
        reviews.read_npz(tmp_path / "imdb.npz")
    with zipfile.ZipFile(tmp_path / "imdb.npz", "w") as archive:
        archive.writestr("other.npy", b"")
    with pytest.raises(InputError, match=r"is not imdb\.npz"):
        reviews.read_npz(tmp_path / "imdb.npz")


# --- handwriting -----------------------------------------------------------------------------------------------------


def test_a_hershey_glyph():
    font = hershey.read_font('#{"define_base_line": 9.0}\n    1  1JZ\n    2  6MWNWRFVW RNT\n')
    assert font[" "].width == 16
    assert not font[" "].strokes
    mark = font["!"]
    assert mark.width == 10
    assert [stroke.tolist() for stroke in mark.strokes] == [[[1, 5], [5, -12], [9, 5]], [[1, 2]]]
    with pytest.raises(InputError, match=r"^'    1  9JZ' is no glyph of a Hershey font$"):
        hershey.read_font("    1  9JZ\n")


IAM = """<?xml version="1.0" encoding="ISO-8859-1"?>
<WhiteboardCaptureSession>
  <WhiteboardDescription><SensorLocation corner="top_left"/></WhiteboardDescription>
  <StrokeSet>
    <Stroke colour="black" start_time="0.0" end_time="0.1">
      <Point x="10" y="20" time="0.0"/>
      <Point x="12" y="25" time="0.02"/>
    </Stroke>
    <Stroke colour="black" start_time="0.2" end_time="0.3">
      <Point x="30" y="20" time="0.2"/>
    </Stroke>
  </StrokeSet>
</WhiteboardCaptureSession>
"""


def test_lines_of_iam(tmp_path):
    strokes, texts = tmp_path / "lineStrokes/a01/a01-000", tmp_path / "ascii/a01/a01-000"
    for folder in (strokes, texts):
        folder.mkdir(parents=True)
    for number in ("01", "02", "03"):
        (strokes / f"a01-000u-{number}.xml").write_text(IAM)
    (strokes / "a01-000x-01.xml").write_text(IAM)  # without a transcript
    (texts / "a01-000u.txt").write_text("OCR:\n\nA MOVE t0\n\nCSR:\n\nA MOVE to stop\nMr. Gaitskell\n")
    found = iam.lines(tmp_path)
    assert [text for text, _ in found] == ["A MOVE to stop", "Mr. Gaitskell"]
    assert [stroke.tolist() for stroke in found[0][1]] == [[[10, 20], [12, 25]], [[30, 20]]]
    (strokes / "a01-000u-01.xml").write_text("<other/>")
    with pytest.raises(InputError, match=r"^a01-000u-01\.xml has no strokes of points: it is no line of IAM-OnDB$"):
        iam.lines(tmp_path)


# --- pictures and videos ---------------------------------------------------------------------------------------------


def test_digits(tmp_path, monkeypatch):
    rows = np.zeros((3, 785), int)
    rows[:, 300:420] = 255
    with gzip.open(tmp_path / "mnist_5k.csv.gz", "wt") as file:
        np.savetxt(file, rows, fmt="%d", delimiter=",")
    found = digits.read_digits(tmp_path / "mnist_5k.csv.gz")
    assert found.shape == (3, 28, 28)
    assert found[0].ravel()[300] == 255
    monkeypatch.setenv("FFHW_DATA", str(tmp_path))
    clips = digits.moving_digits(4, 6, 32, seed=1)
    assert clips.shape == (4, 6, 32, 32)
    assert set(np.unique(clips)) == {0, 255}
    with gzip.open(tmp_path / "mnist_5k.csv.gz", "wt") as file:
        file.write("1,2,3\n")
    with pytest.raises(InputError, match=r"^mnist_5k\.csv\.gz has 3 columns; digits have 784 pixels"):
        digits.read_digits(tmp_path / "mnist_5k.csv.gz")


HEAD = """NRRD0004
# made for tests
type: short
dimension: 3
space: left-posterior-superior
sizes: 4 3 2
space directions: (0.5,0,0) (0,0.5,0) (0,0,2)
endian: little
encoding: {}

"""


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_volumes(tmp_path, encoding):
    voxels = np.arange(24, dtype="<i2").reshape(2, 3, 4) - 1000
    data = voxels.tobytes() if encoding == "raw" else gzip.compress(voxels.tobytes())
    (tmp_path / "v.nrrd").write_bytes(HEAD.format(encoding).encode() + data)
    volume = chests.read_nrrd(tmp_path / "v.nrrd")
    assert np.array_equal(volume.hounsfield, voxels)
    assert volume.voxel_ml == pytest.approx(0.5 * 0.5 * 2 / 1000)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("NRRD0004", "NRXD0004"), r"^v\.nrrd is not an NRRD file$"),
        (("sizes: 4 3 2", "sizes: 4 3"), r"^v\.nrrd is not a volume that can be read: sizes \[4, 3\]$"),
        (("sizes: 4 3 2", "sizes: 4 3 9"), r"^v\.nrrd is not a volume that can be read: "),
        (("type: short", "type: block"), r"^v\.nrrd is not a volume that can be read: 'block'$"),
    ],
)
def test_damaged_volumes(tmp_path, change, message):
    (tmp_path / "v.nrrd").write_bytes(HEAD.format("raw").replace(*change).encode() + bytes(48))
    with pytest.raises(InputError, match=message):
        chests.read_nrrd(tmp_path / "v.nrrd")


def test_lungs_are_the_air_within():
    chest = np.full((3, 40, 60), -1000.0, np.float32)
    chest[:, 5:35, 5:55] = 0
    chest[:, 10:30, 10:25] = chest[:, 10:30, 35:50] = -800
    chest[:, 18:20, 15:17] = 0  # a vessel
    chest[:, 31:33, 29:31] = -900  # other air
    mask = chests.lung_mask(chest)
    assert mask[1, 20, 20]
    assert mask[1, 18, 15]
    assert not mask[1, 31, 29]
    assert not mask[1, 0, 0]


def test_clips_of_ucf11(tmp_path):
    for action, group, clip in (("basketball", 1, 1), ("basketball", 2, 1), ("biking", 1, 3)):
        folder = tmp_path / action / f"v_{action}_{group:02}"
        folder.mkdir(parents=True)
        (folder / f"v_{action}_{group:02}_{clip:02}.mpg").write_bytes(b"")
        (folder / "Annotation").mkdir()
    clips, actions = ucf11.list_clips(tmp_path)
    assert actions == ["basketball", "biking"]
    assert [(clip.action, clip.group) for clip in clips] == [(0, 1), (0, 2), (1, 1)]
    video = np.arange(9 * 4 * 6 * 3, dtype=np.uint8).reshape(9, 4, 6, 3)
    x = ucf11.read_clips(clips, 3, 2, lambda _: video)
    assert np.array_equal(x[0], video[np.ix_([0, 4, 8], [0, 3], [0, 5])])
    with pytest.raises(ToolError, match=r"^UCF11 is not in .*: ask its authors for it, and unpack basketball/"):
        ucf11.list_clips(tmp_path / "none")
