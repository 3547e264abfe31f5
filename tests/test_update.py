"""New weights in a finished bitstream."""

from __future__ import annotations

import dataclasses
import gzip
import json
import shutil

import numpy as np
import pytest
from networks import random_network

from ffhw.boards import catalogue, placed
from ffhw.boards.block_rams import BLOCK_RAMS
from ffhw.boards.flow import LinkOptions, synthesize
from ffhw.boards.host.device import Device
from ffhw.boards.loading import bitstream_of
from ffhw.boards.plan import contents_of, settings_of
from ffhw.boards.tools import Toolbox
from ffhw.bundle import Bundle, write_bundle
from ffhw.errors import DigestError, InputError, MismatchError
from ffhw.export import bundle_files
from ffhw.hdl.plan.chain import fold
from ffhw.layers.dense import FloatDense
from ffhw.layers.jk import FloatJK
from ffhw.model.data import Data
from ffhw.model.floatnet import FloatNetwork
from ffhw.model.quantize import quantize
from ffhw.numbers.kept_scales import RecordedPrecision
from ffhw.numbers.scales import Widths
from ffhw.sim.mapped import Mapped
from ffhw.sim.netlist import NetlistSimulator, check_netlist
from ffhw.sim.scenario import Interface
from ffhw.update import kept, requantize, update


def trained(seed, units=4, name="jk", size=0.6, outputs=2):
    rng = np.random.default_rng(seed)

    def normal(*shape):
        return rng.normal(0, size, shape)

    jk = FloatJK(name, normal(2, units, 3), normal(2, units, units), normal(2, units), True)
    return FloatNetwork("small", (jk, FloatDense("dense", normal(outputs, units), normal(outputs), "linear")))


def data(seed=0):
    return Data(np.random.default_rng(seed).normal(0, 1, (8, 12, 3)), np.full(8, 12))


def write(folder, network, widths=Widths(8), **options):
    """A bundle of a trained network, exported as --generic-weights does it."""
    precision = RecordedPrecision(widths)
    quantized = quantize(network, data().x, max_steps=16, precision=precision).generic()
    kept = {"scales": precision.chosen, "argmax": False, "max_steps": 16}
    settings = {"board": None, "calibration": "error", "widths": dataclasses.asdict(precision.widths)}
    files = bundle_files(quantized, fold(quantized, 1, 1), data(), settings=settings, generic=kept, **options)
    return write_bundle(folder / "build", files)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return write(tmp_path_factory.mktemp("update"), trained(1))


@pytest.fixture
def bundle(exported, tmp_path):
    shutil.copytree(exported.path, tmp_path / "build")
    return Bundle.open(tmp_path / "build")


def test_the_same_formats(bundle):
    """Whatever the weights are; those that are too large saturate, and it is said how many."""
    network, saturated = requantize(bundle, trained(2, name="other"), data())
    assert [layer.name for layer in network.layers] == ["other", "dense"]
    old = bundle.network()
    for before, after in zip(old.layers, network.layers, strict=True):
        assert {**before.describe(), "name": ""} == {**after.describe(), "name": ""}
    assert not np.array_equal(old.layers[0].weights_x, network.layers[0].weights_x)
    assert sum(part.count for part in saturated if part.what == "weights") < 5
    _, saturated = requantize(bundle, trained(2, size=5.0), data())
    weights = {part.layer: (part.count, part.total) for part in saturated if part.what == "weights"}
    assert weights["layer 'jk'"][0] > 10
    assert weights["layer 'jk'"][1] == 2 * 4 * 4


@pytest.mark.parametrize("weights", ["ternary", "binary"])
def test_the_same_few_codes(weights, tmp_path):
    bundle = write(tmp_path, trained(1), Widths(4, weight_bits=weights))
    network, _ = requantize(bundle, trained(2), data())
    for before, after in zip(bundle.network().layers, network.layers, strict=True):
        assert before.describe() == after.describe()
        assert before.weight_bits == weights
    assert not np.array_equal(bundle.network().layers[0].weights_x, network.layers[0].weights_x)


