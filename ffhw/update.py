"""New weights for a bundle and its bitstreams, without place and route.

The new model is quantized with the formats of the bundle. What comes out must be the same hardware, file for file, but
for what the memories of the weights hold; these are replaced in the placed designs, which are simulated and read back.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ffhw.boards.block_rams import BLOCK_RAMS
from ffhw.boards.catalogue import Board
from ffhw.boards.catalogue import board as board_of
from ffhw.boards.flow import LOGS, NetlistCheck
from ffhw.boards.placed import (
    DESIGN,
    NETLIST,
    check_bitstream,
    contents,
    pack,
    replace_in_design,
    replace_in_netlist,
)
from ffhw.boards.plan import BITSTREAMS, contents_of, settings_of
from ffhw.boards.tools import Toolbox
from ffhw.bundle import Bundle, write_bundle
from ffhw.digests import MOST_BYTES, digests, identity_of
from ffhw.errors import DigestError, InputError
from ffhw.export import CALIBRATION, bundle_files, data_for, json_text
from ffhw.files import read_regular
from ffhw.model.compare import compare
from ffhw.model.data import Data
from ffhw.model.floatnet import FloatNetwork
from ffhw.model.network import Network
from ffhw.model.quantize import quantize
from ffhw.numbers.kept_scales import KeptPrecision, Saturated
from ffhw.numbers.scales import Widths
from ffhw.processes import scratch_folder
from ffhw.reading.model_file import read_model
from ffhw.shapes import check_shape

_WIDTHS = {**dict.fromkeys(("bits", "state_bits", "input_bits", "cell_bits"), int), "weight_bits": None}
_BUILT = {"top": str, "clock_hz": int, "baud": int, "memories": {str: str}, "kept_sha256": {str: str}, "bitstream": str}


@dataclasses.dataclass(frozen=True)
class Updated:
    """What an update made: the bundle, what did not fit into its formats, and each bitstream's result by board."""

    bundle: Bundle
    saturated: list[Saturated]
    results: dict[str, dict[str, Any]]


def update(
    path: Path,
    model: Path,
    data: Path | None = None,
    target: Path | None = None,
    boards: tuple[str, ...] = (),
    check: NetlistCheck | None = None,
    step: Callable[[str], None] = lambda _: None,
    note: Callable[[str], None] = lambda _: None,
) -> Updated:
    """Put the weights of a trained model into a bundle and its bitstreams; a new bundle replaces it in one step.

    Where they can be sent to the device at run time, the bitstreams stay as they are, with the old bundle.

    Parameters
    ----------
    data: to evaluate on, and test vectors. target: where to write, in place of ``path``.
    boards: whose bitstreams to bring along, all if none are named.
    check: simulates a netlist against the golden model, as in :func:`ffhw.boards.flow.synthesize`.

    Raises
    ------
    InputError: it is impossible, and why. MismatchError: what came out does not compute the new network.
    """
    old = Bundle.open(path)
    if old.generic is None:
        raise InputError(f"{path} was not exported with --generic-weights: its hardware fits its own weights only")
    if old.loadable and target is None and any(name.startswith("synth-") for name in old.results()):
        raise InputError("its bitstream takes other weights at run time and must stay: write them to another --output")
    built = [] if old.loadable else _bitstreams(old, boards)
    step(f"reading {model}")
    float_network = read_model(model)
    examples, origin = data_for(model, float_network, data)
    step("quantizing with the formats of the bundle")
    network, saturated = requantize(old, float_network, examples)
    settings = {key: old.json("design.json").get(key) for key in ("board", "calibration", "widths")}
    files = bundle_files(
        network,
        old.foldings(),
        examples,
        keep_state=old.keep_state,
        prefix=old.top.removesuffix("_top"),
        settings=settings,
        generic=old.generic,
        loadable=old.loadable,
        csr=any(name.startswith("csr/") for name in old.files),
        step=step,
    )
    _same_hardware(old, files)
    files["accuracy.json"] = json_text({"data": origin, **compare(float_network, network, examples, origin)})
    raw = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
    new = Bundle(target or path, identity_of(raw), raw)
    results: dict[str, dict[str, Any]] = {}
    made: dict[str, bytes | str] = {}
    for board in built:
        with scratch_folder("update") as folder:
            result, written = _bitstream(old, new, board, Toolbox(folder, step, note), check)
        results[board.name] = result
        made |= {f"synth-{board.name}/{name}": content for name, content in written.items()}
    step(f"writing {new.path}")
    return Updated(write_bundle(new.path, files, made), saturated, results)


def requantize(old: Bundle, trained: FloatNetwork, data: Data) -> tuple[Network, list[Saturated]]:
    """A trained network in the formats of a bundle, and what of it does not fit into them.

    Raises
    ------
    InputError: it is another network than the bundle's, by the first layer that differs.
    """
    generic, like = old.generic, old.network()
    assert generic is not None
    design = old.json("design.json")
    # without widths the network was trained on integers, and its formats are the model's own
    own = design.get("widths") is None
    if not own:
        check_shape(design["widths"], _WIDTHS, "design.json: widths")
    if own != all(layer.settled for layer in trained.layers):
        how = ("in floats", "on integers")
        raise InputError(f"the bundle's network was trained {how[own]}, the model {how[not own]}: export it anew")
    if [layer.kind for layer in trained.layers] != [layer.kind for layer in like.layers]:
        kinds = [", ".join(layer.kind for layer in layers) for layers in (like.layers, trained.layers)]
        raise InputError(f"the bundle has layers {kinds[0]}, the model {kinds[1]}: export this model anew")
    for given, before in zip(trained.layers, like.layers, strict=True):
        was, becomes = ((part.input_size, part.answers) for part in (before, given))
        if was != becomes:
            raise _differs(given.name, "inputs and outputs", was, becomes)
    precision = KeptPrecision(Widths() if own else Widths(**design["widths"]), chosen=tuple(generic["scales"]))
    some = data.head(CALIBRATION)
    network = quantize(
        trained,
        some.x,
        some.lengths,
        argmax=generic["argmax"],
        max_steps=generic["max_steps"],
        precision=precision,
        like=like,
    ).generic()
    for layer, before in zip(network.layers, like.layers, strict=True):
        fields = [{k: v for k, v in part.describe().items() if k != "name"} for part in (before, layer)]
        shapes = [{f"shape of {k}": array.shape for k, array in part.stored().items()} for part in (before, layer)]
        for old_part, new_part in (fields, shapes):
            for key in (key for key in old_part | new_part if old_part.get(key) != new_part.get(key)):
                raise _differs(layer.name, key, old_part.get(key), new_part.get(key))
    return network, precision.saturated


