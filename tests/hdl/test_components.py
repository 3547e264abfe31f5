"""The small components, each against its own definition and its promised latency."""

# amaranth: UnusedElaboratable=no
from __future__ import annotations

import itertools

import numpy as np
import pytest
from amaranth.hdl import unsigned
from amaranth.sim import Simulator

from ffhw.hdl.datapath.lookup_table import LookupTable
from ffhw.hdl.datapath.mac import MacArray
from ffhw.hdl.datapath.step_buffer import StepBuffer
from ffhw.hdl.plan.weighted import tree_stages
from ffhw.numbers.tables import Sigmoid, Tanh


def run(component, testbench):
    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()


@pytest.mark.long
@pytest.mark.parametrize("kind", [Sigmoid, Tanh])
@pytest.mark.parametrize(("bits", "shift"), [(1, 0), (1, 3), (2, 1), (4, 2), (8, 3)])
def test_table_equals_the_golden_look_up_for_every_accumulator(kind, bits, shift):
    width = bits + shift + 4  # reaches beyond the table on both sides
    golden = kind(bits)
    table = LookupTable(table=golden, acc_width=width, shifts=[shift, shift + 1])
    accs = range(-(1 << (width - 1)), 1 << (width - 1))

    async def testbench(ctx):
        ctx.set(table.en, 1)
        for acc in accs:
            ctx.set(table.acc, [acc, ~acc])
            await ctx.tick()
            expected = [int(golden.look_up(np.int64(a), s)) for a, s in ((acc, shift), (~acc, shift + 1))]
            assert [ctx.get(table.code[n]) for n in range(2)] == expected

    run(table, testbench)


def test_table_stands_still_without_enable():
    table = LookupTable(table=Sigmoid(4), acc_width=6, shifts=[0])

    async def testbench(ctx):
        ctx.set(table.en, 1)
        ctx.set(table.acc, [31])
        await ctx.tick()
        ctx.set(table.en, 0)
        ctx.set(table.acc, [-32])
        await ctx.tick().repeat(3)
        assert ctx.get(table.code[0]) == 15

    run(table, testbench)


@pytest.mark.parametrize("simd", [1, 2, 5, 8])
def test_mac_sums_products_with_its_promised_latency(simd, rng):
    mac = MacArray(lanes=3, gates=1, simd=simd, operand_width=5, weight_width=4, acc_width=20)
    words = 6
    latency = 3 + tree_stages(simd)
    operands = rng.integers(-16, 15, (2, words, simd))
    weights = rng.integers(-8, 7, (2, words, 3, simd))

    async def testbench(ctx):
        ctx.set(mac.en, 1)
        for group, word in itertools.product(range(2), range(words)):
            ctx.set(mac.operand, operands[group, word].tolist())
            ctx.set(mac.weight, weights[group, word].tolist())
            ctx.set(mac.valid, 1)
            ctx.set(mac.first, word == 0)
            await ctx.tick()
            if group == 1 and word == latency - 1:
                # the first group's sums stand for just as long as the pipeline is deep
                assert [ctx.get(mac.acc[n]) for n in range(3)] != expected_sums(0)
            if group == 1 and word == latency - 2:
                assert [ctx.get(mac.acc[n]) for n in range(3)] == expected_sums(0)
        ctx.set(mac.valid, 0)
        await ctx.tick().repeat(latency - 1)
        assert [ctx.get(mac.acc[n]) for n in range(3)] == expected_sums(1)

    def expected_sums(group):
        return (weights[group] * operands[group][:, None, :]).sum(axis=(0, 2)).tolist()

    run(mac, testbench)


@pytest.mark.parametrize(
    ("elements", "write", "read"), [(1, 1, 1), (5, 1, 2), (8, 2, 4), (7, 1, 1), (6, 3, 3), (9, 2, 4)]
)
def test_buffer_gives_back_vectors_in_order(elements, write, read, rng):
    buffer = StepBuffer(elements=elements, shape=unsigned(6), write_width=write, read_width=read)
    vectors = rng.integers(0, 63, (7, -(-elements // read) * read))
    beats = -(-elements // write)

    async def writer(ctx):
        for number, vector in enumerate(vectors):
            for beat in range(beats):
                while rng.random() < 0.3:
                    ctx.set(buffer.i.valid, 0)
                    await ctx.tick()
                part = vector[beat * write : (beat + 1) * write].tolist()
                ctx.set(buffer.i.payload.data, part + [0] * (write - len(part)))
                ctx.set(buffer.i.payload.last, number % 2)
                ctx.set(buffer.i.valid, 1)
                await ctx.tick().until(buffer.i.ready)
        ctx.set(buffer.i.valid, 0)

    async def reader(ctx):
        ctx.set(buffer.r_en, 1)
        for number, vector in enumerate(vectors):
            for repeat in range(2):
                for word in range(buffer.words):
                    ctx.set(buffer.r_word, word)
                    await ctx.tick().until(buffer.ready)
                    for k in range(read):
                        element = word * read + k
                        if element < elements:
                            assert (ctx.get(buffer.r_data) >> (6 * k)) & 63 == vector[element], (
                                number,
                                repeat,
                                element,
                            )
            assert ctx.get(buffer.last) == number % 2
            ctx.set(buffer.release, 1)
            await ctx.tick()
            ctx.set(buffer.release, 0)
        assert not ctx.get(buffer.ready)

    simulator = Simulator(buffer)
    simulator.add_clock(1e-6)
    simulator.add_testbench(writer)
    simulator.add_testbench(reader)
    simulator.run()


def test_buffer_holds_two_vectors_and_no_third():
    buffer = StepBuffer(elements=2, shape=unsigned(4), write_width=1, read_width=1)

    async def testbench(ctx):
        ctx.set(buffer.i.valid, 1)
        await ctx.tick().repeat(4)
        assert not ctx.get(buffer.i.ready)
        ctx.set(buffer.release, 1)
        await ctx.tick()
        assert ctx.get(buffer.i.ready)

    run(buffer, testbench)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"write_width": 2, "read_width": 3}, r"^write width must divide the read width 3, not 2$"),
        ({"elements": 0}, r"^sizes must be at least 1, not 0, 1 and 1$"),
    ],
)
def test_buffer_refuses(arguments, message):
    fields = {"elements": 4, "write_width": 1, "read_width": 1, **arguments}
    with pytest.raises(ValueError, match=message):
        StepBuffer(shape=unsigned(4), **fields)
