"""The bundle: the folder that `ffhw export` writes and every later command reads.

    manifest.json     what this is, and the digest of every file below
    network.npz       the quantized network
    design.json       the folding, and the options the hardware was generated with
    performance.json  predicted cycles and resources
    accuracy.json     float against quantized network, where data were given
    model.onnx        the network as an integer ONNX graph
    vectors.npz       test vectors: input codes, lengths and expected output codes
    rtl/              ffhw_top.v and the memory files it reads
    results/          what simulation, synthesis and reports add later

A bundle appears whole or not at all: it is written to a folder beside its place and renamed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from ffhw import __version__
from ffhw.errors import DigestError, InputError, OutputError
from ffhw.files import check_folder, sha256, write_atomic, write_folder
from ffhw.hdl.plan.folding import Folding
from ffhw.model.network import Network

BUNDLE_VERSION = 1
_MANIFEST = "manifest.json"


@dataclasses.dataclass(frozen=True)
class Bundle:
    """An opened and verified bundle."""

    path: Path
    manifest: dict[str, Any]

    @classmethod
    def open(cls, path: Path | str) -> Bundle:
        """Open a bundle and verify every file's digest.

        Raises
        ------
        InputError: no such folder, or not a bundle.
        DigestError: a file is missing or is not what was written.
        """
        path = Path(path)
        if not path.exists():
            raise InputError(f"{path} does not exist: write a bundle with ffhw export")
        try:
            manifest = json.loads((path / _MANIFEST).read_text())
            version, files = manifest["ffhw_bundle"], manifest["files"]
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError(f"{path} is not a bundle: write one with ffhw export") from None
        if version != BUNDLE_VERSION:
            raise InputError(f"{path} was written by another version of ffhw: export the model again")
        for name, digest in files.items():
            file = path / name
            if not file.is_file():
                raise DigestError(f"{path} is incomplete: {name} is missing; export the model again")
            if sha256(file) != digest:
                raise DigestError(
                    f"{path} was changed: {name} is not the file that was exported; export the model again"
                )
        return cls(path, manifest)

    def json(self, name: str) -> dict[str, Any]:
        """Content of one of the bundle's JSON files."""
        data: dict[str, Any] = json.loads((self.path / name).read_text())
        return data

    def network(self) -> Network:
        """The quantized network."""
        return Network.load(self.path / "network.npz")

    def foldings(self) -> tuple[Folding | None, ...]:
        """The folding of each engine."""
        return tuple(None if f is None else Folding(**f) for f in self.json("design.json")["foldings"])

    @property
    def keep_state(self) -> bool:
        """Whether the hardware's states outlive a sequence."""
        return bool(self.json("design.json")["keep_state"])

    @property
    def rtl(self) -> Path:
        """Folder of the Verilog."""
        return self.path / "rtl"

    def vectors(self) -> dict[str, Any]:
        """Test vectors: ``codes``, ``lengths``, ``expected``, and labels or targets ``y`` if there are any."""
        with np.load(self.path / "vectors.npz", allow_pickle=False) as file:
            return dict(file)

    @property
    def identity(self) -> str:
        """Digest over all exported files: what a result was measured on."""
        return str(self.manifest["identity"])

    def add_result(self, name: str, result: dict[str, Any]) -> Path:
        """Write ``results/<name>.json``, marked with the identity of the bundle it belongs to.

        Raises
        ------
        OutputError: it cannot be written.
        """
        folder = self.results_folder()
        target = folder / f"{name}.json"
        write_atomic(target, json.dumps({"bundle": self.identity, "ffhw": __version__, **result}, indent=2) + "\n")
        return target

    def results_folder(self) -> Path:
        """``results/``, created if need be."""
        folder = self.path / "results"
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot write to {folder}: {error.strerror}") from None
        return folder

    def results(self) -> dict[str, dict[str, Any]]:
        """All results that belong to this very export, by name; none whose bitstream is another one or gone."""
        folder, found = self.path / "results", {}
        for path in sorted([*folder.glob("*.json"), *folder.glob("*/result.json")]):
            content = json.loads(path.read_text())
            if content.get("bundle") == self.identity and _has_bitstream(path.parent, content):
                found[path.stem if path.parent == folder else path.parent.name] = content
        return found


def _has_bitstream(folder: Path, result: dict[str, Any]) -> bool:
    """Whether the bitstream that a result tells of, if any, is in its folder."""
    if "bitstream" not in result:
        return True
    file = folder / Path(str(result["bitstream"])).name
    return file.is_file() and sha256(file) == result.get("bitstream_sha256")


def check_target(path: Path) -> None:
    """Refuse a target that cannot be written, or that holds something else than a bundle.

    Raises
    ------
    OutputError: with the reason.
    """
    check_folder(path, _MANIFEST, "a bundle")


def write_bundle(path: Path | str, files: dict[str, bytes | str]) -> Bundle:
    """Write a bundle of these files, replacing an older bundle of the same name in one step.

    Parameters
    ----------
    files: content by name; names may have folders.

    Raises
    ------
    OutputError: it cannot be written; what was there before is still there.
    """
    path = Path(path)
    raw = {name: data.encode() if isinstance(data, str) else data for name, data in files.items()}
    digests = {name: hashlib.sha256(raw[name]).hexdigest() for name in sorted(raw)}
    manifest = {
        "ffhw_bundle": BUNDLE_VERSION,
        "ffhw": __version__,
        "identity": _identity(digests),
        "files": digests,
    }
    check_target(path)
    write_folder(path, {**raw, _MANIFEST: json.dumps(manifest, indent=2) + "\n"})
    return Bundle(path, manifest)


def _identity(digests: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


def array_bytes(**arrays: Any) -> bytes:
    """Content of an ``.npz`` file."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()
