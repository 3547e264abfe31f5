"""The components that steps pass: division, guard of lengths, window; each against its own definition."""

# amaranth: UnusedElaboratable=no
from __future__ import annotations

import numpy as np
import pytest
from amaranth.hdl import unsigned
from amaranth.sim import Simulator

from ffhw.hdl.datapath.divider import Divider
from ffhw.hdl.datapath.length_guard import LengthGuard
from ffhw.hdl.datapath.step_window import StepWindow
from ffhw.layers.rhythm import Rhythm

CYCLES = 5000  # after which a component that has not answered never will


def run(component, *testbenches):
    finished = []

    def watched(testbench):
        async def run_to_its_end(ctx):
            await testbench(ctx)
            finished.append(testbench)

        return run_to_its_end

    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    for testbench in testbenches:
        simulator.add_testbench(watched(testbench))
    simulator.run_until(CYCLES * 1e-6)
    assert len(finished) == len(testbenches), f"not done after {CYCLES} cycles"


@pytest.mark.parametrize(("bits", "divisor_bits"), [(1, 1), (1, 3), (3, 2), (4, 1)])
def test_every_quotient_after_its_promised_latency(bits, divisor_bits):
    divider = Divider(bits=bits, divisor_bits=divisor_bits)
    cases = [(n, d) for d in range(1, 1 << divisor_bits) for n in range(d << bits)]

    async def testbench(ctx):
        ctx.set(divider.o.ready, 1)
        for dividend, divisor in cases:
            ctx.set(divider.i.payload, {"dividend": dividend, "divisor": divisor})
            ctx.set(divider.i.valid, 1)
            assert ctx.get(divider.i.ready)
            for _ in range(bits + 1):
                await ctx.tick()
                ctx.set(divider.i.valid, 0)
            assert ctx.get(divider.o.valid)
            assert ctx.get(divider.o.payload) == dividend // divisor

    run(divider, testbench)


def test_a_quotient_waits_until_it_is_taken():
    divider = Divider(bits=4, divisor_bits=3)

    async def testbench(ctx):
        ctx.set(divider.i.payload, {"dividend": 71, "divisor": 5})
        ctx.set(divider.i.valid, 1)
        await ctx.tick().repeat(30)
        assert not ctx.get(divider.i.ready)
        assert ctx.get(divider.o.payload) == 14

    run(divider, testbench)


def pass_through(component, sequences, rng, stalls):
    """What a component gives for vectors of one-element beats: elements of each sequence, and of one still to come."""
    given = [[]]
    sent = [False]

    async def send(ctx):
        for sequence in sequences:
            for t, vector in enumerate(sequence):
                for b, value in enumerate(vector):
                    while rng.random() < stalls:
                        ctx.set(component.i.valid, 0)
                        await ctx.tick()
                    ctx.set(component.i.payload.data, [int(value)])
                    ctx.set(component.i.payload.last, t == len(sequence) - 1 and b == len(vector) - 1)
                    ctx.set(component.i.valid, 1)
                    await ctx.tick().until(component.i.ready)
        ctx.set(component.i.valid, 0)
        sent[0] = True

    async def take(ctx):
        quiet = 0
        while quiet < 60:
            ready = rng.random() >= stalls
            ctx.set(component.o.ready, ready)
            *_, valid, payload = await ctx.tick().sample(component.o.valid, component.o.payload)
            quiet = quiet + 1 if sent[0] and not valid else 0
            if valid and ready:
                given[-1] += [int(v) for v in payload.data]
                if payload.last:
                    given.append([])

    run(component, send, take)
    return given


