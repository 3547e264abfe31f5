"""Data files: sequences, with their lengths and what is known of their answers."""

from __future__ import annotations

from pathlib import Path

from ffhw.arrays import read_arrays
from ffhw.model.data import Data, Signature, fit_data


def load_data(path: Path | str, signature: Signature) -> Data:
    """Read ``.npz`` (arrays ``x``, optionally ``lengths`` and ``y``) or ``.npy`` (``x``) for a network.

    Nothing stored in the file is executed.

    Raises
    ------
    InputError: missing, damaged or too large, or arrays that do not fit the network.
    """
    found = read_arrays(Path(path), ("x", "lengths", "y"))
    return fit_data(found["x"], found.get("lengths"), found.get("y"), signature, str(path))
