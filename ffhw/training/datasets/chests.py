"""Two chests in computed tomography, from the pyradiomics package: 109 slices, and masks of the lungs made here.

Volumes are NRRD files: a text header, an empty line, and numbers, as they are or gzipped. The masks come from a
threshold: air within the body, without what touches the border, its two largest parts.
"""

from __future__ import annotations

import dataclasses
import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ffhw.errors import InputError, ToolError
from ffhw.training.datasets.archives import Archive, fetch_all

PYRADIOMICS = Archive(
    "pyradiomics==3.0.1",
    "47c57f441d6cb7973fa3b2ea48d3948df78e3348e1c69e1e2ff19001601fc2f5",
    "pyradiomics-3.0.1/data",
    source=True,
)
AIR_HU = -400
_TYPES = {
    "short": "i2",
    "int16": "i2",
    "signed short": "i2",
    "unsigned short": "u2",
    "uchar": "u1",
    "int": "i4",
    "float": "f4",
}
_MOST_VOXELS = 1 << 27


@dataclasses.dataclass(frozen=True)
class Volume:
    """A stack of slices: ``hounsfield [slice, row, column]`` and the volume of a voxel in millilitres."""

    hounsfield: NDArray[np.float32]
    voxel_ml: float


def chests() -> list[Volume]:
    """Both chests.

    Raises
    ------
    ToolError: they are neither in the data folder nor to be had.
    """
    return [read_nrrd(path) for path in fetch_all(PYRADIOMICS, ["lung1_image.nrrd", "lung2_image.nrrd"])]


def read_nrrd(path: Path) -> Volume:
    """A three-dimensional NRRD file with its data behind the header.

    Raises
    ------
    InputError: it is not such a file.
    """
    raw = path.read_bytes()
    head, found, data = raw.partition(b"\n\n")
    if not found or not head.startswith(b"NRRD000"):
        raise InputError(f"{path.name} is not an NRRD file")
    fields = dict(
        line.split(": ", 1)
        for line in head.decode("ascii", "replace").split("\n")[1:]
        if ": " in line and not line.startswith("#")
    )
    try:
        sizes = [int(size) for size in fields["sizes"].split()]
        order = "<" if fields.get("endian", "little") == "little" else ">"
        kind = np.dtype(order + _TYPES[fields["type"]])
        if len(sizes) != 3 or not 0 < math.prod(sizes) <= _MOST_VOXELS:
            raise ValueError(f"sizes {sizes}")
        need = math.prod(sizes) * kind.itemsize
        if fields["encoding"] in ("gzip", "gz"):
            data = zlib.decompressobj(31).decompress(data, need)
        elif fields["encoding"] != "raw":
            raise ValueError(f"encoding {fields['encoding']}")
        # columns come first in the file
        voxels = np.frombuffer(data[:need], kind).reshape(sizes[::-1]).astype(np.float32)
        return Volume(voxels, _voxel_ml(fields))
    except (KeyError, ValueError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path.name} is not a volume that can be read: {error}") from None


def _voxel_ml(fields: dict[str, str]) -> float:
    if "spacings" in fields:
        steps = np.diag([float(part) for part in fields["spacings"].split()])
    else:
        vectors = fields["space directions"].replace("(", "").split(")")
        steps = np.array([[float(part) for part in vector.split(",")] for vector in vectors if vector.strip()])
    return float(abs(np.linalg.det(steps))) / 1000.0


def lung_mask(hounsfield: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Lungs ``[slice, row, column]``: air that does not touch a slice's border, its two largest connected parts.

    Raises
    ------
    ToolError: SciPy is missing.
    """
    try:
        from scipy import ndimage
    except ImportError:
        raise ToolError("masks of real chests need SciPy: pip install 'ffhw[analyze]'") from None
    air = hounsfield < AIR_HU
    parts, count = ndimage.label(air)
    border = np.concatenate([parts[:, [0, -1]].ravel(), parts[:, :, [0, -1]].ravel()])
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    sizes[np.unique(border)] = 0
    sizes[0] = 0
    largest = [part for part in np.argsort(sizes)[-2:] if sizes[part]]
    # vessels within the lungs belong to them
    return ndimage.binary_closing(np.isin(parts, largest), np.ones((1, 3, 3)), iterations=2)
