"""The calibration's machinery: its learners against scikit-learn, its rules, and all parts at smoke size."""

import json

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from experiments.calibration import pages
from experiments.calibration.__main__ import PARTS, SMOKE, main
from experiments.calibration.learners import FEATURES, members, pool, right
from experiments.calibration.noises import UNEVEN, collapsing, normal
from experiments.calibration.rules import RULES, Members
from experiments.calibration.samples import PAIRS, coverage
from experiments.calibration.simulation import RATIO, cells, pools


class Bar:
    def __init__(self):
        self.count = 0

    def update(self, count):
        self.count += count


def test_the_discriminant_in_closed_form_is_scikit_learns():
    rng = np.random.default_rng(0)
    x, y = pool(rng, 200, (0.5, 0.5))
    places = np.stack([rng.permutation(200)[:40] for _ in range(3)])
    x = x[:, :FEATURES]
    for row, held in zip(right(x, y, places), places, strict=True):
        train = np.setdiff1d(np.arange(200), held)
        theirs = LinearDiscriminantAnalysis().fit(x[train], y[train]).predict(x[held]) == y[held]
        assert np.mean(row == theirs) > 0.97  # there is a little ridge in ours
        assert 0.5 < row.mean() < 1


def test_both_learners_are_equal_and_restarts_that_collapse_leave_the_means_equal():
    means = [members(np.random.default_rng(seed), 300, 4).g.mean() for seed in range(300)]
    assert abs(np.mean(means)) < 4 * np.std(means) / 300**0.5
    for noise in (collapsing(10), *UNEVEN):
        added = noise.draw(np.random.default_rng(0), 200_000, 0.02)
        assert added.mean() == pytest.approx(noise.truth(0.02), abs=6 * added.std() / 200_000**0.5)


def test_with_one_pool_and_no_noise_the_rules_say_what_the_statistics_say():
    drawn = members(np.random.default_rng(3), 300, 8)
    given = Members(drawn.g, drawn.places, RATIO, np.zeros(8))
    said = {name: rule(given) for name, rule in RULES.items()}
    assert said["resampled t"].error < said["verdict"].error < said["splits × 2, ANOVA"].error
    assert said["verdict"].interval == said["verdict"].found.interval()


def test_the_verdict_keeps_its_level_where_the_resampled_t_does_not():
    """A few hundred comparisons of learners that are equal: 5% and not 40%."""
    bar, drawn = Bar(), list(pools(300, 16, 200))
    (row,) = cells(drawn, 300, (16,), (normal(0),), bar)
    assert bar.count == 200
    assert row["rules"]["verdict"]["false"] < 0.09 and row["rules"]["resampled t"]["false"] > 0.2
    assert 0.95 < row["rules"]["verdict"]["width"] < 1.3 and row["rules"]["resampled t"]["width"] < 0.7


def test_parts_run_at_smoke_size_and_the_page_tells_of_each(tmp_path):
    parts = ["simulation", "power", "halves", "linear"]
    assert main([*parts, "--smoke", "--folder", str(tmp_path)]) == 0
    results = {path.stem: json.loads(path.read_text("utf-8")) for path in (tmp_path / "results").glob("*.json")}
    assert set(results) == set(parts) and set(parts) < set(PARTS)
    page = (tmp_path / "CALIBRATION.md").read_text("utf-8")
    assert page == pages.page(results)
    for title in ("equal by symmetry", "collapse", "Power", "Five times two halves", "Real images"):
        assert title in page
    for row in results["linear"]["rows"]:
        assert len(row["means"]) == SMOKE.samples and set(row["held"].values()) <= set(range(SMOKE.samples + 1))


def test_the_ten_pairs_differ_from_their_baselines():
    changed = [pairs.base.diff(pairs.base.replace(dict(change))) for pairs in PAIRS.values() for change in pairs.changes.values()]
    assert len(changed) == 10 and all(changed)


def test_coverage_counts_the_intervals_that_hold_the_mean_of_the_others():
    """Samples of one distribution, with what a sample has in common: the verdict's rule holds it, the resampled t does not."""
    rng = np.random.default_rng(0)
    places = np.stack([[rng.permutation(200)[:40] for _ in range(12)] for _ in range(300)])
    g = np.stack([rng.normal(size=200)[each] for each in places])
    found = coverage(g, places, 200)
    assert 0.92 < found["held"]["verdict"] / 300 < 0.99 and found["held"]["resampled t"] / 300 < 0.8
    assert found["spread"] == pytest.approx(found["error"], rel=0.2)


def test_an_unknown_part_is_refused():
    with pytest.raises(SystemExit):
        main(["everything"])
