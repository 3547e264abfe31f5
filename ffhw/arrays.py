"""Arrays in files: ``.npz`` and ``.npy``, written the same on every machine, read within limits.

Nothing stored in a file is executed. Sizes are taken from the headers and refused before anything is unpacked.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from ffhw.errors import InputError
from ffhw.files import open_regular

# Elements of one array: 16 million fill a hundred megabytes as real numbers.
MOST_ELEMENTS = 1 << 24
MOST_AXES = 6
MOST_MEMBERS = 4096
_HEADER_BYTES = 4096
_KINDS = "biuf"


def npz_bytes(arrays: Mapping[str, Any]) -> bytes:
    """Content of an ``.npz`` file of these arrays.

    Equal arrays give equal bytes, whatever the versions of Python, NumPy and zlib: members are stored, not deflated,
    integers as narrow as they can be, and their headers carry no date.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            npy.write_array(content, narrow(np.asarray(array)), version=(1, 0), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system = 3
            info.external_attr = 0o600 << 16
            archive.writestr(info, content.getvalue())
    return buffer.getvalue()


def narrow(array: Any) -> Any:
    """The same integers in as few bytes as they need, in C order; anything else as it is."""
    if array.dtype.kind in "iu" and array.size:
        low, high = int(array.min()), int(array.max())
        for kind in (np.uint8, np.int8, np.uint16, np.int16, np.int32):
            if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
                array = array.astype(kind)
                break
    # little-endian everywhere
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).reshape(array.shape)


def read_arrays(path: Path, names: tuple[str, ...] | None = None) -> dict[str, Any]:
    """Arrays of an ``.npz`` file by name, or the one of an ``.npy`` file under the name ``x``.

    Parameters
    ----------
    names: those that are wanted, if they are there, the first of which must be; all if None.

    Raises
    ------
    InputError: not such a file, a damaged one, or one beyond the limits of this module.
    """
    with open_regular(path) as file:
        return parse_arrays(file, str(path), names)


def parse_arrays(file: BinaryIO, where: str, names: tuple[str, ...] | None = None) -> dict[str, Any]:
    """:func:`read_arrays` of an open file; ``where`` is its name, for messages."""
    try:
        if file.read(6) == npy.MAGIC_PREFIX:
            file.seek(0)
            return {"x": _read(file, where, "x")}
        file.seek(0)
        with zipfile.ZipFile(file) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            if len(members) > MOST_MEMBERS:
                raise InputError(f"{where} holds {len(members)} arrays, at most {MOST_MEMBERS} are read")
            wanted = members if names is None else {name: members[name] for name in names if name in members}
            if names is not None and names[0] not in members:
                raise InputError(f"{where} has arrays {_listed(members)}: an array {names[0]} is needed")
            found = {}
            for name, info in wanted.items():
                with archive.open(info) as member:
                    found[name] = _read(member, f"{where}: {name}", name)
            return found
    except InputError:
        raise
    except MemoryError:
        raise InputError(f"{where} needs more memory than there is") from None
    except Exception as error:  # the libraries meet whatever is in the file, each with exceptions of its own
        if "Object arrays" in str(error):
            raise InputError(
                f"{where} holds Python objects, as an array of sequences of different lengths does: pad them to one "
                "length, and save their lengths beside them"
            ) from None
        raise InputError(f"{where} is not a NumPy file, or a damaged one: save x with np.save or np.savez") from None


def _listed(names: Mapping[str, Any]) -> str:
    shown = [repr(name)[1:-1][:40] for name in list(names)[:8]]
    return (", ".join(shown) or "none") + (", ..." if len(names) > 8 else "")


def _read(file: Any, where: str, name: str) -> Any:
    """One array, after a look at its header."""
    start = io.BytesIO(file.read(_HEADER_BYTES))
    version = npy.read_magic(start)
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read_header(start, max_header_size=_HEADER_BYTES)
    if dtype.hasobject:
        raise ValueError("Object arrays")
    if dtype.kind not in _KINDS or dtype.itemsize > 8:
        raise InputError(f"{where} must hold numbers, not {dtype}")
    if len(shape) > MOST_AXES or any(size < 0 for size in shape) or math.prod(shape) > MOST_ELEMENTS:
        raise InputError(f"{where} has shape {list(shape)}: at most {MOST_ELEMENTS:,} numbers are read")
    need = math.prod(shape) * dtype.itemsize
    raw = start.read() + file.read(max(0, need + 1 - (_HEADER_BYTES - start.tell())))
    raw = raw[: need + 1]
    if len(raw) != need:
        raise ValueError(f"{name}: {len(raw)} bytes where the header promises {need}")
    array = np.frombuffer(raw, dtype)
    return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)
