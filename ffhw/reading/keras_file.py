"""Opening a ``.keras`` file as data, within limits, and without following anything out of it.

The archive's JSON and HDF5 parts are parsed here. Keras is never asked to build the model, so that nothing stored
in the file, a Lambda layer's code for example, is ever executed, and no framework needs to be installed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ffhw.errors import InputError
from ffhw.files import open_regular
from ffhw.layers.base import Floats

# A description of a thousand layers is about a megabyte; the largest network that hardware takes has some millions of
# weights.
MOST_JSON_BYTES = 16 << 20
MOST_WEIGHT_BYTES = 256 << 20
# Weights are noise to a compressor; what shrinks more than this was made to.
MOST_EXPANSION = 40
_FREE_BYTES = 4 << 20
MOST_NESTING = 64
MOST_ELEMENTS = 1 << 24
_SAVE = "save the model with model.save('model.keras')"


@contextlib.contextmanager
def open_model(path: Path | str) -> Iterator[tuple[dict[str, Any], h5py.File]]:
    """Configuration and weights of a ``.keras`` file, as data.

    Raises
    ------
    InputError: not a ``.keras`` file, a damaged one, or one beyond the limits of this module.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder, expected a .keras file")
    with open_regular(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                config = _json(path, _member(path, archive, "config.json", MOST_JSON_BYTES))
                raw = _member(path, archive, "model.weights.h5", MOST_WEIGHT_BYTES)
            weights = h5py.File(io.BytesIO(raw), "r")
        except InputError:
            raise
        except MemoryError:
            raise InputError(f"{path} needs more memory than there is") from None
        except Exception:  # the libraries meet whatever is in the file, each with exceptions of its own
            raise InputError(f"{path} is not a .keras file: {_SAVE}") from None
    with weights:
        yield config, weights


def _member(path: Path, archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """Content of a file in an archive, within its cap."""
    info = archive.getinfo(name)
    too_large = info.file_size > most or info.file_size > _FREE_BYTES + MOST_EXPANSION * info.compress_size
    if too_large:
        raise InputError(
            f"{path}: {name} unpacks to {info.file_size:,} bytes from {info.compress_size:,}, more than any network "
            f"needs ({most:,}): {_SAVE}"
        )
    with archive.open(name) as member:
        # the size in the directory may be a lie; a read of more than that ends in an error here
        content = member.read(info.file_size + 1)
    if len(content) != info.file_size:
        raise InputError(f"{path} is damaged: {name} is not as long as the archive says: {_SAVE}")
    return content


def _json(path: Path, raw: bytes) -> dict[str, Any]:
    """A JSON object that is not nested beyond sense."""
    depth = deepest = 0
    quoted = escaped = False
    for byte in raw:
        if quoted:
            escaped, quoted = (not escaped and byte == 0x5C), (escaped or byte != 0x22)
        elif byte == 0x22:
            quoted = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    if deepest > MOST_NESTING:
        raise InputError(f"{path}: config.json is nested {deepest} deep, at most {MOST_NESTING} is read: {_SAVE}")
    config = json.loads(raw)
    if not isinstance(config, dict):
        raise InputError(f"{path} is not a .keras file: {_SAVE}")
    return config


@dataclasses.dataclass(frozen=True)
class StoredWeights:
    """The weights of one layer: a group of an HDF5 file. Links that lead elsewhere are refused, not followed."""

    file: h5py.File
    group: str

    def part(self, name: str) -> StoredWeights:
        """Those of a layer inside this one."""
        return StoredWeights(self.file, f"{self.group}/{name}")

    def array(self, key: str, shape: tuple[int, ...], name: str) -> Floats:
        """The finite weights stored under ``key``, of exactly this shape; ``name`` is the layer's, for messages.

        Raises
        ------
        InputError: missing, of another shape or type, stored elsewhere, damaged, or not finite.
        """
        where = f"layer {name!r}: its weights {self.group}/{key}"
        dataset = self._find(f"{self.group}/{key}")
        if dataset is None:
            raise InputError(f"{where} are missing from the file")
        try:
            array = _read(dataset, shape, where)
        except InputError:
            raise
        except Exception:  # damaged metadata, filters or chunks, by exceptions of the library's own
            raise InputError(f"{where} are damaged: {_SAVE}") from None
        if not np.isfinite(array).all():
            bad = int((~np.isfinite(array)).sum())
            raise InputError(
                f"layer {name!r}: {bad} of {array.size} weights are not finite numbers: train the model again"
            )
        return array

    def count(self, part: str = "") -> int:
        """Arrays stored of the layer, or of its part."""
        found = self._find(f"{self.group}/{part}vars")
        try:
            return len(found) if isinstance(found, h5py.Group) else 0
        except Exception:  # damaged metadata
            return 0

    def name(self) -> str | None:
        """The layer's name, as newer Keras versions store it beside its weights."""
        found = self._find(f"{self.group}/vars")
        try:
            name = None if found is None else found.attrs.get("name")
        except Exception:  # damaged metadata
            return None
        return name if isinstance(name, str) else None

    def _find(self, key: str) -> Any:
        """What stands at a path, step by step along hard links; None if there is nothing."""
        here: Any = self.file
        try:
            for step in key.split("/"):
                if not isinstance(here, h5py.Group) or not isinstance(here.get(step, getlink=True), h5py.HardLink):
                    return None
                here = here[step]
        except Exception:  # damaged metadata, by exceptions of the library's own
            return None
        return here


def _read(dataset: Any, shape: tuple[int, ...], where: str) -> Floats:
    """Numbers of a dataset, once it is known to be what it should be."""
    if not isinstance(dataset, h5py.Dataset):
        raise InputError(f"{where} are not an array")
    if dataset.external or dataset.is_virtual:
        raise InputError(f"{where} are stored outside the file: {_SAVE}")
    if dataset.shape != shape:
        raise InputError(f"{where} have shape {dataset.shape}, its options ask for {shape}")
    if dataset.dtype.kind != "f" or dataset.dtype.itemsize not in (4, 8):
        raise InputError(f"{where} must be float32 or float64, not {dataset.dtype}")
    bytes_needed = dataset.size * dataset.dtype.itemsize
    stored = dataset.id.get_storage_size()
    if dataset.size > MOST_ELEMENTS or bytes_needed > _FREE_BYTES + MOST_EXPANSION * stored or not stored:
        raise InputError(f"{where} of shape {shape} are stored in {stored:,} bytes: more than is there, or needed")
    return np.asarray(dataset, dtype=np.float64)
