"""The recurrent layer of a task's model, by the name of its cell: one function a cell, registered below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ffhw.errors import InputError

if TYPE_CHECKING:
    from ffhw.training.networks.options import RecurrentOptions
    from ffhw.training.tasks.sequence import SequenceTask


def recurrent_layer(task: SequenceTask, options: RecurrentOptions, units: int, seed: int) -> Any:
    """Fresh recurrent layer.

    Parameters
    ----------
    seed: of the sparse connections.
    """
    common: dict[str, Any] = {
        "return_sequences": not task.softmax,
        "name": options.cell,
        "recurrent_constraint": _constraint(options, _limit(task, options, of_states=True), seed),
    }
    return LAYERS[options.cell](task, options, units, common)


def _flip_flop(task: SequenceTask, options: RecurrentOptions, units: int, common: dict[str, Any]) -> Any:
    from ffhw.training.layers.hold_bias import HoldBias
    from ffhw.training.layers.jk import JK
    from ffhw.training.layers.neurons import FlipFlopRNN
    from ffhw.training.layers.sr import SR
    from ffhw.training.layers.toggle import Toggle

    layers: dict[str, type[FlipFlopRNN]] = {"jk": JK, "sr": SR, "toggle": Toggle}
    layer = layers[options.cell]
    hold = HoldBias(1.0, task.longest_hold, layer.cell_class.gates)
    bias = hold if options.hold_bias else "zeros"
    return layer(
        units,
        bias_initializer=bias,
        kernel_constraint=_limit(task, options),
        hold_penalty=options.hold_penalty,
        recurrent_gates=options.recurrent_gates,
        centered=options.has_centered(task),
        closing=options.closing,
        implementation="auto",
        **common,
    )


def _gated(task: SequenceTask, options: RecurrentOptions, units: int, common: dict[str, Any]) -> Any:
    import keras

    from ffhw.training.layers.chrono import ChronoBias

    if options.hold_bias:
        common["bias_initializer"] = ChronoBias(options.cell, 2.0, task.longest_hold)
        if options.cell == "lstm":
            common["unit_forget_bias"] = False
    return {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[options.cell](units, **common)


def _rnn(task: SequenceTask, options: RecurrentOptions, units: int, common: dict[str, Any]) -> Any:
    import keras

    return keras.layers.SimpleRNN(units, **common)


def _ctrnn(task: SequenceTask, options: RecurrentOptions, units: int, common: dict[str, Any]) -> Any:
    from ffhw.training.layers.ctrnn import CTRNN

    tau = 10 * task.dt_ms if options.tau_ms is None else options.tau_ms
    if tau < task.dt_ms:
        raise InputError(f"--tau-ms must be at least the task's time step, {task.dt_ms:g} ms, not {tau:g}")
    return CTRNN(units, tau_ms=tau, dt_ms=task.dt_ms, **common)


LAYERS = {
    "jk": _flip_flop,
    "sr": _flip_flop,
    "toggle": _flip_flop,
    "lstm": _gated,
    "gru": _gated,
    "rnn": _rnn,
    "ctrnn": _ctrnn,
}


def _limit(task: SequenceTask, options: RecurrentOptions, of_states: bool = False) -> Any:
    """The constraint that keeps the weights of flip-flop neurons small, where the task wants it.

    Gates that see the inputs only need large weights to tell a pulse from noise, and have no loop that these upset.

    Parameters
    ----------
    of_states: of the recurrent weights, not of those of the inputs.
    """
    from ffhw.training.layers.constraints import WeightLimit

    if task.weight_limit is None or LAYERS[options.cell] is not _flip_flop or not options.recurrent_gates:
        return None
    # hardware has W (2 h - 1) + b as 2 W h + (b - W 1)
    times = 2 if of_states and options.has_centered(task) else 1
    return WeightLimit(task.weight_limit / times)


def _constraint(options: RecurrentOptions, limit: Any, seed: int) -> Any:
    """What the recurrent weights must obey: None, one constraint or a chain of them."""
    from ffhw.training.layers.constraints import Chain, DaleLaw, NoSelfConnection, Sparse

    wanted = [limit] if limit is not None else []
    if options.dale is not None:
        wanted.append(DaleLaw(options.dale))
    if options.density < 1:
        wanted.append(Sparse(options.density, seed))
    if not options.self_connection:
        wanted.append(NoSelfConnection())
    return Chain(wanted) if len(wanted) > 1 else wanted[0] if wanted else None
