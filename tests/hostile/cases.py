"""Generated hostile input: models, data, bundles and results that are damaged, overgrown or lie.

Every case is a folder of files and a command that is given them. ``sound`` says what a success must then still give:
the same weights or outputs as the honest original; nothing in particular where the change is a legitimate other input.
"""

from __future__ import annotations

import copy
import dataclasses
import io
import json
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
from sealed import reseal

# What a field may be turned into; a change to what it was before is left out.
LIES: list[Any] = [
    None, True, False, -1, 0, 1, 3, 10**9, 10**30, -(2**63), 1.5, float("nan"), float("inf"), "", "x", "[/]", "../x",
    "a" * 10_000, [], [[]], {}, {"class_name": "x"}, ["\x00"],
]  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Case:
    """A command on files that a function makes in a folder; ``sound`` is what success must leave unchanged."""

    name: str
    arguments: tuple[str, ...]
    make: Callable[[Path], None]
    sound: str = ""


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all entries of JSON data, inner ones included."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from leaves(entry, (*path, key))
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            yield from leaves(entry, (*path, number))


def lied(value: Any, path: tuple[Any, ...], rng: random.Random) -> Any:
    """JSON data with one entry changed, doubled or gone."""
    value = copy.deepcopy(value)
    here = value
    for step in path[:-1]:
        here = here[step]
    way = rng.random()
    if way < 0.15:
        del here[path[-1]]
    elif way < 0.25 and isinstance(here, list):
        here.append(copy.deepcopy(here[path[-1]]))
    else:
        lies = [lie for lie in LIES if lie != here[path[-1]]]
        here[path[-1]] = copy.deepcopy(rng.choice(lies))
    return value


def lied_twice(config: Any, paths: list[tuple[Any, ...]], rng: random.Random) -> Any:
    """A description with one entry changed, doubled or gone, and then the whole of it."""
    # an entry that the first lie took away is not there for the second one
    inner = [path for path in paths if path != ("config",)]
    return lied(lied(config, rng.choice(inner), rng), ("config",), rng)