def _differs(layer: str, what: str, was: object, becomes: object) -> InputError:
    was, becomes = ("left out" if value is None else value for value in (was, becomes))
    return InputError(f"layer {layer!r}: {what} must be {was} as in the bundle, not {becomes}: export this model anew")


def _same_hardware(old: Bundle, files: dict[str, bytes | str]) -> None:
    """Refuse other Verilog than the bundle's, and other memories than those of the weights."""
    for name in sorted({n for n in old.files | files if n.startswith("rtl/") and "_weights_" not in n}):
        text = files.get(name, b"")
        if (text.encode() if isinstance(text, str) else text) != old.files.get(name):
            raise InputError(
                f"{name} would not be the bundle's: this model, or this ffhw, makes other hardware; export it anew"
            )


def _bitstreams(old: Bundle, names: tuple[str, ...]) -> list[Board]:
    """The boards whose bitstreams can be brought along.

    Raises
    ------
    InputError: there are none, or one cannot be.
    """
    results = old.results()
    chosen = names or tuple(sorted(name.removeprefix("synth-") for name in results if name.startswith("synth-")))
    if not chosen:
        raise InputError(f"{old.path} has no bitstream that could be updated: run ffhw synth, or ffhw export anew")
    boards = [board_of(name) for name in chosen]
    for board in boards:
        if board.family.name not in BLOCK_RAMS:
            raise InputError(
                f"no open tool replaces memories in a bitstream for {board.title}: export the model anew and run ffhw "
                f"synth --board {board.name}{'' if names else ', or name the other boards with --board'}"
            )
        if f"synth-{board.name}" not in results:
            raise InputError(f"{old.path} has no bitstream for {board.title}: run ffhw synth --board {board.name}")
        result = results[f"synth-{board.name}"]
        if "memories" not in result:
            raise InputError(f"the bitstream for {board.title} was built with --bare: run ffhw synth without it")
        check_shape(result, _BUILT, f"synth-{board.name}")
    return boards


def _bitstream(
    old: Bundle, new: Bundle, board: Board, tools: Toolbox, check: NetlistCheck | None
) -> tuple[dict[str, Any], dict[str, bytes | str]]:
    """The bitstream of the new bundle from the old one's, its result and all its files."""
    begin, family = time.monotonic(), board.family.name
    folder, result = old.path / f"results/synth-{board.name}", old.results()[f"synth-{board.name}"]
    held = {name: kept(folder / name, result) for name in (NETLIST, DESIGN)}
    before = read_regular(folder / Path(str(result["bitstream"])).name, MOST_BYTES)
    settings = settings_of(new, board, result["clock_hz"], result["baud"])
    stored = contents(family, contents_of(new, settings))
    if stored.keys() != result["memories"].keys():
        raise InputError(f"the identity of this model takes another memory than {board.title} has: run ffhw synth anew")
    tools.step(f"replacing the weights in the netlist and the bitstream for {board.title}")
    netlist = json.loads(held[NETLIST])
    replace_in_netlist(netlist, stored)
    text = json.dumps(netlist)
    (tools.folder / "top.json").write_text(text)
    found: dict[str, Any] = {"equal": None}
    if check is not None:
        found = {"equal": True, **check(new, board, tools.folder, tools.step, settings)}
    design = replace_in_design(held[DESIGN].decode(), result["memories"], stored, family)
    after = pack(board, tools, design, BITSTREAMS[family])
    check_bitstream(board, tools, before, after, result["memories"], stored)
    new_kept = {NETLIST: gzip.compress(text.encode(), mtime=0), DESIGN: gzip.compress(design.encode(), mtime=0)}
    files: dict[str, bytes | str] = {str(result["bitstream"]): after, **new_kept}
    result = {
        **result,
        "bundle": new.identity,
        "placed_for": result.get("placed_for", old.identity),
        "netlist": found,
        "bitstream_sha256": hashlib.sha256(after).hexdigest(),
        "kept_sha256": digests(new_kept),
        "update_seconds": round(time.monotonic() - begin, 1),
    }
    for log in LOGS.values():
        if (folder / log).exists():
            files[log] = read_regular(folder / log, MOST_BYTES)
    return result, {**files, "result.json": json_text(result)}


def kept(path: Path, result: dict[str, Any]) -> bytes:
    """Content of a file that `ffhw synth` kept for this.

    Raises
    ------
    DigestError: it is not the one that was kept.
    """
    content = read_regular(path, MOST_BYTES)
    if hashlib.sha256(content).hexdigest() != result["kept_sha256"].get(path.name):
        raise DigestError(f"{path} is not what ffhw synth kept: run it again")
    return gzip.decompress(content)
