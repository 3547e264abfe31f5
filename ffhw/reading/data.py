"""Data files: real input sequences, with their lengths and what is known of their answers."""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ffhw.errors import InputError


@dataclasses.dataclass(frozen=True)
class Data:
    """Sequences ``x [batch, time, D]``, ``lengths [batch]``, and optionally labels or targets ``y``.

    lengths_given: whether the lengths came with the data; else each sequence fills all of ``time``.
    """

    x: NDArray[np.float64]
    lengths: NDArray[np.int64]
    y: NDArray[Any] | None = None
    lengths_given: bool = True


def load_data(path: Path | str) -> Data:
    """Read ``.npz`` (arrays ``x``, optionally ``lengths`` and ``y``) or ``.npy`` (``x``).

    A two-dimensional ``x [time, D]`` is one sequence. Nothing stored in the file is executed.

    Raises
    ------
    InputError: missing or unreadable file, wrong shapes, or numbers that are not finite.
    """
    path = Path(path)
    lengths = y = None
    try:
        with open(path, "rb") as file:
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                x = content
            else:
                if "x" not in content:
                    raise InputError(
                        f"{path} has arrays {', '.join(content)}: an array x [batch, time, inputs] is needed"
                    )
                x = content["x"]
                lengths = content.get("lengths")
                y = content.get("y")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile):
        raise InputError(f"{path} is not a NumPy file: save x with np.save or np.savez") from None
    return check_data(x, lengths, y, str(path))


def check_data(x: Any, lengths: Any, y: Any, where: str) -> Data:
    """Data once shapes and numbers are known to be sound."""
    if x.dtype.kind not in "iuf":
        raise InputError(f"{where}: x must hold numbers, not {x.dtype}")
    if x.ndim == 2:
        x = x[None]
    if x.ndim != 3 or 0 in x.shape:
        raise InputError(f"{where}: x must have shape [batch, time, inputs], each at least 1, not {list(x.shape)}")
    x = x.astype(np.float64)
    if not np.isfinite(x).all():
        raise InputError(f"{where}: {int((~np.isfinite(x)).sum())} values of x are not finite numbers")
    lengths_given = lengths is not None
    if lengths is None:
        lengths = np.full(len(x), x.shape[1])
    if lengths.shape != (len(x),) or lengths.dtype.kind not in "iu":
        raise InputError(f"{where}: lengths must be {len(x)} integers, one a sequence")
    if lengths.min() < 1 or lengths.max() > x.shape[1]:
        raise InputError(f"{where}: lengths must be from 1 to {x.shape[1]}, found {lengths.min()} to {lengths.max()}")
    if y is not None and len(y) != len(x):
        raise InputError(f"{where}: y has {len(y)} entries for {len(x)} sequences")
    return Data(x, lengths.astype(np.int64), y, lengths_given)


def fit_data(data: Data, inputs: int, where: str, mask_value: float | None = None) -> Data:
    """``data`` once its vectors are known to have as many elements as a network has inputs.

    Where no lengths were given, steps at a sequence's end that hold ``mask_value`` only are taken for padding.
    """
    if data.x.shape[2] != inputs:
        raise InputError(f"{where}: x has {data.x.shape[2]} values a step, the model takes {inputs}")
    if mask_value is None or data.lengths_given:
        return data
    real = (data.x != mask_value).any(axis=-1)
    # a sequence of padding alone keeps one step: hardware has no empty sequences
    lengths = np.where(real.any(axis=1), real.shape[1] - real[:, ::-1].argmax(axis=1), 1)
    return dataclasses.replace(data, lengths=lengths)