def flipped(raw: bytes, rng: random.Random) -> bytes:
    """Bytes with one to four bits changed."""
    changed = bytearray(raw)
    for _ in range(rng.randint(1, 4)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(raw: bytes, rng: random.Random) -> bytes:
    """The beginning of the bytes, or the bytes with a hole or noise behind them."""
    at = rng.randrange(len(raw))
    return rng.choice([raw[:at], raw[:at] + raw[at + rng.randint(1, 64) :], raw + rng.randbytes(100)])


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def members_of(raw: bytes) -> dict[str, bytes]:
    """Files in a zip archive."""
    with zipfile.ZipFile(io.BytesIO(raw)) as file:
        return {name: file.read(name) for name in file.namelist()}


def put(name: str, content: bytes) -> Callable[[Path], None]:
    """Makes one file."""
    return lambda folder: (folder / name).write_bytes(content) and None


# --- models ----------------------------------------------------------------------------------------------------------


def model_cases(raw: bytes, rng: random.Random) -> Iterator[Case]:
    """Endless cases of a damaged or lying ``.keras`` file."""
    members = members_of(raw)
    config = json.loads(members["config.json"])
    # most of a description has no effect once training is over: it is not where the lies are
    idle = ("initializer", "regularizer", "constraint", "compile_config", "trainable")
    paths = [path for path in leaves(config) if not any(word in str(step) for step in path for word in idle)]
    export = ("export", "m.keras", "-o", "out")
    ways: list[Callable[[], tuple[str, bytes]]] = [
        lambda: ("flip", flipped(raw, rng)),
        lambda: ("cut", cut(raw, rng)),
        lambda: ("lie", with_config(members, lied(config, rng.choice(paths), rng))),
        lambda: ("lie", with_config(members, lied(config, rng.choice(paths), rng))),
        lambda: ("lie", with_config(members, lied_twice(config, paths, rng))),
        lambda: ("json", archive({**members, "config.json": cut(members["config.json"], rng)})),
        lambda: ("h5 flip", archive({**members, "model.weights.h5": flipped(members["model.weights.h5"], rng)})),
        lambda: ("h5 cut", archive({**members, "model.weights.h5": cut(members["model.weights.h5"], rng)})),
        lambda: ("h5 lie", archive({**members, "model.weights.h5": lied_weights(members["model.weights.h5"], rng)})),
        lambda: ("zip flags", flagged(raw, rng)),
        lambda: ("deflated", flipped(archive(members, rng.choice([8, 12, 14])), rng)),
        lambda: ("bomb", bomb(members, rng)),
    ]
    while True:
        name, content = rng.choice(ways)()
        # a bit flipped inside HDF5 data that zip's own checksum does not cover is a legitimate other weight
        yield Case(
            f"model: {name}", export, put("m.keras", content), "" if name in ("h5 flip", "h5 cut") else "weights"
        )


def with_config(members: dict[str, bytes], config: Any) -> bytes:
    """A model with another description."""
    return archive({**members, "config.json": json.dumps(config).encode()})


def flagged(raw: bytes, rng: random.Random) -> bytes:
    """An archive whose headers say encrypted, or compressed by an unknown method, or of another size."""
    changed = bytearray(raw)
    for magic, flags, method, size in ((b"PK\x03\x04", 6, 8, 22), (b"PK\x01\x02", 8, 10, 24)):
        at = changed.find(magic)
        while at >= 0:
            way = rng.random()
            if way < 0.3:
                changed[at + flags] |= 1
            elif way < 0.6:
                struct.pack_into("<H", changed, at + method, rng.choice([1, 6, 8, 9, 12, 14, 93, 99]))
            else:
                struct.pack_into("<I", changed, at + size, rng.choice([0, 1, 2**31, 2**32 - 2]))
            at = changed.find(magic, at + 4)
    return bytes(changed)


def bomb(members: dict[str, bytes], rng: random.Random) -> bytes:
    """A small file that unpacks to hundreds of megabytes, or JSON nested beyond sense."""
    way = rng.randrange(4)
    if way == 0:
        return archive({**members, "config.json": b" " * (200 << 20) + b"{}"}, zipfile.ZIP_DEFLATED)
    if way == 1:
        return archive({**members, "model.weights.h5": bytes(200 << 20)}, zipfile.ZIP_DEFLATED)
    if way == 2:
        depth = rng.choice([100, 1_000, 100_000])
        return archive({**members, "config.json": b'{"config": ' * depth + b"1" + b"}" * depth})
    return archive({**members, **{f"f{n}": b"" for n in range(20_000)}})


def lied_weights(raw: bytes, rng: random.Random) -> bytes:
    """Weights of another shape or type, stored elsewhere, linked in a circle, or none at all."""
    buffer = io.BytesIO(raw)
    with h5py.File(buffer, "r+") as file:
        names: list[str] = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        name = rng.choice(names)
        old = np.asarray(file[name])
        del file[name]
        way = rng.randrange(9)
        if way == 0:
            file[name] = old.T if old.ndim > 1 else old[None]
        elif way == 1:
            file[name] = old.astype(rng.choice(["S4", "c16", "i4", "f2", "?", "u1"]))
        elif way == 2:
            file.create_dataset(name, (90_000_000, 8), "f4")  # ten gigabytes that nobody wrote
        elif way == 3:
            file.create_dataset(name, old.shape, "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])
        elif way == 4:
            layout = h5py.VirtualLayout(old.shape, "f4")
            layout[:] = h5py.VirtualSource("other.h5", "x", old.shape)
            file.create_virtual_dataset(name, layout)
        elif way == 5:
            file[name] = h5py.SoftLink("/" + name)
        elif way == 6:
            file[name] = h5py.ExternalLink("/etc/passwd", "/x")
        elif way == 7:
            file[name] = np.full_like(old, rng.choice([np.nan, np.inf, -np.inf]))
        else:
            file[name] = np.zeros(old.shape, [("a", "f4"), ("b", "f4")])
    return buffer.getvalue()


# --- ONNX models -----------------------------------------------------------------------------------------------------


def onnx_cases(raw: bytes, rng: random.Random) -> Iterator[Case]:
    """Endless cases of a damaged or lying ``.onnx`` file; other weights, and another sound graph, may be read."""
    ways: list[Callable[[], tuple[str, bytes]]] = [
        lambda: ("flip", flipped(raw, rng)),
        lambda: ("cut", cut(raw, rng)),
        *[lambda: lied_graph(raw, rng)] * 4,
        lambda: ("bomb", onnx_bomb(raw, rng)),
    ]
    while True:
        name, content = rng.choice(ways)()
        yield Case(f"ONNX: {name}", ("export", "m.onnx", "-o", "out"), put("m.onnx", content))


def lied_graph(raw: bytes, rng: random.Random) -> tuple[str, bytes]:
    """A graph with one thing in it that is not so, and its name."""
    model = onnx.load_from_string(raw)
    graph = model.graph
    node, other = rng.choice(graph.node), rng.choice(graph.node)
    tensor, attribute = (
        rng.choice(graph.initializer),
        rng.choice([a for n in graph.node for a in n.attribute] or [None]),
    )
    number = rng.choice([-(2**62), -1, 0, 1, 3, 2**31, 2**62])

    def other_attribute() -> None:
        if attribute is not None:
            attribute.CopyFrom(
                onnx.helper.make_attribute(attribute.name, rng.choice([number, "x", 0.5, [number], [b""]]))
            )

    ways: dict[str, Callable[[], Any]] = {
        "operator": lambda: setattr(node, "op_type", rng.choice(["LSTM", "Loop", "Scan", "Reshape", "", "x" * 5000])),
        "domain": lambda: setattr(node, "domain", rng.choice(["x", "ai.onnx", "com.microsoft"])),
        "attribute": other_attribute,
        "no attribute": lambda: node.attribute.pop() if node.attribute else None,
        "inputs": lambda: node.input.reverse(),
        "no input": lambda: node.input.pop() if node.input else None,
        "circle": lambda: node.input.__setitem__(slice(None), list(other.output) or ["y"]),
        "nowhere": lambda: node.input.append("there is no such thing"),
        "twice": lambda: node.output.__setitem__(slice(None), other.output),
        "gone": lambda: graph.node.remove(node),
        "order": lambda: graph.node.extend([graph.node.pop(0)]),
        "dims": lambda: tensor.dims.__setitem__(slice(None), [number, *tensor.dims[1:]]),
        "rank": lambda: tensor.dims.extend([1] * rng.choice([1, 9, 2000])),
        "type": lambda: setattr(tensor, "data_type", rng.choice([0, 2, 7, 8, 10, 11, 14, 16, 99])),
        "data": lambda: setattr(tensor, "raw_data", rng.choice([b"", b"x", rng.randbytes(64)])),
        "numbers": lambda: tensor.CopyFrom(not_finite(tensor, rng)),
        "outside": lambda: outside(tensor, rng),
        "no tensor": lambda: graph.initializer.remove(tensor),
        "shape": lambda: setattr(graph.input[0].type.tensor_type.shape.dim[-1], "dim_value", number),
        "no shape": lambda: graph.input[0].type.tensor_type.ClearField("shape"),
        "outputs": lambda: graph.output.extend([graph.output[0]]),
        "no output": lambda: graph.output.pop(),
        "opset": lambda: setattr(model.opset_import[0], "version", number),
        "no opset": lambda: model.ClearField("opset_import"),
        "version": lambda: setattr(model, "ir_version", number),
        "function": lambda: setattr(rng.choice(model.functions or [node]), "name", "itself"),
    }
    name = rng.choice(list(ways))
    ways[name]()
    return name, model.SerializeToString()


def not_finite(tensor: Any, rng: random.Random) -> Any:
    """A tensor of the same shape, of numbers that are none."""
    values = np.full(tuple(tensor.dims), rng.choice([np.nan, np.inf, 3e38]), np.float32)
    return onnx.numpy_helper.from_array(values, tensor.name)


def outside(tensor: Any, rng: random.Random) -> None:
    """A tensor whose data are said to stand in another file."""
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    place = tensor.external_data.add()
    place.key, place.value = "location", rng.choice(["/etc/passwd", "../x", "m.keras", ""])


def onnx_bomb(raw: bytes, rng: random.Random) -> bytes:
    """A small file that stands for something large: constants without end, graphs in graphs, thousands of nodes."""
    model = onnx.load_from_string(raw)
    graph = model.graph
    way = rng.randrange(3)
    if way == 0:
        shape = onnx.numpy_helper.from_array(np.array([30_000, 30_000], np.int64), "large")
        graph.initializer.append(shape)
        node = onnx.helper.make_node("ConstantOfShape", ["large"], [graph.node[0].input[0] + "_"])
        graph.node.insert(0, node)
        graph.node[1].input[-1] = node.output[0]
    elif way == 1:
        nothing = inner = onnx.helper.make_graph([], "g", [], [])
        for _ in range(rng.choice([2, 10, 30])):
            node = onnx.helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=nothing)
            inner = onnx.helper.make_graph([node], "g", [], [])
        graph.node.insert(0, node)
    else:
        name = graph.node[-1].output[0]
        for number in range(20_000):
            graph.node.append(onnx.helper.make_node("Identity", [name], [f"i{number}"]))
            name = f"i{number}"
        graph.output[0].name = name
    return model.SerializeToString()


# --- data ------------------------------------------------------------------------------------------------------------


def data_cases(model: bytes, rng: random.Random, tokens: bool = False) -> Iterator[Case]:
    """Endless cases of damaged, overgrown or senseless data files."""
    x = np.random.default_rng(1).normal(size=(6, 5, 4))
    good = {"x": x, "lengths": np.array([5, 4, 3, 2, 1, 5]), "y": np.arange(6) % 3}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **good)
    raw = buffer.getvalue()
    while True:
        way = rng.randrange(6)
        name = "d.npz"
        if way == 0:
            content, kind = flipped(raw, rng), "flip"
        elif way == 1:
            content, kind = cut(raw, rng), "cut"
        elif way == 2:
            content, kind = npz_of(lied_arrays(good, rng)), "lie"
        elif way == 3:
            content, kind, name = lied_header(rng), "header", "d.npy"
        elif way == 4:
            content, kind = big_array(rng), "big"
        else:
            content, kind = flagged(raw, rng), "zip flags"
        arguments = ("export", "m.keras", "--data", name, "-o", "out")

        def make(folder: Path, name: str = name, content: bytes = content) -> None:
            (folder / "m.keras").write_bytes(model)
            (folder / name).write_bytes(content)

        yield Case(f"data: {kind}", arguments, make)


