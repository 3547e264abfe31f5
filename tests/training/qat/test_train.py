"""`ffhw train --qat`: stages, what they leave, and going on after a kill."""

from __future__ import annotations

import dataclasses
import json

import keras
import numpy as np
import pytest
from commands import fails, ffhw
from small_task import TASK

from ffhw.errors import InputError
from ffhw.export import Options, export
from ffhw.model import golden
from ffhw.model.network import Network
from ffhw.numbers.scales import Widths
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.qat.train import Stages
from ffhw.training.tasks import TASKS
from ffhw.training.tasks.frames import TASK as FRAMES
from ffhw.training.tasks.signal import TASK as SIGNAL
from ffhw.training.tasks.signal import SignalPreset
from ffhw.training.train import train

FEW = Stages.towards(Widths(3, weight_bits=2), (5,), epochs=4)
LEARNED = dataclasses.replace(FEW, learn_scales=True)


@pytest.mark.long
@pytest.mark.parametrize("stages", [FEW, LEARNED], ids=["calibrated", "learned"])
def test_the_model_that_is_left_is_what_hardware_gives(stages, tmp_path):
    model = tmp_path / "m.keras"
    record = train(TASK, model, stages=stages)
    assert json.loads((tmp_path / "m.json").read_text()) == record
    first, last = record["qat"]
    assert first["widths"] == {"bits": 5, "weight_bits": 5, "state_bits": 5, "input_bits": 5, "cell_bits": 5}
    assert (last["widths"]["weight_bits"], last["widths"]["state_bits"]) == (2, 3)
    assert [len(stage["history"]["loss"]) for stage in record["qat"]] == [4, 4]
    assert record["test"] == last["test"]
    assert record["test"]["accuracy"] > 0.8
    # weights of two bits keep the float training's rate
    assert [stage["learning_rate"] for stage in record["qat"]] == [0.25 * TASK.learning_rate, TASK.learning_rate]
    assert all(1 <= stage["kept_epoch"] <= 4 for stage in record["qat"])
    # the widths of the command line are for models in floats: these are settled
    told = []
    export(model, tmp_path / "bundle", Options(Widths(8)), told.append)
    assert any(line.startswith("note: trained on integers, whose formats stay: 'jk' 2-bit weights") for line in told)
    network = Network.load(tmp_path / "bundle" / "network.npz")
    assert [layer.weight_bits for layer in network.layers] == [2, 2]
    accuracy = json.loads((tmp_path / "bundle" / "accuracy.json").read_text())
    assert accuracy["max_difference"] == 0.0
    assert accuracy["quantized"]["accuracy"] == record["test"]["accuracy"]
    # answers of the Keras model are those of the golden model
    data = np.load(tmp_path / "m.data.npz")
    answers = keras.models.load_model(model).predict(data["x"], verbose=0)
    codes = golden.run(network, network.encode(data["x"].astype(np.float64)), data["lengths"]).outputs
    assert np.abs(answers - network.decode(codes)).max() < 1e-6


def test_stages_may_end_at_the_bits_of_what_is_not_narrower():
    target = Widths(2, weight_bits=1, input_bits=8)
    stages = Stages.towards(target, (4, 2))
    assert stages.widths == (Widths(4, input_bits=8), Widths(2, input_bits=8), target)
    assert Stages.towards(Widths(2, "ternary"), (2,)).widths == (Widths(2), Widths(2, "ternary"))


def test_states_of_one_bit_are_so_from_the_first_stage():
    target = Widths(2, state_bits=1, input_bits=8)
    stages = Stages.towards(target, (4, 3)).widths
    assert stages == (Widths(4, state_bits=1, input_bits=8), Widths(3, state_bits=1, input_bits=8), target)


@pytest.mark.long
def test_what_nobody_asks_for_is_left_out_and_the_file_has_the_tasks_own_loss(tmp_path):
    def few(seed):
        data = TASKS["flipflop3"].load(seed)
        cut = {"x": data.x[:40], "y": data.y[:40], "asked": data.asked[:40]}
        # had they been learned, the loss would show it
        cut["y"] = np.where(cut["asked"], cut["y"], 100.0)
        return dataclasses.replace(data, **cut)

    task = dataclasses.replace(TASKS["flipflop3"], load=few, units=3, epochs=2)
    record = train(task, tmp_path / "m.keras", stages=Stages.towards(Widths(6)))
    assert min(record["history"]["loss"]) > 100
    assert max(record["qat"][0]["history"]["loss"]) < 5
    assert keras.models.load_model(tmp_path / "m.keras").loss == "mse"


class Killed(Exception):
    pass


