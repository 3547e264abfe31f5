"""The compiled batch driver: whole data sets through the RTL at millions of cycles per second."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ffhw.errors import MismatchError
from ffhw.hdl.verilog import top_of
from ffhw.layers.base import Ints
from ffhw.numbers.beats import Packing
from ffhw.processes import kept_folder, run, scratch_folder
from ffhw.sim.loads import LoadStates
from ffhw.sim.scenario import Probe
from ffhw.sim.verilated import compile_program

_DRIVER = Path(__file__).with_name("driver.cpp")


@dataclasses.dataclass(frozen=True)
class Ports:
    """What the driver must know of a design.

    probes: of those layers that have one. states: by layer number, of those whose state can be loaded and is given.
    marked: there is ``m_axis_tuser``, which marks sequences of too many or too few steps.
    """

    input: Packing
    output: Packing
    probes: tuple[Probe, ...] = ()
    states: dict[int, Packing] = dataclasses.field(default_factory=dict)
    marked: bool = False

    @property
    def widest(self) -> int:
        """Bytes of the widest input port."""
        return max(packing.beat_bytes for packing in (self.input, *self.states.values()))

    @property
    def outputs(self) -> tuple[Packing, ...]:
        """How vectors travel on each output port, ``m_axis`` first."""
        return (self.output, *self.states.values())

    def header(self) -> str:
        """C++ header that fits the driver to the design."""
        lines = [f"#define WIDEST {self.widest}", f"#define MARK {'top->m_axis_tuser' if self.marked else 0}"]
        for macro, side, first in (("INPUTS", "s_axis", self.input), ("OUTPUTS", "m_axis", self.output)):
            ports = [(side, first), *((f"{side}_state_{number}", packing) for number, packing in self.states.items())]
            entries = [f"X({n}, {name}, {packing.beat_bytes})" for n, (name, packing) in enumerate(ports)]
            lines.append(f"#define {macro}(X) " + " ".join(entries))
        for probe in self.probes:
            n, bits = probe.key, probe.bits * probe.width
            lines.append(f"#define PROBE_{n}_BYTES {-(-bits // 8)}")
            lines.append(f"#define PROBE_{n}_SIGNALS(X) " + " ".join(f"X({n}, {name})" for name in probe.signals))
        lines.append("#define PROBES(X) " + " ".join(f"X({probe.key})" for probe in self.probes))
        return "\n".join(lines) + "\n"

    def records(self, sequences: Sequence[Ints], loads: LoadStates) -> NDArray[np.uint8]:
        """The driver's input: sequences back to back, before each the states that are loaded for it."""
        if not loads:
            return self._records(0, self.input, sequences)
        parts = []
        for index, sequence in enumerate(sequences):
            for port, (number, packing) in enumerate(self.states.items(), start=1):
                if number in loads.get(index, {}):
                    parts.append(self._records(port, packing, [loads[index][number][None]]))
            parts.append(self._records(0, self.input, [sequence]))
        return np.concatenate(parts)

    def _records(self, port: int, packing: Packing, sequences: Sequence[Ints]) -> NDArray[np.uint8]:
        data, last = packing.pack_sequences(sequences)
        rows = np.zeros((len(data), self.widest + 2), np.uint8)
        rows[:, 0] = port
        rows[:, 1 : 1 + data.shape[1]] = data
        rows[:, -1] = last
        return rows


@dataclasses.dataclass(frozen=True)
class BatchRun:
    """Output vectors in order, ``tlast`` of each, cycle of each accepted and given beat, probed codes, states given.

    marks: ``tuser`` of each vector with ``tlast``, else 0. in_cycles, out_cycles: of ``s_axis`` and ``m_axis``.
    probes: by layer number, codes ``[signals, vectors, N]`` of every finished step. states: by layer number,
    ``[sequences, N]`` behind each sequence.
    """

    outputs: Ints
    last: Ints
    marks: Ints
    in_cycles: Ints
    out_cycles: Ints
    cycles: int
    probes: dict[int, Ints]
    states: dict[int, Ints]