def npz_of(arrays: dict[str, Any]) -> bytes:
    """An ``.npz`` file, pickled objects included."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def lied_arrays(good: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Arrays of other shapes, types or numbers."""
    name = rng.choice(list(good))
    value = good[name]
    other: list[Any] = [
        value[None], value.T, value[:0], value[0], value.astype("S3"), value.astype(object), value * np.nan, value - 7,
        value.astype(complex), np.float64(3), np.array({}), value * 1e300, -value, value.astype(bool), value[..., None],
        np.array("x"), value.astype("M8[s]"), value * 1e6,
    ]  # fmt: skip
    changed = {**good, name: rng.choice(other)}
    if rng.random() < 0.2:
        del changed[rng.choice(list(good))]
    return changed


def lied_header(rng: random.Random) -> bytes:
    """An ``.npy`` file whose header does not fit its content, or is no header."""
    headers = [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (100000, 100000), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3, 4",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 4), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': " + "(" * 500 + "1" + ",)" * 500 + "}",
        "{'descr': [('a', '<f8')] , 'fortran_order': True, 'shape': (6, 5, 4), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (6, 5, 4), }",
        "{'descr': '<U" + "9" * 9 + "', 'fortran_order': False, 'shape': (1,), }",
    ]
    text = rng.choice(headers).encode() + b" " * rng.randrange(64) + b"\n"
    version = bytes([rng.choice([1, 1, 1, 2, 3, 9]), 0])
    size = struct.pack("<H" if version[0] == 1 else "<I", rng.choice([len(text), len(text), 65535]))
    return b"\x93NUMPY" + version + size + text + rng.randbytes(rng.choice([0, 100, 960]))