def test_a_network_that_was_trained_on_integers(tmp_path):
    """Its formats are the model's own; other weights of them are the same hardware."""
    import keras

    from ffhw.reading.keras_model import read_model
    from ffhw.training import quantized
    from ffhw.training.layers.jk import JK

    floats = keras.Sequential([keras.Input((None, 3)), JK(4, return_sequences=True), keras.layers.Dense(2)])
    model = quantized(floats, 4, data().x)
    model.save(tmp_path / "one.keras")
    model.set_weights([weights * 0.7 for weights in model.get_weights()])
    model.save(tmp_path / "two.keras")
    one, two = (read_model(tmp_path / f"{name}.keras") for name in ("one", "two"))
    old = quantize(one, data().x, max_steps=16).generic()
    kept = {"scales": [], "argmax": False, "max_steps": 16}
    settings = {"board": None, "calibration": "error", "widths": None}
    bundle = write_bundle(
        tmp_path / "build", bundle_files(old, fold(old, 1, 1), data(), settings=settings, generic=kept)
    )
    network, saturated = requantize(bundle, two, data())
    assert saturated == []
    assert [layer.describe() for layer in network.layers] == [layer.describe() for layer in old.layers]
    assert not np.array_equal(network.layers[0].weights_x, old.layers[0].weights_x)
    with pytest.raises(InputError, match="the bundle's network was trained on integers, the model in floats"):
        requantize(bundle, trained(1), data())


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            trained(2, units=5),
            r"^layer 'jk': inputs and outputs must be \(3, 4\) as in the bundle, not \(3, 5\): export ",
        ),
        (
            trained(2, outputs=3),
            r"^layer 'dense': inputs and outputs must be \(4, 2\) as in the bundle, not \(4, 3\): ",
        ),
        (
            FloatNetwork("one", trained(2).layers[:1]),
            r"^the bundle has layers jk, dense, the model jk: export this model ",
        ),
        (
            FloatNetwork("relu", (trained(2).layers[0], dataclasses.replace(trained(2).layers[1], activation="relu"))),
            r"^layer 'dense': activation must be linear as in the bundle, not relu: export this model anew$",
        ),
        (
            FloatNetwork("closing", (dataclasses.replace(trained(2).layers[0], closing=True), trained(2).layers[1])),
            r"^layer 'jk': closing must be left out as in the bundle, not True: export this model anew$",
        ),
    ],
)
def test_another_network_is_refused_by_its_layer(bundle, network, message):
    with pytest.raises(InputError, match=message):
        requantize(bundle, network, data())


def test_biases_beyond_the_accumulators(bundle):
    network = trained(2)
    huge = dataclasses.replace(network.layers[1], bias=np.array([1e6, 0.0]))
    assert requantize(bundle, FloatNetwork("cut", (network.layers[0], huge)), data())  # saturates the output, cut there


def test_what_cannot_be_updated(bundle, tmp_path):
    model = tmp_path / "never-read.keras"
    plain = random_network(1, inputs=3, units=(4,), outputs=2, bits=8)
    other = write_bundle(tmp_path / "plain", bundle_files(plain, fold(plain, 1, 1), data()))
    with pytest.raises(
        InputError, match=r"plain was not exported with --generic-weights: its hardware fits its own wei"
    ):
        update(other.path, model)
    with pytest.raises(
        InputError, match=r"has no bitstream that could be updated: run ffhw synth, or ffhw export anew$"
    ):
        update(bundle.path, model)
    with pytest.raises(
        InputError, match=r"^no open tool replaces memories in a bitstream for Tang Nano 9K .*: export "
    ):
        update(bundle.path, model, boards=("tangnano9k",))
    with pytest.raises(InputError, match=r"has no bitstream for iCEBreaker .*: run ffhw synth --board icebreaker$"):
        update(bundle.path, model, boards=("icebreaker",))
    bundle.add_folder("synth-icebreaker", {"result.json": json.dumps({"bundle": bundle.identity, "top": "bare"})})
    with pytest.raises(InputError, match=r"was built with --bare: run ffhw synth without it$"):
        update(bundle.path, model)


@pytest.mark.parametrize("family", sorted(placed.TEXTS))
def test_only_the_named_sections_change(family):
    """Memories that hold the same, or nothing, are told apart by their places."""
    empty = placed.contents(family, {"m": np.zeros((4, 40), np.uint8)})
    names = sorted(empty)
    places = {cell: f".ram {n}" for n, cell in enumerate(names)}
    lines = placed.TEXTS[family].lines(empty[names[0]])
    design = ".comment by someone\n\n" + "".join(f"{place}\n{lines}\n" for place in places.values()) + ".sym 1 x.y\n"
    full = placed.contents(family, {"m": np.ones((4, 40), np.uint8)})
    changed = placed.replace_in_design(design, {names[1]: ".ram 1"}, {names[1]: full[names[1]]}, family)
    before, after = placed.sections(design), placed.sections(changed)
    assert {name for name in before if before[name] != after[name]} == {".ram 1"}
    assert after[".ram 1"] == placed.TEXTS[family].lines(full[names[1]])
    with pytest.raises(InputError, match=r"^the placed design has no \.ram 7: run ffhw synth again$"):
        placed.replace_in_design(design, {names[1]: ".ram 7"}, {names[1]: full[names[1]]}, family)


