"""The cocotb bench of a design's AXI4-Stream ports: runs inside the simulator, where :mod:`ffhw.sim.cocotb_runner`
starts it.

Each clock cycle has one order: on the falling edge the bench sets valid, data and ready, lets the design settle, and
reads all ports; what it reads is what the next rising edge acts on. So both simulators see the same bench.

The scenario comes as JSON from the file that FFHW_SCENARIO names, the result goes to the one that FFHW_RESULT names.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly, Timer

QUIET_CYCLES = 32  # nothing may follow the last expected beat for this long


class Sender:
    """Offers the beats of the program, each on its port, with random pauses between them.

    In order, each beat once the one before it was accepted; or, in a ``parallel`` program, on all ports at once, each
    as early as the rules of a design that keeps its states allow it: a sequence is offered once the states that stand
    before it are, a state once the sequence before it was begun.
    """

    def __init__(self, dut: Any, scenario: dict[str, Any], rng: random.Random, stalls: float) -> None:
        self.ports = {name: Port(dut, name) for name in scenario["inputs"]}
        self.program = scenario["program"]
        self.parallel = scenario["parallel"]
        self.rng = rng
        self.stalls = stalls
        self.queues: dict[str, list[int]] = {name: [] for name in self.ports}  # numbers of beats still to be accepted
        self.conditions = self._conditions()
        for number, (port, *_) in reversed(list(enumerate(self.program))):
            self.queues[port].append(number)
        self.offered = [False] * len(self.program)
        self.cycles: list[Any] = [None] * len(self.program)  # in which each beat was accepted
        self.sent = 0

    def _conditions(self) -> list[tuple[list[int], list[int]]]:
        """For each beat those that must be accepted before it is offered, and those that must be offered."""
        conditions: list[tuple[list[int], list[int]]] = []
        begins = dict.fromkeys(self.ports, True)
        sequence: list[int] = []  # the first beat of the sequence before
        states: list[int] = []  # first beats of the states since then
        for number, (port, _, last) in enumerate(self.program):
            if not self.parallel:
                conditions.append(([number - 1] if number else [], []))
            elif not begins[port]:
                conditions.append(([], []))
            elif port == "s_axis":
                conditions.append(([], states))
                sequence, states = [number], []
            else:
                conditions.append((sequence, []))
                states = [*states, number]
            begins[port] = bool(last)
        return conditions

    def _may_offer(self, number: int) -> bool:
        accepted, offered = self.conditions[number]
        return all(self.cycles[n] is not None for n in accepted) and all(self.offered[n] for n in offered)

    def drive(self, pauses: bool = True) -> None:
        """Set this cycle's inputs. An offered beat stays until it is accepted."""
        # states first: a sequence may be offered in the same cycle
        for name in sorted(self.ports, key=lambda name: name == "s_axis"):
            queue, port = self.queues[name], self.ports[name]
            number = queue[-1] if queue else None
            if number is not None and not self.offered[number] and self._may_offer(number):
                self.offered[number] = not pauses or self.rng.random() >= self.stalls
            active = number is not None and self.offered[number]
            port.tvalid.value = int(active)
            if active:
                _, data, last = self.program[number]
                port.tdata.value = data
                port.tlast.value = last

    def observe(self, cycle: int) -> None:
        """See which of the offered beats are accepted."""
        for name, queue in self.queues.items():
            if queue and self.offered[queue[-1]] and int(self.ports[name].tready.value):
                self.cycles[queue.pop()] = cycle
                self.sent += 1


