"""Weights as they are sent to a device: an image of the memories, which hardware takes it, and the device's answer.

Needs nothing but NumPy; the other side is ``ffhw/hdl/datapath/weight_loader.py``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import zlib
from typing import Any

import numpy as np

from ffhw.errors import InputError

# The first byte of a packet: an image follows, or the status is asked for.
LOAD, ASK = 1, 0
# What the status says of the weights: built in, loaded in part so that nothing runs, loaded.
BUILT_IN, PARTIAL, LOADED = 0, 1, 2
STATUS_BYTES = 5
_TRAINED = re.compile(r"rtl/\w+_weights_(\d+)\.mem")


@dataclasses.dataclass(frozen=True)
class Status:
    """What a device says of its weights: CRC-32 of the image that was loaded, and what is there."""

    checksum: int
    kind: int

    @classmethod
    def parse(cls, payload: bytes) -> Status:
        """Of the payload of an answer.

        Raises
        ------
        InputError: it is none.
        """
        if len(payload) != STATUS_BYTES or payload[4] > LOADED:
            raise InputError(f"the device's weights cannot be understood: {payload.hex()}")
        return cls(int.from_bytes(payload[:4], "little"), payload[4])


def image_of(bundle: Any) -> bytes:
    """All words of the memories of what was trained, in their order, each in whole bytes, the lowest first."""
    found = {int(match[1]): text for name, text in bundle.files.items() if (match := _TRAINED.fullmatch(name))}
    return b"".join(_packed(found[number].decode()) for number in sorted(found))


def _packed(text: str) -> bytes:
    bits = np.array([[digit == "1" for digit in reversed(word)] for word in text.split()], np.uint8)
    return np.packbits(bits, axis=1, bitorder="little").tobytes()


def hardware_of(bundle: Any) -> str:
    """Digest of all of a bundle's hardware but what its memories of weights hold."""
    digest = hashlib.sha256()
    for name in sorted(bundle.files):
        if name.startswith("rtl/") and not _TRAINED.fullmatch(name):
            digest.update(hashlib.sha256(bundle.files[name]).digest())
    return digest.hexdigest()[:32]


def weights_of(bundle: Any) -> dict[str, Any]:
    """What the identity of a device says of the weights that can be sent to it."""
    return {"bytes": len(image_of(bundle)), "hardware": hardware_of(bundle)}


def checked_image(bundle: Any, weights: dict[str, Any] | None) -> bytes:
    """The image of a bundle, for a device whose identity says ``weights``.

    Raises
    ------
    InputError: the device takes none, or those of other hardware.
    """
    if weights is None:
        raise InputError("the device takes no weights: export with --loadable, and build its bitstream anew")
    image = image_of(bundle)
    if len(image) != weights["bytes"] or hardware_of(bundle) != weights["hardware"]:
        raise InputError(
            f"these weights, {len(image):,} bytes, are not of the network that the device has, which takes "
            f"{weights['bytes']:,}: make them with ffhw update from its bundle"
        )
    return image


def checksum(image: bytes) -> int:
    """As the device computes it."""
    return zlib.crc32(image)
