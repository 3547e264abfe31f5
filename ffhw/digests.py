"""Digests: what identifies a bundle, and whether a bitstream is the one that a result tells of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ffhw.errors import InputError
from ffhw.files import read_regular

# Of a file in a bundle.
MOST_BYTES = 256 << 20


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """SHA-256 of each file, by name in order."""
    return {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}


def identity_of(files: Mapping[str, bytes]) -> str:
    """Digest of a bundle of these files."""
    return identity_of_digests(digests(files))


def identity_of_digests(found: dict[str, str]) -> str:
    """Digest of a bundle of files with these digests."""
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def has_bitstream(path: Path, result: dict[str, Any]) -> bool:
    """Whether the bitstream that a result tells of, if any, stands beside it."""
    if "bitstream" not in result:
        return True
    try:
        content = read_regular(path.with_name(Path(str(result["bitstream"])).name), MOST_BYTES)
    except InputError:
        return False
    return hashlib.sha256(content).hexdigest() == result.get("bitstream_sha256")