class Receiver:
    """Takes beats from one port with random pauses and compares each with the expected one."""

    def __init__(
        self,
        dut: Any,
        name: str,
        expected: list[list[int]],
        rng: random.Random,
        stalls: float,
        marks: list[int],
    ) -> None:
        self.name = name
        self.marks = marks  # of each sequence, where the port has `tuser`
        self.tuser = getattr(dut, f"{name}_tuser") if marks else None
        self.port = Port(dut, name)
        self.expected = expected  # [data, last, mask of the bits that count]
        self.rng = rng
        self.stalls = stalls
        self.held: tuple[int, int] | None = None
        self.ends = 0  # sequences whose last beat was taken
        self.cycles: list[int] = []

    def drive(self) -> None:
        """Set this cycle's ready."""
        self.taking = self.rng.random() >= self.stalls
        self.port.tready.value = int(self.taking)

    def observe(self, cycle: int) -> None:
        """Check the stream rule and, where a beat is transferred, its content."""
        shown = None
        if int(self.port.tvalid.value):
            shown = (int(self.port.tdata.value), int(self.port.tlast.value))
        # rule: once valid is up, valid and payload stay until the beat is taken
        if self.held is not None and shown != self.held:
            raise Mismatch(
                signal=self.name, beat=len(self.cycles), expected="a stable beat", got="a change", cycle=cycle
            )
        self.held = None if self.taking else shown
        if shown is None or not self.taking:
            return
        beat = len(self.cycles)
        if beat == len(self.expected):
            raise Mismatch(signal=self.name, beat=beat, expected="no further beat", got=hex(shown[0]), cycle=cycle)
        data, last, mask = self.expected[beat]
        if shown[0] & mask != data or shown[1] != last:
            got = [shown[0] & mask, shown[1]]
            raise Mismatch(signal=self.name, beat=beat, expected=[data, last], got=got, cycle=cycle)
        if last and self.tuser is not None:
            mark, given = self.marks[self.ends], int(self.tuser.value)
            if given != mark:
                raise Mismatch(signal=f"{self.name}_tuser", beat=beat, expected=mark, got=given, cycle=cycle)
        self.ends += last
        self.cycles.append(cycle)


class Probe:
    """Compares the gates and states that a design shows as it finishes them."""

    def __init__(self, dut: Any, number: str, content: dict[str, Any]) -> None:
        self.name = f"probe_{number}"
        self.valid = getattr(dut, f"{self.name}_valid")
        self.signals = {name: getattr(dut, f"{self.name}_{name}") for name in content["signals"]}
        self.expected = content["expected"]  # [a code of each signal, mask]
        self.seen = 0

    def observe(self, cycle: int) -> None:
        """Compare this cycle's units, if any are finished."""
        if not int(self.valid.value):
            return
        if self.seen == len(self.expected):
            raise Mismatch(signal=self.name, beat=self.seen, expected="no further units", got="some", cycle=cycle)
        *codes, mask = self.expected[self.seen]
        for (name, signal), code in zip(self.signals.items(), codes, strict=True):
            got = int(signal.value) & mask
            if got != code:
                raise Mismatch(signal=f"{self.name}_{name}", beat=self.seen, expected=code, got=got, cycle=cycle)
        self.seen += 1


class Port:
    """The signals of one AXI4-Stream port."""

    def __init__(self, dut: Any, name: str) -> None:
        for signal in ("tdata", "tvalid", "tready", "tlast"):
            setattr(self, signal, getattr(dut, f"{name}_{signal}"))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


class Mismatch(AssertionError):
    """The design did something else than the golden model."""

    def __init__(self, **details: Any) -> None:
        super().__init__(f"{details}")
        self.details = details


async def _send_no_weights(dut: Any) -> None:
    """What is known of loaded weights outlives a reset: nothing unknown may come near it, from the first edge on."""
    names = [f"s_axis_weights_{signal}" for signal in ("tvalid", "tdata", "tlast")] + ["m_axis_weights_tready"]
    if hasattr(dut, names[0]):
        dut.rst.value = 1
        for name in names:
            getattr(dut, name).value = 0
        await Timer(1, unit="ns")


