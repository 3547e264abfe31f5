"""Recurrent layers of the paper's networks, and their twins: one function for each way to be connected.

FFNN and BiFFNN are chains of fully connected layers, ConvFFNN and BiConvFFNN of convolutional ones; "Bi" reads each
sequence both ways. Only what is recurrent differs between a network and its twin. States of flip-flops are centered, as
those of LSTM and GRU are by nature: the same networks, which learn far sooner, see docs/paper.md.
"""

from __future__ import annotations

from typing import Any

CELLS = ("jk", "lstm", "gru")


def recurrent(
    cell: str, units: int, longest_hold: float | None, both_ways: bool = False, every_step: bool = True, name: str = ""
) -> Any:
    """Fully connected layer: input ``[batch, time, D]``, output ``[batch, time, N]``, or 2 N read both ways.

    Parameters
    ----------
    cell: one of :data:`CELLS`. units: N.
    longest_hold: longest time for which a fresh unit holds its state, in steps; None for biases as Keras has them.
    every_step: whether each step is answered, else the last one: ``[batch, N]``.
    """
    import keras

    from ffhw.training.layers.chrono import ChronoBias
    from ffhw.training.layers.jk import JK

    options: dict[str, Any] = {"return_sequences": every_step}
    if name:
        options["name"] = name
    layer = {"jk": JK, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[cell]
    if cell == "jk":
        options |= {**_flip_flops(longest_hold), "implementation": "auto"}
    elif longest_hold is not None:
        options["bias_initializer"] = ChronoBias(cell, 2.0, longest_hold)
        if cell == "lstm":
            options["unit_forget_bias"] = False
    return _directed(layer(units, **options), both_ways, name)


def recurrent_cell(cell: str, units: int, longest_hold: float | None) -> Any:
    """One step of :func:`recurrent`, for a loop of one's own."""
    return recurrent(cell, units, longest_hold).cell


def convolutional(
    cell: str,
    filters: int,
    kernel: int,
    longest_hold: float | None,
    padding: str = "same",
    both_ways: bool = False,
    every_step: bool = True,
    name: str = "",
) -> Any:
    """Convolutional layer: input ``[batch, time, rows, columns, C]``, output ``[batch, time, rows', columns', F]``.

    Parameters: those of :func:`recurrent`; filters F, and the height and width of both convolutions. An LSTM begins as
    Keras has it.
    """
    import keras

    from ffhw.training.layers.conv_gru import ConvGRU2D
    from ffhw.training.layers.conv_jk import ConvJK2D

    options: dict[str, Any] = {"return_sequences": every_step, "padding": padding}
    if name:
        options["name"] = name
    layer = {"jk": ConvJK2D, "lstm": keras.layers.ConvLSTM2D, "gru": ConvGRU2D}[cell]
    if cell == "jk":
        options |= _flip_flops(longest_hold)
    return _directed(layer(filters, kernel, **options), both_ways, name)


def _flip_flops(longest: float | None) -> dict[str, Any]:
    """Options of flip-flops: biases of fresh ones, states around 0."""
    from ffhw.training.layers.hold_bias import HoldBias

    return {"bias_initializer": "zeros" if longest is None else HoldBias(1.0, longest), "centered": True}


def _directed(layer: Any, both_ways: bool, name: str) -> Any:
    import keras

    return keras.layers.Bidirectional(layer, name=f"{name}_both_ways" if name else None) if both_ways else layer
