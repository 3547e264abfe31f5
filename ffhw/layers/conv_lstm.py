"""Maps of LSTM units, Keras' ConvLSTM2D. Gate order everywhere, as in Keras: i, f, g, o.

i, f, o = sigmoid(W * x_t + b + U * h_{t-1})    g = tanh(W * x_t + b + U * h_{t-1})
c_t = f c_{t-1} + i g                           h_t = o tanh(c_t)           with * the convolution
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from ffhw.layers.description import UNUSED, KerasClass, only
from ffhw.layers.lstm import FloatLSTM, LSTMLayer
from ffhw.layers.over_maps import MAP_OPTIONS, FloatOverMaps, OverMaps, read_maps


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ConvLSTMLayer(OverMaps, LSTMLayer):
    """LSTM units over maps, in integers."""

    kind: ClassVar[str] = "conv_lstm"


@dataclasses.dataclass(frozen=True, kw_only=True)
class FloatConvLSTM(FloatOverMaps, FloatLSTM):
    """Trained LSTM units over maps."""

    kind: ClassVar[str] = "conv_lstm"
    quantized = ConvLSTMLayer


KERAS = (
    KerasClass(
        "ConvLSTM2D",
        {
            **MAP_OPTIONS,
            "activation": only("tanh"),
            "recurrent_activation": only("sigmoid"),
            "unit_forget_bias": UNUSED,  # how the bias begins
        },
        lambda described: read_maps(described, FloatConvLSTM),
        takes_maps=True,
    ),
)
