"""From a trained model to a bundle: read, calibrate, quantize, fold, generate, write."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ffhw.arrays import MOST_ELEMENTS, npz_bytes
from ffhw.boards import catalogue
from ffhw.boards.block_rams import device_for
from ffhw.bundle import Bundle, check_target, write_bundle
from ffhw.errors import InputError, ToolError
from ffhw.hdl.flows import flow_files
from ffhw.hdl.litex import litex_module
from ffhw.hdl.plan.chain import fold
from ffhw.hdl.plan.choose import choose, needs, steps_a_second
from ffhw.hdl.plan.folding import Folding
from ffhw.hdl.plan.performance import predict
from ffhw.hdl.plan.styles import style_named
from ffhw.hdl.plan.weighted import LUTS_ERROR
from ffhw.hdl.registers import register_map
from ffhw.hdl.verilog import PREFIX, check_prefix, convert, top_of
from ffhw.layers import NoRule
from ffhw.layers.rhythm import MOST_STEPS
from ffhw.model import golden
from ffhw.model.compare import compare
from ffhw.model.data import Data
from ffhw.model.floatnet import FloatNetwork
from ffhw.model.network import Network
from ffhw.model.quantize import quantize, room_for
from ffhw.model.scores import read_targets
from ffhw.numbers.kept_scales import RecordedPrecision
from ffhw.numbers.scales import Precision, Widths
from ffhw.reading.data_file import load_data
from ffhw.reading.model_file import read_model

# Sequences kept in a bundle for `ffhw sim`, and for `ffhw sim --all`.
VECTORS = 8
ALL_VECTORS = 5000
# Sequences that calibration looks at.
CALIBRATION = 512
# And numbers of one layer for them at most: maps have many.
_MOST_SEEN = 1 << 27
# Steps that sequences may have where there are no data to judge by.
NOISE_STEPS = 256
# What the constraints for other flows begin with; their user knows the device.
CONSTRAINED_MHZ = 50.0
_NOISE = "noise of standard deviation 1"


@dataclasses.dataclass(frozen=True)
class Options:
    """What `ffhw export` was asked for; see its help."""

    widths: Widths
    data: Path | None = None
    calibrate: Path | None = None
    board: str | None = None
    lanes: int | tuple[int, ...] | None = None
    simd: int | tuple[int, ...] | None = None
    keep_state: bool = False
    argmax: bool = False
    calibration: str = "error"
    prefix: str = PREFIX
    max_steps: int | None = None
    rate: float | None = None
    generic_weights: bool = False
    loadable: bool = False
    csr: bool = False
    style: str = "lanes"
    hardware: bool = True

    @property
    def generic(self) -> bool:
        """Whether the hardware takes any weights of the network's formats."""
        return self.generic_weights or self.loadable


@dataclasses.dataclass(frozen=True)
class Quantized:
    """A trained network, the same in integers, and the data that it is evaluated on.

    origin: what to call the data. scales: those that were chosen. method: by which. most: steps of a sequence that it
    must take.
    """

    trained: FloatNetwork
    network: Network
    data: Data
    origin: str
    scales: list[int]
    method: str
    most: int