@pytest.mark.parametrize("stalls", [0.0, 0.4])
@pytest.mark.parametrize(
    ("taps", "stride", "causal", "elements", "width"),
    [(1, 1, True, 1, 1), (3, 1, True, 2, 1), (3, 1, False, 4, 2), (2, 3, False, 2, 2), (3, 5, True, 2, 1),
     (4, 2, False, 1, 1), (5, 3, True, 3, 3)],
)  # fmt: skip
def test_windows_are_the_last_steps(taps, stride, causal, elements, width, stalls, rng):
    rhythm = Rhythm(0 if causal else taps - 1, stride)
    before = rng.integers(0, 256, elements)
    window = StepWindow(
        elements=elements, shape=unsigned(8), write_width=1, read_width=width, taps=taps, rhythm=rhythm, before=before
    )
    lengths = [rhythm.least, rhythm.least + 1, rhythm.least + 7, rhythm.least + 2, 20]
    sequences = [rng.integers(0, 256, (steps, elements)) for steps in lengths]
    expected = []
    for sequence in sequences:
        padded = np.concatenate([np.tile(before, (taps - 1 - rhythm.lead, 1)), sequence])
        ends = range(rhythm.lead, len(sequence), stride)
        starts = [end + len(padded) - len(sequence) - taps + 1 for end in ends]
        expected.append(np.concatenate([padded[start : start + taps].reshape(-1) for start in starts]).tolist())
    # what stands before the next sequence is given before it comes
    expected.append(np.tile(before, taps - 1 - rhythm.lead).tolist())
    assert pass_through(window, sequences, rng, stalls) == expected


@pytest.mark.parametrize(("least", "most", "beats"), [(1, 4, 1), (3, None, 2), (2, 5, 3), (1, 1, 1), (4, 4, 2)])
def test_lengths_are_cut_completed_and_marked(least, most, beats, rng):
    """Answers come late, so that marks of several sequences are asked for at once."""
    guard = LengthGuard(shape=unsigned(8), width=1, beats=beats, least=least, most=most, under_way=3)
    lengths = [1, 9, 2, 4, 1, 5, 3, 8, 6, 1, 4, 7]
    sequences = [rng.integers(1, 256, (steps, beats)) for steps in lengths]
    ends, marks = [0], []

    async def answer(ctx):
        while len(marks) < len(lengths):
            *_, valid, ready, last = await ctx.tick().sample(guard.o.valid, guard.o.ready, guard.o.payload.last)
            ends[0] += valid and ready and last
            ready_to_answer = ends[0] > len(marks) and rng.random() < 0.1
            ctx.set(guard.answered, ready_to_answer)
            if ready_to_answer:
                marks.append(ctx.get(guard.marked))

    simulated = run_guard(guard, sequences, beats, rng, answer)
    taken = [np.pad(s[:most], [(0, max(0, least - len(s))), (0, 0)]) for s in sequences]
    assert simulated == [t.reshape(-1).tolist() for t in taken]
    assert marks == [int(len(t) != len(s)) for t, s in zip(taken, sequences, strict=True)]


def run_guard(guard, sequences, beats, rng, answer):
    given = [[]]

    async def send(ctx):
        for sequence in sequences:
            for t, vector in enumerate(sequence):
                for b, value in enumerate(vector):
                    ctx.set(guard.i.payload.data, [int(value)])
                    ctx.set(guard.i.payload.last, t == len(sequence) - 1 and b == beats - 1)
                    ctx.set(guard.i.valid, 1)
                    await ctx.tick().until(guard.i.ready)
        ctx.set(guard.i.valid, 0)

    async def take(ctx):
        while len(given) <= len(sequences):
            ctx.set(guard.o.ready, ready := rng.random() < 0.7)
            *_, valid, payload = await ctx.tick().sample(guard.o.valid, guard.o.payload)
            if valid and ready:
                given[-1].append(int(payload.data[0]))
                if payload.last:
                    given.append([])

    run(guard, send, take, answer)
    return given[:-1]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Divider(bits=0, divisor_bits=3), r"^widths must be at least 1, not 0 and 3$"),
        (
            lambda: LengthGuard(shape=unsigned(8), width=1, beats=1, least=3, most=2, under_way=4),
            r"^no sequence of 1 beats a step has 3 to 2 steps$",
        ),
        (
            lambda: StepWindow(
                elements=3, shape=unsigned(8), write_width=1, read_width=2, taps=2, rhythm=Rhythm(), before=np.zeros(3)
            ),
            r"^1 must divide 2, and that 3$",
        ),
    ],
)
def test_components_refuse(build, message):
    with pytest.raises(ValueError, match=message):
        build()