class BatchSimulator:
    """RTL compiled with Verilator.

    Parameters
    ----------
    rtl: folder of a design's Verilog and its memory files.
    ports: the design's ports.
    waves: build with waveform tracing, which is slower.

    Raises
    ------
    ToolError: Verilator or a C++ compiler is missing or fails.
    """

    def __init__(self, rtl: Path, ports: Ports, waves: bool = False) -> None:
        self.rtl = Path(rtl).resolve()
        self.top = top_of(path.name for path in self.rtl.iterdir())
        self.ports = ports
        self.waves = waves
        self.program = self._build(kept_folder(self, "sim"))

    def _build(self, folder: Path) -> Path:
        (folder / "ports.h").write_text(self.ports.header())
        verilog = [self.rtl / f"{self.top}.v"]
        return compile_program(folder, verilog, self.top, _DRIVER, waves=self.waves)

    def run(
        self,
        sequences: Sequence[Ints],
        answers: int,
        *,
        stalls: float = 0.0,
        seed: int = 1,
        cycles_per_step: int = 1000,
        waves: Path | None = None,
        loads: LoadStates | None = None,
    ) -> BatchRun:
        """Stream sequences of input codes ``[T_i, D]`` back to back through the design.

        Parameters
        ----------
        answers: output vectors to expect.
        stalls: share of cycles in which either side makes the design wait.
        cycles_per_step: expected, for the cycle limit.
        waves: VCD file to write; needs a simulator built with ``waves``.
        loads: states to load, by the number of the sequence that starts from them.

        Raises
        ------
        MismatchError: the design broke a stream rule, gave too many beats, or did not answer in time.
        """
        ports, out = self.ports, self.ports.output
        records = ports.records(sequences, loads or {})
        limit = self._limit(sequences, stalls, cycles_per_step)
        expected = [answers * out.beats, *(len(sequences) * packing.beats for packing in ports.states.values())]
        with scratch_folder("run") as folder:
            records.tofile(folder / "in")
            command = [str(self.program), str(folder / "in"), str(folder / "out"), str(folder / "times")]
            command += [str(int(stalls * 65536)), str(seed), ",".join(map(str, expected)), str(limit)]
            command += [str(Path(waves).resolve())] if waves else []
            # memory files are found relative to the working folder
            done = run(command, cwd=self.rtl)
            if done.returncode:
                reason = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
                raise MismatchError(f"the simulated RTL failed: {reason[-1]}")
            stats = json.loads(done.stdout.strip().splitlines()[-1])
            return self._read_run(folder, records, expected, stats)

    def _limit(self, sequences: Sequence[Ints], stalls: float, cycles_per_step: int) -> int:
        """Cycles after which a design that has not answered never will."""
        ports, steps = self.ports, sum(len(s) for s in sequences)
        slack = (1.0 / max(1e-3, 1.0 - stalls)) ** 2
        limit = slack * (steps + 10) * (cycles_per_step + ports.input.beats + ports.output.beats) * 2 + 10_000
        # a sequence that starts from loaded states waits in each engine until the one before has left it
        waits = sum(4 * packing.beats + cycles_per_step + 100 for packing in ports.states.values())
        return int(limit + slack * len(sequences) * waits)

    def _read_run(
        self, folder: Path, records: NDArray[np.uint8], expected: list[int], stats: dict[str, int]
    ) -> BatchRun:
        """What the driver wrote, once it is known to be all that was expected."""
        ports, out = self.ports, self.ports.output
        raw = [
            np.fromfile(folder / f"out.{n}", np.uint8).reshape(-1, packing.beat_bytes + 1)
            for n, packing in enumerate(ports.outputs)
        ]
        given = [len(beats) for beats in raw]
        if stats["beats_in"] != len(records) or given != expected:
            raise MismatchError(
                f"{stats['beats_in']} of {len(records)} beats were accepted, {given} of {expected} given"
            )
        times = np.fromfile(folder / "times", np.int64)
        accepted = int((records[:, 0] == 0).sum())
        ends = raw[0][out.beats - 1 :: out.beats, -1].astype(np.int64)
        pairs = zip(ports.states.items(), raw[1:], strict=True)
        return BatchRun(
            outputs=out.unpack(raw[0][:, :-1]),
            last=ends & 1,
            marks=ends >> 1,
            in_cycles=times[:accepted],
            out_cycles=times[accepted:],
            cycles=stats["cycles"],
            probes=self._read_probes(folder),
            states={number: packing.unpack(beats[:, :-1]) for (number, packing), beats in pairs},
        )

    def _read_probes(self, folder: Path) -> dict[int, Ints]:
        """By layer number, the signals of all its parts one after the other."""
        parts: dict[int, list[Ints]] = {}
        for probe in self.ports.probes:
            parts.setdefault(probe.number, []).append(self._read_probe(folder / f"out.probe{probe.key}", probe))
        return {number: np.concatenate(codes) for number, codes in parts.items()}

    def _read_probe(self, path: Path, probe: Probe) -> Ints:
        signals, bits, width = len(probe.signals), probe.bits, probe.width
        count = -(-bits * width // 8)
        raw = np.fromfile(path, np.uint8).reshape(-1, signals, count)
        flat = np.unpackbits(raw, axis=-1, bitorder="little")[..., : bits * width].reshape(-1, signals, width, bits)
        codes = (flat.astype(np.int64) << np.arange(bits)).sum(axis=-1)
        codes = codes.reshape(-1, probe.beats, signals, width).transpose(2, 0, 1, 3)
        codes = codes.reshape(signals, -1, probe.beats * width)[..., : probe.units]
        signed = np.array(list(probe.signals.values()))[:, None, None]
        return np.where(signed, codes - ((codes >> (bits - 1)) << bits), codes)