class Bench:
    """Wires senders, receivers and probes to the design and counts cycles."""

    def __init__(self, dut: Any, scenario: dict[str, Any]) -> None:
        self.dut = dut
        self.scenario = scenario
        self.cycle = 0

    async def reset(self, sender: Sender) -> None:
        """Hold the reset for a few cycles; the first beats are offered already and must not be accepted."""
        await FallingEdge(self.dut.clk)
        self.dut.rst.value = 1
        for name in self.scenario["inputs"]:
            # ports that the program never uses as well: undriven inputs would make everything unknown
            for signal in ("tvalid", "tdata", "tlast"):
                getattr(self.dut, f"{name}_{signal}").value = 0
        for name in self.scenario["expected"]:
            getattr(self.dut, f"{name}_tready").value = 0
        for cycle in range(4):
            sender.drive(pauses=False)
            await ReadOnly()
            for name, port in sender.ports.items():
                if int(port.tready.value):
                    raise Mismatch(signal=name, beat=0, expected="no tready in reset", got="tready", cycle=cycle)
            await FallingEdge(self.dut.clk)
        self.dut.rst.value = 0

    async def run(self, stop_after: int | None = None) -> dict[str, Any]:
        """Reset, send the program and compare all answers; or abandon it after ``stop_after`` accepted beats."""
        scenario = self.scenario
        rng = random.Random(scenario["seed"])
        stalls = scenario["stalls"]
        sender = Sender(self.dut, scenario, rng, stalls)
        await self.reset(sender)
        self.cycle = 0
        marks = {"m_axis": scenario["marks"]}
        receivers = [
            Receiver(self.dut, name, expected, rng, stalls, marks.get(name, []))
            for name, expected in scenario["expected"].items()
        ]
        probes = [Probe(self.dut, n, content) for n, content in scenario["probes"].items()]
        quiet = 0
        while quiet < QUIET_CYCLES:
            sender.drive()
            for receiver in receivers:
                receiver.drive()
            await ReadOnly()
            observers: list[Any] = [sender, *receivers, *probes]
            for observer in observers:
                observer.observe(self.cycle)
            self.cycle += 1
            await FallingEdge(self.dut.clk)
            if stop_after is not None and sender.sent >= stop_after:
                return {}
            done = sender.sent == len(sender.program) and all(len(r.cycles) == len(r.expected) for r in receivers)
            quiet = quiet + 1 if done else 0
            if self.cycle > scenario["limit"]:
                missing = {r.name: f"{len(r.cycles)} of {len(r.expected)}" for r in receivers}
                raise Mismatch(signal="all", beat=sender.sent, expected="an answer", got=missing, cycle=self.cycle)
        # the number compared is the number sent, and nothing is left over
        assert sender.sent == len(scenario["program"])
        for receiver in receivers:
            assert len(receiver.cycles) == len(receiver.expected)
        for probe in probes:
            if probe.seen != len(probe.expected):
                raise Mismatch(
                    signal=probe.name, beat=probe.seen, expected=len(probe.expected), got=probe.seen, cycle=self.cycle
                )
        return {
            "cycles": self.cycle,
            "in_cycles": sender.cycles,
            "out_cycles": {receiver.name: receiver.cycles for receiver in receivers},
            "compared": sum(len(r.cycles) for r in receivers) + sum(len(p.signals) * p.seen for p in probes),
        }


@cocotb.test()
async def streams(dut: Any) -> None:
    """The whole scenario; once abandoned by a reset first, if it says so."""
    scenario = json.loads(Path(os.environ["FFHW_SCENARIO"]).read_text())
    result = Path(os.environ["FFHW_RESULT"])
    await _send_no_weights(dut)
    Clock(dut.clk, 10, unit="ns").start()
    bench = Bench(dut, scenario)
    try:
        if scenario["reset_after"]:
            await bench.run(stop_after=scenario["reset_after"])
        outcome = await bench.run()
    except Mismatch as mismatch:
        result.write_text(json.dumps({"mismatch": mismatch.details}))
        raise
    result.write_text(json.dumps(outcome))
