"""The bundle: the folder that `ffhw export` writes and every later command reads.

    manifest.json     what this is, and the digest of every file below
    network.npz       the quantized network
    network.json      its structure, for people
    design.json       the folding, and the options the hardware was generated with
    performance.json  predicted cycles and resources; neither this nor anything below vectors.npz with --no-hardware
    accuracy.json     float against quantized network, where data were given
    model.onnx        the network as an integer ONNX graph
    vectors.npz       test vectors: input codes, lengths and expected output codes
    rtl/              ffhw_top.v (or <prefix>_top.v) and the memory files it reads
    *.core, *.sdc     the same for FuseSoC, and timing constraints
    *_litex.py        the same as a LiteX module
    csr/              with `--csr` a register block beside the streams, and its map
    results/          what simulation, synthesis and reports add later

A bundle appears whole or not at all: it is written to a folder beside its place and renamed. A command opens it once:
all files are read and verified there and then, and nothing is read again, so that another export in the meantime
changes nothing for it.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ffhw import __version__
from ffhw.arrays import parse_arrays
from ffhw.digests import MOST_BYTES, digests, identity_of_digests
from ffhw.errors import DigestError, InputError
from ffhw.files import check_folder, open_snapshot, read_regular, write_folder
from ffhw.hdl.plan.chain import check_foldings
from ffhw.hdl.plan.folding import Folding, Foldings
from ffhw.hdl.plan.performance import predict
from ffhw.hdl.verilog import top_of
from ffhw.model import golden
from ffhw.model.compare import check_comparison
from ffhw.model.network import Network
from ffhw.processes import kept_folder, sweep
from ffhw.results import MANIFEST, MARKERS, MOST_JSON_BYTES, Results, marked
from ffhw.shapes import check_shape

BUNDLE_VERSION = 2
_REQUIRED = {"network.npz", "network.json", "design.json", "model.onnx", "vectors.npz"}
_ALLOWED = re.compile(
    r"(accuracy|performance)\.json|\w+\.(core|sdc)|\w+_litex\.py|csr/\w+_csr\.(v|json)|rtl/[\w.-]+\.(v|mem)"
)
# Sequences of the test vectors that are run whenever a bundle is opened.
CHECKED = 8
_AGAIN = "export the model again"

_DESIGN = {"foldings": None, "keep_state": bool}
_GENERIC = {"scales": [int], "argmax": bool, "max_steps": int}
_FOLDING = {"lanes": int, "simd": int, "finishers": int, "style?": str}
_KNOWN = {key.removesuffix("?") for key in _FOLDING}


@dataclasses.dataclass(frozen=True)
class Bundle(Results):
    """An opened and verified bundle: a snapshot of its files, what they say, and where results go."""

    path: Path
    identity: str
    files: dict[str, bytes] = dataclasses.field(repr=False)

    @classmethod
    def open(cls, path: Path | str) -> Bundle:
        """Open a bundle, verify every file's digest, and check that its parts belong together.

        Raises
        ------
        InputError: no such folder, or not a bundle.
        DigestError: a file is missing, is not what was written, or says what the network does not.
        """
        path = Path(path)
        if not path.exists():
            raise InputError(f"{path} does not exist: write a bundle with ffhw export")
        for attempt in range(20):
            try:
                with open_snapshot(path) as read:
                    bundle = cls._read(path, read)
                break
            except FileNotFoundError as error:
                # another export may have put a new bundle in its place in this very moment
                if attempt == 19 or not (path / MANIFEST).exists():
                    missing = error.filename or "a file"
                    raise DigestError(f"{path} is incomplete: {missing} is missing; {_AGAIN}") from None
        bundle._check()
        return bundle

    @classmethod
    def _read(cls, path: Path, read: Any) -> Bundle:
        try:
            manifest = json.loads(read(MANIFEST, MOST_JSON_BYTES))
            check_shape(manifest, {"ffhw_bundle": int, "files": {str: str}, "identity": str}, "the manifest")
        except FileNotFoundError:
            if path.is_dir() and not (path / MANIFEST).exists():
                raise InputError(f"{path} is not a bundle: write one with ffhw export") from None
            raise  # another bundle has just taken its place
        except (InputError, OSError, ValueError, RecursionError):
            raise InputError(f"{path} is not a bundle: write one with ffhw export") from None
        if manifest["ffhw_bundle"] != BUNDLE_VERSION:
            raise InputError(f"{path} was written by another version of ffhw: {_AGAIN}")
        listed = manifest["files"]
        for name in sorted(_REQUIRED - set(listed)):
            raise DigestError(f"{path} is incomplete: its manifest does not list {name}; {_AGAIN}")
        for name in listed:
            if name not in _REQUIRED and not _ALLOWED.fullmatch(name):
                raise DigestError(f"{path}: its manifest lists {name[:80]!r}, which no bundle has; {_AGAIN}")
        if manifest["identity"] != identity_of_digests(listed):
            raise DigestError(f"{path} was changed: its identity is not that of its files; {_AGAIN}")
        files = {}
        for name, digest in listed.items():
            files[name] = read(name, MOST_BYTES)
            if hashlib.sha256(files[name]).hexdigest() != digest:
                raise DigestError(f"{path} was changed: {name} is not the file that was exported; {_AGAIN}")
        return cls(path, manifest["identity"], files)

    def _check(self) -> None:
        """Hold what the files say against each other: a figure that can be computed is not believed."""
        try:
            if self.json("network.json") != json.loads(json.dumps(self.network().describe())):
                raise DigestError("network.json does not describe network.npz")
            if self.has_hardware:
                self._check_hardware()
            else:
                self._check_bare()
            self.accuracy()
            self._check_vectors()
        except (InputError, DigestError) as error:
            raise DigestError(f"{self.path} contradicts itself: {error}; {_AGAIN}") from None

    def _check_hardware(self) -> None:
        predicted = predict(self.network(), self.foldings()).to_dict()
        if self.json("performance.json") != json.loads(json.dumps(predicted)):
            raise DigestError("performance.json does not hold the figures of this network and design")
        if (b"s_axis_state_" in self.files[f"rtl/{self.top}.v"]) != (self.keep_state and any(
            layer.state_size for layer in self.network().layers)):  # fmt: skip
            raise DigestError("design.json and the Verilog differ in whether states are kept")

    def _check_bare(self) -> None:
        hardware = set(self.files) - _REQUIRED - {"accuracy.json"}
        if hardware or self.keep_state or self.generic or self.loadable:
            raise DigestError("design.json says that there is no hardware")

    def json(self, name: str) -> dict[str, Any]:
        """Content of one of the bundle's JSON files; empty if it is not there."""
        if name not in self.files:
            return {}
        try:
            data = json.loads(self.files[name])
        except (ValueError, RecursionError):
            raise DigestError(f"{self.path}: {name} is no JSON; {_AGAIN}") from None
        if not isinstance(data, dict):
            raise DigestError(f"{self.path}: {name} must hold a JSON object; {_AGAIN}")
        return data

    def network(self) -> Network:
        """The quantized network."""
        return self._network

    @functools.cached_property
    def _network(self) -> Network:
        arrays = parse_arrays(io.BytesIO(self.files["network.npz"]), "network.npz")
        return Network.from_arrays(arrays, "network.npz")

    @property
    def has_hardware(self) -> bool:
        """Whether there is Verilog; else the network is there as golden model and as ONNX graph."""
        return self._design["foldings"] is not None

    def foldings(self) -> Foldings:
        """The folding of each engine.

        Raises
        ------
        InputError: there is no hardware.
        """
        if not self.has_hardware:
            raise InputError(f"{self.path} was exported with --no-hardware: ffhw run and ffhw report take it")
        return self._foldings

    @functools.cached_property
    def _foldings(self) -> Foldings:
        design = self._design
        found: list[Folding | None] = []
        for number, fields in enumerate(design["foldings"]):
            if fields is not None:
                check_shape(fields, _FOLDING, f"design.json: folding {number}")
            found.append(None if fields is None else Folding(**{key: fields[key] for key in _KNOWN & set(fields)}))
        return check_foldings(self._network, found)

    @property
    def _design(self) -> dict[str, Any]:
        design = self.json("design.json")
        check_shape(design, _DESIGN, "design.json")
        if design["foldings"] is not None:
            check_shape(design["foldings"], [None], "design.json: foldings")
        return design

    @property
    def keep_state(self) -> bool:
        """Whether the hardware's states outlive a sequence."""
        return bool(self._design["keep_state"])

    @property
    def generic(self) -> dict[str, Any] | None:
        """How the formats were chosen, of hardware that takes any weights of them; None of all other hardware."""
        found = self._design.get("generic_weights")
        if found is not None:
            check_shape(found, _GENERIC, "design.json: generic_weights")
        return found

    @property
    def loadable(self) -> bool:
        """Whether weights can be sent to the hardware at run time."""
        return self._design.get("loadable") is True

    @property
    def top(self) -> str:
        """Name of the Verilog's top module."""
        return top_of(name for name in self.files if name.startswith("rtl/"))

    def accuracy(self) -> dict[str, Any]:
        """Scores of the float and the quantized network; empty where they were not compared."""
        accuracy = self.json("accuracy.json")
        if accuracy:
            check_comparison(accuracy, "accuracy.json")
        return accuracy

    @functools.cached_property
    def rtl(self) -> Path:
        """Folder of the Verilog, a copy of the snapshot; it goes with the process."""
        folder = kept_folder(self, "rtl")
        for name, content in self.files.items():
            if name.startswith("rtl/"):
                (folder / name.removeprefix("rtl/")).write_bytes(content)
        return folder

    def vectors(self) -> dict[str, Any]:
        """Test vectors: ``codes``, ``lengths``, ``expected``, and labels or targets ``y`` if there are any."""
        return self._vectors

    @functools.cached_property
    def _vectors(self) -> dict[str, Any]:
        arrays = parse_arrays(io.BytesIO(self.files["vectors.npz"]), "vectors.npz")
        for name in ("codes", "lengths", "expected"):
            if name not in arrays:
                raise DigestError(f"vectors.npz has no array {name}")
        codes = golden.check_input(self._network, arrays["codes"])
        lengths = golden.check_lengths(self._network, arrays["lengths"], *codes.shape[:2])
        expected = np.asarray(arrays["expected"])
        size = self._network.output_size
        answers = (int(self._network.rhythm.steps(codes.shape[1])),) if self._network.return_sequences else ()
        shape = (len(codes), *answers, size)
        if expected.shape != shape or expected.dtype.kind not in "iu":
            raise DigestError(f"vectors.npz: expected must be integers of shape {list(shape)}")
        return {**arrays, "codes": codes, "lengths": lengths, "expected": expected.astype(np.int64)}

    def _check_vectors(self) -> None:
        """Some expected answers, from all over, must be the golden model's: other tools are compared with them."""
        vectors = self.vectors()
        some = np.unique(np.linspace(0, len(vectors["codes"]) - 1, CHECKED).astype(int))
        codes, lengths = vectors["codes"][some], vectors["lengths"][some]
        if not np.array_equal(golden.run(self.network(), codes, lengths).outputs, vectors["expected"][some]):
            raise DigestError("vectors.npz does not hold the answers of network.npz")