def big_array(rng: random.Random) -> bytes:
    """A few kilobytes that unpack to an array of hundreds of megabytes."""
    header = io.BytesIO()
    shape = rng.choice([(100, 10_000, 40), (10_000, 10_000, 4), (30_000_000, 4)])
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return archive({"x.npy": header.getvalue() + bytes(128 << 20)}, zipfile.ZIP_DEFLATED)


# --- bundles and results ---------------------------------------------------------------------------------------------


def bundle_cases(bundle: Path, rng: random.Random) -> Iterator[Case]:
    """Endless cases of a bundle that was damaged, or changed and sealed again; and of broken results in it."""
    files = {
        str(p.relative_to(bundle)): p.read_bytes()
        for p in sorted(bundle.rglob("*"))
        if p.is_file() and p.stat().st_size
    }
    names = [name for name in files if not name.startswith("results/")]
    commands = [
        ("run", "b", "-i", "x.npy", "-o", "y.npz"),
        ("run", "b", "-i", "x.npy", "-o", "y.npz", "--backend", "onnx"),
        ("report", "b"),
        ("export", "m.keras", "-o", "b"),
    ]
    while True:
        way = rng.randrange(5)
        change: dict[str, bytes | None] = {}
        name = rng.choice(names)
        sealed = False
        if way == 0:
            change[name], kind = rng.choice([flipped, cut])(files[name], rng), "damaged"
        elif way == 1:
            change[name], kind = None, "missing"
        elif way in (2, 3):
            name = rng.choice([n for n in names if n.endswith(".json")])
            content = json.loads(files[name])
            change[name] = json.dumps(lied(content, rng.choice(list(leaves(content))), rng)).encode()
            sealed, kind = name != "manifest.json", f"lie in {name}"
        else:
            name = rng.choice([n for n in files if n.startswith("results/") and n.endswith(".json")])
            content = json.loads(files[name])
            lie = json.dumps(lied(content, rng.choice(list(leaves(content))), rng)).encode()
            change[name], kind = rng.choice([lie, cut(files[name], rng)]), f"lie in {name}"

        def make(folder: Path, change: Any = change, sealed: bool = sealed) -> None:
            for file, content in files.items():
                content = change.get(file, content)
                if content is not None:
                    (folder / "b" / file).parent.mkdir(parents=True, exist_ok=True)
                    (folder / "b" / file).write_bytes(content)
            if sealed:
                reseal(folder / "b", lambda _: None)

        command = ("report", "b") if name.startswith("results/") else rng.choice(commands)
        yield Case(f"bundle: {kind}", command, make, "outputs" if command[0] == "run" else "")