@pytest.mark.long
@pytest.mark.parametrize("learn_scales", [False, True])
def test_killed_in_a_stage_it_goes_on_and_ends_as_if_never_killed(learn_scales, tmp_path):
    preset = SignalPreset("waves", 4, 2, 3, 1e-2, cosine=True, signals=5, steps=6)
    stages = Stages.towards(Widths(4), epochs=3, learn_scales=learn_scales)
    whole, parts = tmp_path / "whole.keras", tmp_path / "parts.keras"
    record = train(SIGNAL, whole, preset=preset, checkpoint_seconds=0, stages=stages)
    done = []

    def progress(*figures):
        done.append(figures)
        if len(done) == 4:
            raise Killed

    with pytest.raises(Killed):
        train(SIGNAL, parts, preset=preset, checkpoint_seconds=0, stages=stages, progress=progress)
    assert not parts.exists()
    again = train(SIGNAL, parts, preset=preset, checkpoint_seconds=0, stages=stages, progress=lambda *f: done.append(f))
    # 2 epochs in floats and 3 on integers, each of them once
    assert [epoch for epoch, *_ in done] == [1, 2, 1, 2, 3]
    assert again["test"] == record["test"]
    assert [s["history"] for s in again["qat"]] == [s["history"] for s in record["qat"]]
    assert bool(again["qat"][0]["moved_scales"]) == learn_scales
    models = [keras.models.load_model(path) for path in (whole, parts)]
    for one, two in zip(*(model.get_weights() for model in models), strict=True):
        assert np.array_equal(one, two)
    assert not list(tmp_path.glob("*.checkpoint.npz"))


def test_what_cannot_be_is_told_before_anything_trains(tmp_path):
    four, two, ternary, binary = Widths(4), Widths(2), Widths(4, "ternary"), Widths(4, "binary")
    one = Widths(2, state_bits=1)
    wrong = [
        (one, (4, 2)),
        (four, (6, 8)),
        (four, (8, 4)),
        (four, (8, 8)),
        (two, (4, 2)),
        (ternary, (2, 1)),
        (binary, (1,)),
    ]
    for target, through in wrong:
        with pytest.raises(InputError, match=r"^--through must fall, each stage wider than what is asked for"):
            Stages.towards(target, through)
    with pytest.raises(InputError, match=r"^--qat-epochs must be at least 1, not 0$"):
        Stages.towards(Widths(4), epochs=0)
    with pytest.raises(InputError, match=r"^--qat: the network of frames has no hardware yet"):
        train(FRAMES, tmp_path / "m.keras", stages=FEW)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--bits", "4"], "--bits is about training on integers: give --qat as well"),
        (["--learn-scales"], "--learn-scales is about training on integers: give --qat as well"),
        (["--through", "8"], "--through is about training on integers: give --qat as well"),
        (["--qat", "--bits", "17"], "--bits must be from 1 to 16, not 17"),
        (["--qat", "--through", "8;6"], "--through must be widths like 8,6, not '8;6'"),
    ],
)
def test_options_are_told_at_once(tmp_path, options, message):
    fails(ffhw("train", "flipflop3", *options, cwd=tmp_path), 2, message)
    assert not list(tmp_path.iterdir())


@pytest.mark.training
@pytest.mark.parametrize(
    ("widths", "least"),
    [
        (Widths(4), 0.97),
        pytest.param(Widths(2, input_bits=4), 0.95, marks=pytest.mark.slow),
        (Widths(4, 2, 1), 0.9),
    ],
)
def test_real_speech_at_few_bits(tmp_path, widths, least):
    """Four bits cost nothing; states of one bit, flip-flops indeed, a little."""
    record = train(TASKS["japanese-vowels"], tmp_path / "m.keras", stages=Stages.towards(widths))
    assert record["float_test"]["accuracy"] >= 0.97
    assert record["test"]["accuracy"] >= least


@pytest.mark.training
@pytest.mark.slow
def test_an_adder_of_one_bit_states_and_two_bit_weights_is_learned_in_stages(tmp_path):
    """Not one wrong bit on streams twice as long; of 60 epochs at once a quarter of them were wrong."""
    stages = Stages.towards(Widths(2, state_bits=1), (8, 4, 3), epochs=60)
    record = train(TASKS["adder"], tmp_path / "m.keras", stages=stages)
    assert [row["widths"]["state_bits"] for row in record["qat"]] == [1, 1, 1, 1]
    assert record["test"]["sign_accuracy"] == 1


@pytest.mark.training
@pytest.mark.slow
def test_the_memory_keeps_its_bits_at_four_bits(tmp_path):
    """Gates that see the inputs only; floats have 99.90 % of the signs."""
    options = RecurrentOptions(recurrent_gates=False)
    record = train(TASKS["flipflop3"], tmp_path / "m.keras", options, epochs=12, stages=Stages.towards(Widths(4)))
    assert record["parameters"] == 2 * 32 * (3 + 2) + 33 * 3
    assert record["test"]["sign_accuracy"] > 0.998