def test_a_netlist_without_these_memories():
    stored = BLOCK_RAMS["ice40"].contents("m", np.ones((4, 4), np.uint8))
    cells = {"a.m.0.0": {"parameters": dict.fromkeys(stored["m.0.0"], "0")}, "b": {"parameters": {}}}
    netlist = {"modules": {"top": {"cells": cells}}}
    placed.replace_in_netlist(netlist, stored)
    assert netlist["modules"]["top"]["cells"]["a.m.0.0"]["parameters"] == stored["m.0.0"]
    with pytest.raises(InputError, match=r"^the netlist has no memory n\.0\.0: run ffhw synth again$"):
        placed.replace_in_netlist(netlist, {"n.0.0": stored["m.0.0"]})


@pytest.mark.synthesis
@pytest.mark.parametrize("name", ["icebreaker", "ulx3s-25f"])
def test_a_finished_bitstream_takes_other_weights(bundle, monkeypatch, tmp_path, name):
    """Simulated, read back, and known to hosts by its new bundle; a failure leaves what was there."""
    board = catalogue.board(name)
    link = LinkOptions(clock_mhz=30.0)
    synthesize(bundle.path, board, link=link)
    monkeypatch.setattr("ffhw.update.read_model", lambda path: trained(2))

    def differs(*_):
        raise MismatchError("another network")

    with pytest.raises(MismatchError, match=r"^another network$"):
        update(bundle.path, tmp_path / "other.keras", check=differs)
    before = Bundle.open(bundle.path)
    assert before.identity == bundle.identity
    old = bitstream_of(before, board)

    made = update(bundle.path, tmp_path / "other.keras", check=check_netlist)
    after = Bundle.open(bundle.path)
    assert after.identity == made.bundle.identity != before.identity
    result = after.results()[f"synth-{name}"]
    assert result["netlist"]["equal"]
    assert result["netlist"]["codes"] > 500
    assert result["placed_for"] == before.identity
    new = bitstream_of(after, board)
    assert len(new) == pytest.approx(len(old), rel=0.1)
    assert new != old

    folder = after.path / f"results/synth-{name}"
    settings = settings_of(after, board, result["clock_hz"], result["baud"])
    stored = placed.contents(board.family.name, contents_of(after, settings))
    toolbox = Toolbox(tmp_path, print, print)
    placed.check_bitstream(board, toolbox, old, new, result["memories"], stored)
    with pytest.raises(
        MismatchError, match=r"^the bitstream for .* does not hold the new weights in ffhw_weights_1\.0\."
    ):
        placed.check_bitstream(board, toolbox, new, old, result["memories"], stored)
    with pytest.raises(
        MismatchError, match=r"^the bitstream for .* differs from the old one in \.(ram_data|bram_init) "
    ):
        placed.check_bitstream(board, toolbox, old, new, dict(list(result["memories"].items())[:1]), stored)

    netlist = tmp_path / "top.json"
    netlist.write_bytes(gzip.decompress((folder / placed.NETLIST).read_bytes()))
    interface = Interface(after.network(), after.foldings(), after.keep_state)
    simulator = NetlistSimulator(Mapped.load(netlist), board.family.name, interface, settings)
    with simulator.serve() as served:
        with pytest.raises(InputError, match=r"^the device at .* computes bundle"):
            Device(served.url, bundle=before, patience=60.0)
        with Device(served.url, bundle=after, patience=60.0) as device:
            assert device.identity.bundle == after.identity
    # and once more, from what the update left
    monkeypatch.setattr("ffhw.update.read_model", lambda path: trained(1))
    again = update(bundle.path, tmp_path / "other.keras", check=None)
    assert again.bundle.network().to_bytes() == before.network().to_bytes()


def test_what_was_kept_is_what_is_used(bundle, tmp_path):
    (tmp_path / placed.NETLIST).write_bytes(gzip.compress(b"{}"))
    with pytest.raises(DigestError, match=r"netlist\.json\.gz is not what ffhw synth kept: run it again$"):
        kept(tmp_path / placed.NETLIST, {"kept_sha256": {placed.NETLIST: "0" * 64}})
