from __future__ import annotations

import pytest
from networks import random_network

from ffhw.hdl.plan.chain import fold
from ffhw.hdl.plan.performance import predict
from ffhw.report import figures
from ffhw.report.style import svg

ACCURACY = {
    "float": {"accuracy": 0.98, "mse": 0.1},
    "quantized": {"accuracy": 0.97, "mse": 0.2},
    "output_step": 0.125,
    "difference_histogram": {"edges": [-0.2, 0.0, 0.2], "counts": [5, 9]},
}
SYNTHESIS = {
    "title": "Board",
    "utilisation": {"luts": {"used": 50, "available": 200}, "block_rams": {"used": 30, "available": 30}},
}


def texts(figure):
    return [t.get_text() for axes in figure.axes for t in axes.texts]


def test_scores_show_shares_and_leave_errors_out():
    figure = figures.scores(ACCURACY)
    assert texts(figure) == ["98.00 %", "97.00 %"]
    assert figures.scores({"float": {"mse": 1.0}, "quantized": {"mse": 1.0}}) is None


def test_histogram_shows_the_counts():
    figure = figures.difference_histogram(ACCURACY)
    assert figure.axes[0].patches[0].get_data().values.tolist() == [5, 9]
    assert figures.difference_histogram({}) is None


def test_resources_show_used_and_available():
    assert texts(figures.resources([SYNTHESIS])) == ["50 of 200", "30 of 30"]
    assert figures.resources([]) is None


def test_roofline_shows_each_engine_on_or_above_its_line():
    network = random_network(1, inputs=4, units=(8, 6), outputs=3, tokens=5)
    performance = predict(network, fold(network, 2, 1)).to_dict()
    figure = figures.roofline(performance)
    lines = figure.axes[0].lines
    roofs = [line for line in lines if line.get_linestyle() == "--"]
    points = [line for line in lines if line.get_marker() == "o"]
    assert len(roofs) == len(points) == 3
    for roof, point in zip(roofs, points, strict=True):
        macs, cycles = point.get_xdata()[0], point.get_ydata()[0]
        work = roof.get_ydata()[0] * roof.get_xdata()[0]
        assert cycles * macs >= work * 0.999


def test_a_network_of_gates_has_no_roofline():
    network = random_network(1, inputs=4, units=(8,), outputs=3, bits=1)
    assert figures.roofline(predict(network, fold(network, 1, 1, "gates")).to_dict()) is None


def test_equal_figures_give_equal_drawings():
    one, two = (svg(figures.scores(ACCURACY)) for _ in range(2))
    assert one == two
    assert one.startswith("<svg")


@pytest.mark.parametrize("missing", ["accuracy"])
def test_figures_need_their_data(missing):
    with pytest.raises(KeyError):
        figures.scores({"quantized": {missing: 1.0}})