def export(model: Path, target: Path, options: Options, step: Callable[[str], None] = lambda _: None) -> Bundle:
    """Write a bundle for a trained ``.keras`` or ``.onnx`` file.

    Parameters
    ----------
    step: called with a line on what is being done.

    Raises
    ------
    FfhwError: bad input, a missing tool, a network that fits no device, a target that cannot be written.
    """
    check_target(target)
    found = read_and_quantize(model, options, step)
    network, data, origin = found.network, found.data, found.origin
    for note in _notes(found.trained, network, options):
        step(f"note: {note}")
    targets = read_targets(data, network.signature, origin)
    if targets is not None and targets.note:
        step(f"note: {targets.note}")
    try:
        foldings = _foldings(network, options, step) if options.hardware else None
    except NoRule as error:
        raise InputError(f"{error}; --no-hardware writes its golden model and its ONNX graph") from None
    settings: dict[str, Any] = {"board": options.board, "calibration": found.method}
    settings["widths"] = None if found.trained.settled else dataclasses.asdict(options.widths)
    kept = {"scales": found.scales, "argmax": options.argmax, "max_steps": found.most}
    files = bundle_files(
        network,
        foldings,
        data,
        keep_state=options.keep_state,
        prefix=options.prefix,
        settings=settings,
        generic=kept if options.generic else None,
        loadable=options.loadable,
        csr=options.csr,
        step=step,
    )
    files["accuracy.json"] = json_text({"data": origin, **compare(found.trained, network, data, origin)})
    step(f"writing {target}")
    return write_bundle(target, files)


def read_and_quantize(model: Path, options: Options, step: Callable[[str], None] = lambda _: None) -> Quantized:
    """The network that a bundle of a model would hold, and its data.

    Raises
    ------
    InputError: options that contradict each other, or files and networks that are refused.
    """
    _check(options)
    step(f"reading {model}")
    float_network = read_model(model)
    if options.argmax and float_network.layers[-1].output_size == 1:
        raise InputError("--argmax of one output is always 0: leave it out, and compare the answer with 0.5")
    data, origin = data_for(model, float_network, options.data)
    examples, source = data, origin
    if options.calibrate is not None:
        examples, source = load_data(options.calibrate, float_network.signature), options.calibrate.name
    # without data a range is all that can be assumed, and nothing in it is an outlier
    method = "range" if source.startswith(_NOISE) else options.calibration
    step(f"quantizing, calibrated on {source}")
    most = options.max_steps or max(_room(data, origin), _room(examples, source))
    examples = examples.head(min(CALIBRATION, float_network.at_once(examples.x.shape[1], _MOST_SEEN)))
    precision = RecordedPrecision(options.widths, method)
    network = quantize(
        float_network, examples.x, examples.lengths, argmax=options.argmax, max_steps=most, precision=precision
    )
    if options.generic:
        network = network.generic()
    longest = int(data.lengths.max())
    if network.max_steps is not None and longest > network.max_steps:
        raise InputError(f"--max-steps {most} is too few: {origin} has a sequence of {longest} steps")
    return Quantized(float_network, network, data, origin, precision.chosen, method, most)


def _check(options: Options) -> None:
    """Refuse options that contradict each other, before anything is read."""
    if options.board and (options.lanes, options.simd) != (None, None):
        raise InputError("--board chooses the folding: give either --board or --lanes and --simd")
    if options.rate is not None and not options.board:
        raise InputError("--rate finds the smallest design for a board: give --board as well")
    if options.rate is not None and not (math.isfinite(options.rate) and options.rate > 0):
        raise InputError(f"--rate must be a number of steps a second above 0, not {options.rate!r}")
    if not options.hardware:
        _check_bare(options)
    style = style_named(options.style)
    for name in style.without:
        if getattr(options, name) not in (None, False):
            raise InputError(f"--{name.replace('_', '-')} cannot be had: {style.why}")
    Precision(options.widths, options.calibration)
    check_prefix(options.prefix)
    if options.max_steps is not None and not 1 <= options.max_steps <= MOST_STEPS:
        raise InputError(f"--max-steps must be from 1 to {MOST_STEPS}, not {options.max_steps}")


def _check_bare(options: Options) -> None:
    """Refuse options of hardware where none is asked for."""
    usual = Options(options.widths)
    own = {"widths", "data", "calibrate", "argmax", "calibration", "max_steps", "hardware"}
    for field in dataclasses.fields(options):
        if field.name not in own and getattr(options, field.name) != getattr(usual, field.name):
            raise InputError(f"--no-hardware: there is none that --{field.name.replace('_', '-')} could change")