def check_target(path: Path) -> None:
    """Refuse a target that cannot be written, or that holds anything else than a bundle of ours.

    Raises
    ------
    OutputError: with the reason; a foreign file by its name.
    """
    check_folder(path, "a bundle", _own_files(path))


def _own_files(path: Path) -> set[str] | None:
    """Files in a folder that a manifest of ours lists, or that we marked as results; None if it is no bundle."""
    try:
        manifest = json.loads(read_regular(path / MANIFEST, MOST_JSON_BYTES))
        check_shape(manifest, {"ffhw_bundle": int, "files": {str: str}, "identity": str}, "the manifest")
    except (InputError, ValueError, RecursionError):
        return None
    sweep(path / "results")
    markers = marked(path)
    listed = {name for name in manifest["files"] if name in _REQUIRED or _ALLOWED.fullmatch(name)}
    return {MANIFEST, *listed, *(f"results/{n}" for n in markers), *(f"{MARKERS}/{n}" for n in markers)}


def write_bundle(
    path: Path | str, files: Mapping[str, bytes | str], results: Mapping[str, bytes | str] | None = None
) -> Bundle:
    """Write a bundle of these files, replacing an older bundle of the same name in one step.

    Parameters
    ----------
    files: content by name; names may have folders. results: the same of its results, which come with it.

    Raises
    ------
    OutputError: it cannot be written; what was there before is still there.
    """
    path = Path(path)
    raw = {name: data.encode() if isinstance(data, str) else data for name, data in files.items()}
    found = digests(raw)
    identity = identity_of_digests(found)
    manifest = {"ffhw_bundle": BUNDLE_VERSION, "ffhw": __version__, "identity": identity, "files": found}
    check_target(path)
    added = {f"results/{name}": content for name, content in (results or {}).items()}
    added |= {f"{MARKERS}/{name}": b"" for name in results or {}}
    write_folder(path, {**raw, **added, MANIFEST: json.dumps(manifest, indent=2) + "\n"})
    return Bundle(path, identity, raw)
