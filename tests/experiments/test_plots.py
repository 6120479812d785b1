"""The book's plots: every curve of every result can be seen."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb

from experiments import claims, plots, record

RESULTS = [result for result in record.load(claims.ROOT) if record.first(result)]  # the others have no plot
AXES = {"x": "step", "y": "loss", "log": ""}
FLAT = {"x": [1.0, 2.0, 3.0], "mean": [1.0, 1.0, 1.0], "low": [0.5, 0.5, 0.5], "high": [2.0, 2.0, 2.0]}


def pixels(figure):
    """The picture on white, [height, width, 3] in [0, 1]."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3] / 255


def shares(result):
    """Of each curve: the pixels in its colour, drawn alone; and the share of them that the whole plot still shows."""
    with plots.styled():
        figure = plots.figure(result)
        for legend in figure.legends:
            legend.set_visible(False)
        together = pixels(figure)
        figure.set_layout_engine("none")  # which has placed all
        panel = figure.axes[0]
        artists = [each for each in (*panel.lines, *panel.collections) if each.get_gid()]
        found = []
        for i in range(len(result["series"])):
            own = [line for line in panel.lines if line.get_gid() == f"curve {i}"]
            for artist in artists:
                artist.set_visible(artist in own)
            colour = np.array(to_rgb(own[0].get_color()))
            inked = np.abs(pixels(figure) - colour).max(axis=2) < 0.25
            still = np.abs(together - colour).max(axis=2) < 0.25
            found.append((int(inked.sum()), float((inked & still).sum() / max(inked.sum(), 1))))
    return found


def result(*curves, measured=(), **axes):
    series = [{"name": f"curve {i}", **FLAT, **curve} for i, curve in enumerate(curves)]
    return {"series": series, "axes": AXES | axes, "parts": [{"measured": measured}]}


@pytest.mark.parametrize("kept", RESULTS, ids=record.stem)
def test_every_curve_of_a_result_can_be_seen(kept):
    for curve, (inked, share) in zip(kept["series"], shares(kept), strict=True):
        assert inked >= 30, f"{curve['name']} is drawn in {inked} pixels"
        assert share >= 0.2, f"{curve['name']} is covered by others, but for {share:.0%} of its {inked} pixels"


@pytest.mark.parametrize("kept", RESULTS, ids=record.stem)
def test_names_and_labels_lie_within_the_plot(kept):
    with plots.styled():
        figure = plots.figure(kept)
        figure.draw_without_rendering()
    (panel, *rows), (legend,) = figure.axes, figure.legends
    for part in (legend, panel.xaxis.label, panel.yaxis.label, *(row._left_title for row in rows)):
        box = part.get_window_extent()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, part
    label, beside = panel.yaxis.label.get_window_extent(), panel.get_window_extent()
    assert beside.y0 - 15 <= label.y0 and label.y1 <= beside.y1 + 15, "the label of the y axis is longer than the axis"


def test_equal_curves_are_seen_side_by_side():
    assert all(inked > 100 and share > 0.3 for inked, share in shares(result({}, {}, {})))


def test_a_lone_point_and_its_interval_are_seen():
    alone = {name: values[:1] for name, values in FLAT.items()}
    assert all(inked > 30 and share > 0.9 for inked, share in shares(result(alone, alone)))


def test_places_with_names_are_categories_that_no_line_joins():
    with plots.styled():
        figure = plots.figure(result({}, {"mean": [1.0, 2.0, 1.5]}, places=["words", "lines", "characters"]))
    (panel,) = figure.axes
    assert [label.get_text() for label in panel.get_xticklabels()] == ["words", "lines", "characters"]
    assert {line.get_linestyle() for line in panel.lines} == {"None"}
    at = [line.get_xdata() for line in panel.lines]
    assert np.all(at[0] < at[1]) and np.all(at[1] < at[0] + 1)


@pytest.mark.parametrize(("above", "below", "shade"), [(0.0, None, (0, 2.12)), (None, 1.5, (0.38, 1.5)), (None, None, None)])
def test_each_judged_interval_has_a_row_and_where_it_should_lie_is_shaded(above, below, shade):
    interval = {"name": "is so", "mean": 1.0, "low": 0.5, "high": 2.0, "above": above, "below": below}
    unknown = interval | {"low": None}
    with plots.styled():
        figure = plots.figure(result({}, measured=[interval, unknown]))
        pixels(figure)
    _, row = figure.axes
    assert row.get_title(loc="left") == "is so"
    dot, bar = (next(each for each in own if each.get_gid() == "judged 0") for own in (row.lines, row.collections))
    assert dot.get_xdata() == 1 and bar.get_segments()[0][:, 0].tolist() == [0.5, 2.0]
    spans = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in row.patches]
    assert spans == ([] if shade is None else [pytest.approx(shade, abs=0.06)])


def test_a_zero_has_a_place_on_a_logarithmic_axis():
    zeros = {"mean": [0.0, 0.0, 0.0], "low": [0.0, 0.0, 0.0], "high": [0.0, 0.0, 0.0]}
    assert all(inked > 100 and share > 0.9 for inked, share in shares(result(zeros, {}, log="y")))


def test_a_band_below_zero_reaches_the_lower_end_of_a_logarithmic_axis():
    with plots.styled():
        figure = plots.figure(result({"low": [-1.0, -1.0, -1.0]}, log="y"))
        figure.draw_without_rendering()
    (panel,) = figure.axes
    (band,) = panel.collections
    bottom, top = panel.get_ylim()
    assert 0 < bottom == pytest.approx(band.get_paths()[0].vertices[:, 1].min()) and top > 2


def test_sixteen_curves_differ_in_colour_or_dashes():
    with plots.styled():
        (panel,) = plots.figure(result(*({"mean": [float(i)] * 3} for i in range(16)))).axes
    looks = {(line.get_color(), str(line._unscaled_dash_pattern)) for line in panel.lines}
    assert len(looks) == 16


def test_the_same_result_gives_the_same_document():
    assert plots.svg(RESULTS[0]) == plots.svg(RESULTS[0])