def _notes(trained: FloatNetwork, network: Network, options: Options) -> Iterator[str]:
    """What a user should know of the network that is exported."""
    if options.max_steps is not None and network.max_steps is None:
        yield "this network takes sequences of any length, --max-steps changes nothing"
    elif options.max_steps is None and network.max_steps is not None:
        yield f"the network takes sequences of up to {network.max_steps} steps; --max-steps sets another number"
    for layer in network.layers:
        if options.keep_state and layer.stores and layer.signals:
            yield f"layer {layer.name!r} reads backwards, so that its states start from zero in each sequence"
    if trained.settled:
        yield f"trained on integers, whose formats stay: {'; '.join(trained.settled)}"
    yield from trained.notes
    if options.hardware and not options.keep_state:
        yield from trained.state_notes
    inputs, outputs = (network.input_exponents, network.given_maps), (network.output_exponents, network.maps)
    for what, (exponents, maps) in (("inputs", inputs), ("outputs", outputs)):
        if exponents:
            exponents = exponents[: len(exponents) // (maps[0] * maps[1])] if maps else exponents
            yield f"{what} differ much in size; each has a scale of its own, 2^{list(exponents)} finer"


def bundle_files(
    network: Network,
    foldings: tuple[Folding | None, ...] | None,
    data: Data,
    *,
    keep_state: bool = False,
    prefix: str = PREFIX,
    settings: dict[str, Any] | None = None,
    generic: dict[str, Any] | None = None,
    loadable: bool = False,
    csr: bool = False,
    step: Callable[[str], None] = lambda _: None,
) -> dict[str, bytes | str]:
    """Files of a bundle by name, all but the comparison with a float network.

    Parameters
    ----------
    foldings: None for no hardware. data: inputs of the test vectors.
    prefix: what the names of all modules and memory files begin with.
    settings: what else ``design.json`` should remember.
    generic: of hardware that takes any weights, how its formats were chosen. loadable: it takes them at run time.
    csr: with a register block beside the streams.
    """
    files: dict[str, bytes | str] = {}
    if foldings is not None:
        performance = predict(network, foldings)
        step(f"generating hardware: {performance.multipliers} multipliers, {performance.cycles_per_step} cycles a step")
        sources = generate(network, foldings, keep_state, prefix=prefix, generic=generic is not None, loadable=loadable)
        files |= {f"rtl/{name}": text for name, text in sources.items()}
        files |= flow_files(top_of(sources), sources, CONSTRAINED_MHZ)
        files |= _surroundings(network, performance.cycles_per_step, prefix, sources, csr)
        files["performance.json"] = json_text(performance.to_dict())
    step("writing the integer ONNX graph")
    # imported here: onnx is slow to load, and a bad option should be told at once
    from ffhw.onnx.export import to_onnx

    files["model.onnx"] = to_onnx(network).SerializeToString()
    step("running the golden model")
    files["vectors.npz"] = _vectors(network, data)
    files["network.npz"] = network.to_bytes()
    files["network.json"] = json_text(network.describe())
    folded = foldings if foldings is None else [None if f is None else f.describe() for f in foldings]
    design = {"foldings": folded, "keep_state": keep_state, **(settings or {})}
    if generic is not None:
        design["generic_weights"] = generic
    if loadable:
        design["loadable"] = True
    files["design.json"] = json_text(design)
    return files


def _surroundings(
    network: Network, cycles_per_step: int, prefix: str, sources: dict[str, str], csr: bool
) -> dict[str, str]:
    """What other people's designs take the network by: a LiteX module, and the register block if there is one."""
    top, block = f"{prefix}_top", f"{prefix}_csr"
    if not csr:
        return {f"{prefix}_litex.py": litex_module(top, sources[f"{top}.v"])}
    # imported here, as all of Amaranth is
    from ffhw.hdl.csr import csr_verilog

    digest = hashlib.sha256(network.to_bytes()).digest()
    values = {f"network_{n}": int.from_bytes(digest[4 * n : 4 * n + 4], "little") for n in range(4)}
    values |= {"input_size": network.input_size, "output_size": network.output_size}
    text = csr_verilog(block, {**values, "cycles_per_step": cycles_per_step})
    return {
        f"csr/{block}.v": text,
        f"csr/{block}.json": json_text({"values": values, **register_map()}),
        f"{prefix}_litex.py": litex_module(top, sources[f"{top}.v"], block, text),
    }


def generate(
    network: Network,
    foldings: tuple[Folding | None, ...],
    keep_state: bool = False,
    probe: bool = False,
    prefix: str = PREFIX,
    generic: bool = False,
    loadable: bool = False,
) -> dict[str, str]:
    """Verilog and memory files of a network at a folding, by name.

    Raises
    ------
    ToolError: Amaranth is missing or fails.
    """
    try:
        from ffhw.hdl.design import Design
    except ImportError as error:
        raise ToolError(f"generating hardware needs {error.name}: pip install 'ffhw[hdl]'") from None
    design = Design(network=network, foldings=foldings, keep_state=keep_state, probe=probe)
    return convert(design, prefix, generic, loadable)


def data_for(model: Path, network: FloatNetwork, chosen: Path | None) -> tuple[Data, str]:
    """Data to evaluate on, and to calibrate on if no others are given; and what to call them."""
    beside = model.with_suffix(".data.npz")
    if chosen is not None or beside.exists():
        path = chosen or beside
        return load_data(path, network.signature), path.name
    rng = np.random.default_rng(0)
    x = network.layers[0].noise(rng, 64, max(32, 2 * network.rhythm.least))
    return Data(x, np.full(len(x), x.shape[1])), f"{_NOISE}, for want of --data"


def _room(data: Data, origin: str) -> int:
    """Steps of the longest sequence that a network should take, to judge by data."""
    steps = room_for(int(data.lengths.max()))
    return max(steps, NOISE_STEPS) if origin.startswith(_NOISE) else steps


def _foldings(network: Network, options: Options, step: Callable[[str], None]) -> tuple[Folding | None, ...]:
    if options.board:
        board = catalogue.board(options.board)
        device = device_for(board, options.generic, options.loadable)
        foldings = choose(network, device, board.title, options.rate, options.style)
        need = needs(network, foldings, device)
        multipliers = need["multipliers"]
        step(
            f"note: {multipliers} multipliers, about {board.family.fmax_mhz(multipliers):.0f} MHz and "
            f"{steps_a_second(network, foldings, device):,.0f} steps a second on the {board.title}; an estimate "
            f"that is off by up to {board.family.clock_error:.0%}, and about {need['luts']:,} lookup tables, by up to "
            f"{LUTS_ERROR:.0%}, beside the link's {catalogue.LINK_LUTS:,}; place and route replaces both"
        )
        return foldings
    lanes, simd = (1 if wish is None else wish for wish in (options.lanes, options.simd))
    return fold(network, lanes, simd, options.style)


def _vectors(network: Network, data: Data) -> bytes:
    # a reader takes so many numbers of an array
    most = MOST_ELEMENTS // (data.x.shape[1] * max(network.input_size, network.output_size))
    if most < 1:
        raise InputError(f"sequences of {data.x.shape[1]} steps are too long for a bundle of maps this large: cut them")
    part = slice(0, min(ALL_VECTORS, most))
    codes = network.encode(data.x[part])
    lengths = data.lengths[part]
    expected = golden.run(network, codes, lengths).outputs
    arrays: dict[str, Any] = {"codes": codes, "lengths": lengths, "expected": expected}
    if data.y is not None:
        arrays["y"] = data.y[part]
    return npz_bytes(arrays)


def json_text(content: dict[str, Any]) -> str:
    """A file of JSON, for people to read as well."""
    return json.dumps(content, indent=2) + "\n"
