"""The page of an exploration: everything that is in the record, and nothing of what a file name may hold."""

from __future__ import annotations

import copy

import pytest

from ffhw.report.explore_figures import fronts, widths_text
from ffhw.report.explore_page import page
from ffhw.report.style import styled


def design(bits, score, luts, speed, front, judged_by="accuracy"):
    figures = {"luts": luts, "multipliers": 2, "block_rams": 3, "fmax_mhz": 40.0, "cycles_per_step": 100}
    widths = dict.fromkeys(("bits", "weight_bits", "state_bits", "input_bits", "cell_bits"), bits)
    return {
        "widths": widths, "score": {judged_by: score}, "lanes": [2, 1], "simd": [1, 1], "reason": None,
        "figures": {**figures, "steps_per_second": speed}, "export": f"ffhw export <m>.keras --bits {bits}",
        "on_logic_front": front, "on_speed_front": front,
    }  # fmt: skip


def record(judged_by="accuracy", scores=(0.5, 0.97, 1.0)):
    designs = [design(n + 2, score, 500 * (n + 1), 1e5 / (n + 1), True, judged_by) for n, score in enumerate(scores)]
    cannot = {**design(9, 1.0, 1, 1, False, judged_by), "figures": None, "reason": "no <route>"}
    return {
        "model": {"file": "<m>.keras", "sha256": "0" * 64}, "board": "icebreaker", "built": False, "labels": "data",
        "judged_by": judged_by, "float": {judged_by: scores[-1]}, "designs": [*designs, cannot],
        "impossible": [{"widths": designs[0]["widths"], "reason": "refused"}],
    }  # fmt: skip


def test_it_shows_all_that_was_found():
    text = page(record())
    for part in ("50.00%", "97.00%", "100.00%", "refused", "no &lt;route&gt;", "estimates", "w2/h2", "500", "33,333"):
        assert part in text, part
    assert text.count("ffhw export &lt;m&gt;.keras --bits 3") == 2
    assert "<m>" not in text
    assert page(record()) == text


def test_weights_of_few_codes_have_their_names():
    found = record()
    for each, weights in zip(found["designs"], ("ternary", "binary", 2), strict=False):
        each["widths"]["weight_bits"] = weights
    text = page(found)
    assert "wternary/h2" in text
    with styled():
        legend = [line.get_label() for line in fronts(found).axes[0].get_lines()]
    assert legend[:3] == ["binary weights", "ternary weights", "weights of 2 bits"]


def test_built_figures_are_told_from_estimates():
    assert "those of the tools, of the core alone" in page({**record(), "built": True})


def test_nothing_that_fits():
    empty = record()
    empty["designs"] = empty["designs"][-1:]
    text = page({**empty, "judged_by": None, "float": None, "labels": None})
    assert "Nothing that fits." in text
    assert "no &lt;route&gt;" in text


@pytest.mark.parametrize(("judged_by", "scores"), [("accuracy", (0.5, 0.97, 1.0)), ("mse", (0.5, 0.01, 0.0))])
def test_better_is_higher_and_perfect_is_shown(judged_by, scores):
    with styled():
        drawing = fronts(record(judged_by, scores))
    for ax in drawing.axes:
        bottom, top = ax.get_ylim()
        assert bottom > top > 0
        texts = [text.get_text() for text in ax.texts]
        assert {"w3/h3", "w4/h4"} <= set(texts)
    labels = drawing.axes[0].get_ylabel()
    assert labels == ("accuracy in %" if judged_by == "accuracy" else "mean square error (less is better)")


def test_without_labels_it_says_so():
    assert "Agreement with floats" in page({**copy.deepcopy(record()), "labels": "float"})


def test_widths_in_few_characters():
    widths = dict.fromkeys(("bits", "weight_bits", "state_bits", "input_bits", "cell_bits"), 8)
    assert widths_text(widths) == "w8/h8"
    assert widths_text({**widths, "weight_bits": 2}) == "w2/h8"
    assert widths_text({**widths, "input_bits": 6}) == "w8/h8/x6/y8"
    assert widths_text({**widths, "state_bits": 4}) == "w8/h4/x8"
