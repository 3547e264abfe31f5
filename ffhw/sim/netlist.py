"""The netlist that is about to be placed, simulated against the golden model: its very cells, in its very top level.

Of a board's top level: a host talks to it through its serial pins, as one will to the device (:mod:`ffhw.sim.spoken`).
Then the core's inputs are driven in place of the link, with random sequences and with the bundle's test vectors.

Of the test wrapper: the netlist runs as it will on the device, from its clock pin, and the wrapper's own sources of
pseudo-random beats feed the core. Then the core's inputs are driven in place of these, with the test vectors.

All beats that pass the core's ports are written down; the golden model computes from those that went in what must have
come out.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ffhw.boards.catalogue import Board
from ffhw.boards.identity import Identity
from ffhw.bundle import Bundle
from ffhw.errors import MismatchError
from ffhw.layers.base import Ints
from ffhw.numbers.beats import Packing
from ffhw.processes import kept_folder
from ffhw.sim import cells
from ffhw.sim.mapped import Cut, Mapped
from ffhw.sim.observed import Beats, Observation
from ffhw.sim.scenario import Interface
from ffhw.sim.served import Served, served
from ffhw.sim.spoken import speak
from ffhw.sim.tools import run_tool
from ffhw.sim.verilated import compile_program

_DRIVER = Path(__file__).with_name("netlist.cpp")
_SIGNALS = ("tdata", "tvalid", "tready", "tlast")
# Cycles of each run, about: some seconds, and thousands of codes of a design of hundreds of cycles a step.
CYCLES = 150_000
# Steps that even a slow design is given time for.
STEPS = 24
# Share of cycles in which either side makes the core wait while it is driven.
STALLS = 0.3
# Cycles of a conversation through the serial pins, about: a byte takes hundreds.
SPOKEN_CYCLES = 300_000
# Cycles of the reset of a board's top level, and some.
RESET_CYCLES = 2100
# Seconds that a host waits for a netlist, which is simulated slowly.
PATIENCE_S = 120.0


def check_netlist(
    bundle: Bundle, board: Board, folder: Path, step: Callable[[str], None], settings: Any = None, steps: int = 0
) -> dict[str, Any]:
    """Simulate ``top.json`` in a folder against the golden model.

    Parameters
    ----------
    settings: of the board's top level; None for the test wrapper. steps: that each run takes at least.

    Returns
    -------
    ``codes`` compared, ``cycles`` simulated, ``seconds``.

    Raises
    ------
    MismatchError: the netlist does not compute the network. ToolError: it cannot be simulated.
    """
    begin = time.monotonic()
    interface = Interface(bundle.network(), bundle.foldings(), bundle.keep_state)
    step("simulating the netlist")
    simulator = NetlistSimulator(Mapped.load(folder / "top.json"), board.family.name, interface, settings)
    performance = bundle.json("performance.json")
    # half of the cycles of a port are stalls
    pace = max(performance["cycles_per_step"], *(4 * packing.beats for packing in simulator.ports.values()))
    length = max(CYCLES, STEPS * pace, steps * performance["cycles_per_step"])
    codes = cycles = 0
    driven = {"test vectors": test_sequences(bundle, length)}
    try:
        if settings is None:
            runs = {"pseudo-random beats": simulator.run(length)}
        else:
            runs = {}
            driven["random sequences"] = random_sequences(bundle, length)
            with simulator.serve() as served:
                identity = Identity.parse(settings.identity)
                codes += speak(bundle, served.url, spoken_sequences(bundle, identity), PATIENCE_S, identity)
        runs |= {name: simulator.run(4 * length, given, stalls=STALLS) for name, given in driven.items()}
        for stimulus, run in runs.items():
            codes += run.compare(f"with {stimulus}", pace, performance["latency_cycles"])
            cycles += run.cycles
    except MismatchError as error:
        raise MismatchError(
            f"the netlist for {board.title} does not compute the network, no bitstream is made: {error}; "
            "yosys is at fault: choose another folding with ffhw export --lanes and --simd"
        ) from None
    return {"codes": codes, "cycles": cycles, "seconds": round(time.monotonic() - begin, 1)}


def test_sequences(bundle: Bundle, cycles: int) -> list[Ints]:
    """As many of the bundle's test vectors as a run of about so many cycles has room for; at least 16 steps."""
    vectors = bundle.vectors()
    kept: list[Ints] = []
    per_step = bundle.json("performance.json")["cycles_per_step"]
    left = max(16, cycles // per_step)
    for codes, length in zip(vectors["codes"], vectors["lengths"], strict=True):
        if left <= 0:
            break
        kept.append(codes[: min(int(length), left)].astype(np.int64))
        left -= len(kept[-1])
    return kept


def spoken_sequences(bundle: Bundle, identity: Identity) -> list[Ints]:
    """As many test vectors as pass the serial pins in about :data:`SPOKEN_CYCLES`, cut short; one at least."""
    streams = (identity.input, identity.output)
    step = sum(stream.packing.beats * stream.packing.beat_bytes for stream in streams)
    left = int(SPOKEN_CYCLES * identity.baud / identity.clock_hz / 10 / step)
    least, kept = identity.rhythm.least, []
    for sequence in test_sequences(bundle, SPOKEN_CYCLES * 100):
        kept.append(sequence[: max(least, left)])
        left -= len(kept[-1])
        if left < least:
            break
    return kept


def random_sequences(bundle: Bundle, cycles: int) -> list[Ints]:
    """Sequences of any codes that a run of about so many cycles has room for; most have few steps."""
    rng, network = np.random.default_rng(1), bundle.network()
    least, most = network.rhythm.least, network.max_steps or 1 << 20
    found, left = [], max(16, cycles // bundle.json("performance.json")["cycles_per_step"])
    while left > 0:
        steps = min(most, least - 1 + int(rng.geometric(0.25)))
        shape = (steps, network.input_size)
        found.append(rng.integers(network.input.min, network.input.max, shape, endpoint=True))
        left -= steps
    return found


class NetlistSimulator:
    """A netlist compiled with Verilator.

    Parameters
    ----------
    settings: of a board's top level; None for the test wrapper.

    Raises
    ------
    ToolError: there is no model for one of its cells, or Verilator or a C++ compiler is missing or fails.
    MismatchError: the netlist is wrong in itself.
    """

    def __init__(self, netlist: Mapped, family: str, interface: Interface, settings: Any = None) -> None:
        self.interface = interface
        self.settings = settings
        self.ports = port_packings(interface)
        cells.check_covered(netlist, family)
        watched = [f"{port}_{signal}" for port in self.ports for signal in _SIGNALS]
        driven = [name for name in watched if name.endswith("tready") != name.startswith("s_")]
        if settings is not None:
            # states are on the same wires as inputs, and none is sent while inputs are driven
            driven = [name for name in driven if not re.match(r"s_axis_state_\d+_t(data|last)", name)]
        self.folder = kept_folder(self, "netlist")
        (self.folder / "netlist.v").write_text(
            Cut(netlist, tuple(watched), tuple(driven), "core_" if settings else "").verilog()
        )
        self._build(family)

    def _build(self, family: str) -> None:
        (self.folder / "netlist_ports.h").write_text(self._header())
        # compilers take long over functions of thousands of cells
        options = ["--output-split-cfuncs", "200", *cells.arguments(family)]
        self.program = compile_program(self.folder, ["netlist.v"], "netlist", _DRIVER, options=options)

    def _header(self) -> str:
        def macro(name: str, first: str) -> str:
            ports = {port: packing for port, packing in self.ports.items() if port.startswith(first)}
            return f"#define {name}(X) " + " ".join(f"X({port}, {p.beat_bytes})" for port, p in ports.items()) + "\n"

        linked = self.settings is not None
        lines = f"#define RESET_CYCLES {RESET_CYCLES if linked else 15}\n#define SERIAL {int(linked)}\n"
        return macro("PORTS", "") + macro("SINKS", "s_") + macro("SOURCES", "m_") + lines

    @contextlib.contextmanager
    def serve(self) -> Iterator[Served]:
        """The netlist of a board's top level, its serial pins at a socket."""
        command = (self.program, "0", str(self.settings.cycles), "serve")
        with served(command, self.folder) as board:
            yield board

    def run(
        self, cycles: int, sequences: Sequence[Ints] | None = None, *, stalls: float = 0.0, seed: int = 1
    ) -> Observation:
        """What passes the core's ports in so many cycles.

        Parameters
        ----------
        sequences: input codes ``[T_i, D]`` to send, the cycles being a limit; without them the netlist's own sources
            send.
        stalls: share of cycles in which either side makes the core wait, with ``sequences``.

        Raises
        ------
        MismatchError: the netlist broke a rule of the streams.
        """
        arguments = [str(self.folder), str(cycles)]
        if sequences is not None:
            data, last = self.ports["s_axis"].pack_sequences(sequences)
            np.concatenate([data, last[:, None]], axis=1).tofile(self.folder / "s_axis.in")
            answers = sum(int(self.interface.network.rhythm.steps(len(sequence))) for sequence in sequences)
            expected = answers * self.ports["m_axis"].beats
            arguments += [str(int(stalls * 65536)), str(seed), str(expected)]
        output = run_tool([str(self.program), *arguments], self.folder, "simulating the netlist")
        stats = json.loads(output.strip().splitlines()[-1])
        if stats["error"]:
            raise MismatchError(f"stream rule broken: {stats['error']}")
        beats = {
            port: Beats.read(self.folder / f"{port}.beats", packing, sink=port.startswith("s_"))
            for port, packing in self.ports.items()
        }
        return Observation(self.interface, beats, stats["cycles"], complete=sequences is not None)


def port_packings(interface: Interface) -> dict[str, Packing]:
    """How vectors travel on each port of a core, by name; ``s_axis`` and ``m_axis`` first."""
    ports = {"s_axis": interface.input, "m_axis": interface.output}
    for number, packing in interface.states.items() if interface.keep_state else ():
        ports |= {f"{side}_axis_state_{number}": packing for side in "sm"}
    return ports
