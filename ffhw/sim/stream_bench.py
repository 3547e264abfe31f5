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
from cocotb.triggers import FallingEdge, ReadOnly

QUIET_CYCLES = 32  # nothing may follow the last expected beat for this long


class Sender:
    """Offers the beats of the program in order, each on its port, with random pauses between them."""

    def __init__(self, dut: Any, scenario: dict[str, Any], rng: random.Random, stalls: float) -> None:
        self.ports = {name: Port(dut, name) for name in scenario["inputs"]}
        self.program = scenario["program"]
        self.rng = rng
        self.stalls = stalls
        self.sent = 0
        self.offering = False
        self.cycles: list[int] = []

    def drive(self) -> None:
        """Set this cycle's inputs. An offered beat stays until it is accepted."""
        if self.sent < len(self.program) and not self.offering:
            self.offering = self.rng.random() >= self.stalls
        active = self.program[self.sent] if self.offering else [None, 0, 0]
        for name, port in self.ports.items():
            port.tvalid.value = int(name == active[0])
            if name == active[0]:
                port.tdata.value = active[1]
                port.tlast.value = active[2]

    def observe(self, cycle: int) -> None:
        """See whether the offered beat is accepted."""
        if self.offering and int(self.ports[self.program[self.sent][0]].tready.value):
            self.sent += 1
            self.offering = False
            self.cycles.append(cycle)


class Receiver:
    """Takes beats from one port with random pauses and compares each with the expected one."""

    def __init__(self, dut: Any, name: str, expected: list[list[int]], rng: random.Random, stalls: float) -> None:
        self.name = name
        self.port = Port(dut, name)
        self.expected = expected  # [data, last, mask of the bits that count]
        self.rng = rng
        self.stalls = stalls
        self.held: tuple[int, int] | None = None
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


class Bench:
    """Wires senders, receivers and probes to the design and counts cycles."""

    def __init__(self, dut: Any, scenario: dict[str, Any]) -> None:
        self.dut = dut
        self.scenario = scenario
        self.cycle = 0

    async def reset(self) -> None:
        """Hold the reset for a few cycles, all inputs idle."""
        await FallingEdge(self.dut.clk)
        self.dut.rst.value = 1
        for name in self.scenario["inputs"]:
            # ports that the program never uses as well: undriven inputs would make everything unknown
            for signal in ("tvalid", "tdata", "tlast"):
                getattr(self.dut, f"{name}_{signal}").value = 0
        for name in self.scenario["expected"]:
            getattr(self.dut, f"{name}_tready").value = 0
        for _ in range(3):
            await FallingEdge(self.dut.clk)
        self.dut.rst.value = 0

    async def run(self, stop_after: int | None = None) -> dict[str, Any]:
        """Send the program and compare all answers; or abandon it after ``stop_after`` accepted beats."""
        scenario = self.scenario
        rng = random.Random(scenario["seed"])
        stalls = scenario["stalls"]
        sender = Sender(self.dut, scenario, rng, stalls)
        receivers = [Receiver(self.dut, n, e, rng, stalls) for n, e in scenario["expected"].items()]
        probes = [Probe(self.dut, n, content) for n, content in scenario["probes"].items()]
        quiet = 0
        while quiet < QUIET_CYCLES:
            await FallingEdge(self.dut.clk)
            sender.drive()
            for receiver in receivers:
                receiver.drive()
            await ReadOnly()
            observers: list[Any] = [sender, *receivers, *probes]
            for observer in observers:
                observer.observe(self.cycle)
            self.cycle += 1
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
    Clock(dut.clk, 10, unit="ns").start()
    bench = Bench(dut, scenario)
    await bench.reset()
    try:
        if scenario["reset_after"]:
            await bench.run(stop_after=scenario["reset_after"])
            await bench.reset()
            bench.cycle = 0
        outcome = await bench.run()
    except Mismatch as mismatch:
        result.write_text(json.dumps({"mismatch": mismatch.details}))
        raise
    result.write_text(json.dumps(outcome))
