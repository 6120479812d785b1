"""The range test: steps that are those of training, a suggestion from curves with known answers, the page and the command."""

import json
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks import cli
from jaxtricks.report.lr import RatePage
from jaxtricks.search.losses import rate_losses
from jaxtricks.search.lr_range import RateRange, RateSweep
from jaxtricks.search.suggestion import HALF, RangeCurve, suggestion

# All that a step may depend on: masks, statistics of batches, clips, a decay that only the schedule would change.
BASE = jt.Experiment(
    model=jt.MLP(widths=(8,), dropout=0.2, normalization="batch"),
    optimizer=jt.Optimizer(
        rule=jt.AdamW(learning_rate=0.02, epsilon=1e-5, weight_decay=jt.optim.Independent(rate=0.01)), clip_norm=1.0
    ),
    batch_size=32,
    epochs=3,
)
RATES = np.geomspace(1e-4, 10, 200)
losses_at = partial(rate_losses, layout=jt.Layout(runs=1))


def curves(noise: float = 0.0, restarts: int = 8, explode: float = 1.0) -> np.ndarray:
    """Losses that fall from 2 to 1 around a rate of 0.01, and rise again around `explode`."""
    mean = 2 - 1 / (1 + (0.01 / RATES) ** 2) + (RATES / explode) ** 2
    return mean + np.random.default_rng(0).normal(0, noise, (restarts, len(RATES)))


def range_test(losses: np.ndarray, sweep: RateSweep | None = None) -> RateRange:
    return RateRange("mine", "sgd", 400, RATES, losses, tuple(range(len(losses))), sweep)


class TestSteps:
    """Against `fit`, in float64, where a bug does not hide in rounding."""

    def test_at_one_rate_they_are_those_of_training(self, digits, float64):
        with float64():
            found = losses_at(BASE, digits, np.full(15, 0.02), jt.Seeds(3))
            trained = jt.fit(BASE, digits, seeds=3, layout=jt.Layout(runs=1), progress=False).curves["train_loss"]
        np.testing.assert_allclose(found.reshape(3, 3, 5).mean(axis=2), trained, rtol=1e-10)

    def test_schedule_and_early_stopping_are_left_out(self, digits):
        other = BASE.replace({"optimizer.schedule": "warmup_cosine", "stopping": jt.EarlyStopping(patience=1)})
        rates = np.geomspace(1e-3, 0.1, 12)
        np.testing.assert_array_equal(*(losses_at(each, digits, rates, jt.Seeds(2)) for each in (BASE, other)))

    def test_alone_is_as_among_many(self, digits, float64):
        rates = np.geomspace(1e-3, 0.1, 12)
        with float64():
            many = rate_losses(BASE, digits, rates, jt.Seeds(32), jt.Layout())
            alone = losses_at(BASE, digits, rates, jt.Seeds((2,)))
        np.testing.assert_allclose(many[2], alone[0], rtol=1e-10)

    def test_each_step_has_the_rate_of_its_place(self, digits):
        """A later rate changes no earlier loss, and the next one's loss is the first to change."""
        rates = np.geomspace(1e-3, 0.1, 12)
        raised = np.where(np.arange(12) == 7, 1.0, rates)
        same = np.isclose(*(losses_at(BASE, digits, each, jt.Seeds(1))[0] for each in (rates, raised)), rtol=1e-6)
        assert same[:8].all() and not same[8:].any()

    def test_batches_that_take_turns_share_a_point(self):
        x = np.random.default_rng(0).normal(size=(40, 6, 2))
        data = jt.Dataset.from_arrays(x, np.arange(40) % 2, lengths=np.arange(40) % 5 + 2, name="sequences")
        base = jt.Experiment(model=jt.RNN(widths=(4,)), order=jt.experiment.ByLength(buckets=2), batch_size=4, epochs=2)
        found = losses_at(base, data, np.full(8, base.optimizer.rule.learning_rate), jt.Seeds(2))
        trained = jt.fit(base, data, seeds=2, layout=jt.Layout(runs=1), progress=False).curves["train_loss"]
        np.testing.assert_allclose(found.reshape(2, 2, 4).mean(axis=2), trained, rtol=1e-5)

    def test_a_restart_that_explodes_has_no_further_loss(self):
        x = np.random.default_rng(0).normal(size=(60, 5))
        values = jt.Dataset.from_arrays(x, x.sum(axis=1), name="values")
        base = jt.Experiment(model=jt.MLP(widths=()), optimizer=jt.Optimizer(rule=jt.SGD()), batch_size=16)
        found = losses_at(base, values, np.geomspace(1, 1e30, 20), jt.Seeds(2))
        gone = np.isnan(found)
        assert (gone.any(axis=1) & ~gone[:, 0]).all() and np.array_equal(gone, np.maximum.accumulate(gone, axis=1))

    def test_other_rates_need_no_other_program(self, blobs, compiled):
        base = jt.Experiment(model=jt.MLP(widths=(8,)), batch_size=16)
        losses_at(base, blobs, np.geomspace(1e-5, 1, 10), jt.Seeds(2))
        compiled.clear()
        losses_at(base.replace({"optimizer.rule.learning_rate": 0.5}), blobs, np.geomspace(1e-3, 1, 10), jt.Seeds(2))
        assert not compiled

    def test_data_that_stay_on_the_host_are_refused(self, digits):
        with pytest.raises(
            jt.ConfigError, match="stays on the host, and a test of learning rates takes data that a device holds"
        ):
            rate_losses(BASE, digits, np.full(10, 0.1), jt.Seeds(1), jt.Layout(stream=True))

    def test_nothing_of_a_run_changes(self, digits):
        fit = partial(jt.fit, BASE, digits, seeds=2, layout=jt.Layout(runs=1), progress=False)
        before = fit()
        losses_at(BASE, digits, np.full(10, 0.1), jt.Seeds(2))
        jax.tree.map(np.testing.assert_array_equal, before.states, fit().states)


class TestSuggestion:
    def test_it_lies_where_nine_tenths_of_the_fall_are_made(self):
        curve = RangeCurve.of(RATES, curves())
        reached = float(curve.reached(curve.mean[None])[0])
        assert reached == pytest.approx(0.03, rel=0.1)  # 1/(1 + (0.01/r)²) = 0.9
        assert suggestion(curve, 400).rate == pytest.approx(reached * 199 / np.log2(1e5) / 20)

    def test_it_moves_with_the_rates(self):
        """Ten times the rate at which all happens is ten times the suggestion."""
        one, ten = (suggestion(RangeCurve.of(RATES * factor, curves(0.1)), 400) for factor in (1, 10))
        assert (ten.rate, ten.low, ten.high) == pytest.approx((10 * one.rate, 10 * one.low, 10 * one.high))

    @pytest.mark.parametrize("change", [lambda x: 7 * x, lambda x: x - 100])
    def test_the_scale_and_the_zero_of_the_loss_play_no_part(self, change):
        one, other = (suggestion(RangeCurve.of(RATES, losses), 400) for losses in (curves(0.1), change(curves(0.1))))
        assert other.rate == pytest.approx(one.rate) and other.error == pytest.approx(one.error)

    def test_a_slower_rise_suggests_the_same(self):
        """On a quadratic, where gradient descent needs a sum of rates to get down, whatever way they take."""

        def descended(steps: int) -> RangeCurve:
            rates = np.geomspace(1e-5, 1, steps)
            left = np.cumprod(np.append(1, np.abs(1 - 1.2 * rates)))[:-1]  # it explodes at no rate below 1/0.6
            return RangeCurve.of(rates, 1 + np.broadcast_to(left**2, (2, steps)))

        found = [suggestion(descended(steps), 400).rate for steps in (800, 1_600, 3_200)]
        assert max(found) / min(found) < 1.15

    def test_one_restart_that_explodes_early_changes_little(self):
        losses = curves(0.05, restarts=16)
        lost = losses.copy()
        lost[0, 60:] = np.nan
        one, other = (suggestion(RangeCurve.of(RATES, each), 400).rate for each in (losses, lost))
        assert abs(np.log2(other / one)) < 0.5

    def test_the_error_is_that_of_repeated_tests(self):
        draw, tests = np.random.default_rng(0), []
        mean = curves()[0]
        for _ in range(60):
            shift = np.exp2(draw.normal(0, 0.5, (8, 1)))  # restarts whose curves lie apart by half an octave
            losses = np.interp(np.log(RATES * shift), np.log(RATES), mean) + draw.normal(0, 0.02, (8, len(RATES)))
            tests.append(suggestion(RangeCurve.of(RATES, losses), 400))
        apart = np.log2([test.rate for test in tests]).std(ddof=1)
        assert np.mean([test.error for test in tests]) == pytest.approx(apart, rel=0.35)

    def test_the_interval_has_both_sources(self):
        sure, unsure = (suggestion(RangeCurve.of(RATES, curves(noise, restarts=4)), 400) for noise in (0.01, 0.8))
        assert HALF < sure.octaves < unsure.octaves
        assert sure.rate == pytest.approx(np.sqrt(sure.low * sure.high))
        alone = suggestion(RangeCurve.of(RATES, curves(0.01, restarts=1)), 400)
        assert np.isnan(alone.error) and alone.octaves == pytest.approx(HALF)

    def test_longer_trainings_get_smaller_rates(self):
        curve = RangeCurve.of(RATES, curves())
        assert suggestion(curve, 1_600).rate == pytest.approx(suggestion(curve, 400).rate / 2)

    @pytest.mark.parametrize(
        ("losses", "says"),
        [
            (
                np.full((4, 200), 2.0) + np.random.default_rng(0).normal(0, 0.1, (4, 200)),
                "the loss falls at no rate from 0.0001 to",
            ),
            (2 + np.broadcast_to(RATES, (4, 200)), "the loss falls at no rate"),
            (
                2 - np.broadcast_to(RATES / 10, (4, 200)),
                "the loss still falls at the highest rate, 10; a higher one has to be tried",
            ),
            (np.broadcast_to(np.exp(-np.arange(200) / 2.0), (4, 200)), "the loss falls at once, at the lowest rate, 0.0001"),
        ],
    )
    def test_curves_that_say_nothing_suggest_nothing(self, losses, says):
        found = range_test(losses)
        assert found.suggestion is None and found.trouble is not None and found.trouble.startswith(says)
        assert str(found).startswith(f"no learning rate is suggested: {says}") and found.to_dict()["suggestion"] is None
        assert "<svg" in RatePage(found).html()


def test_what_explodes_is_told():
    assert range_test(curves()).exploded == pytest.approx(1.0, rel=0.2)
    assert range_test(curves(explode=1e9)).exploded is None


def swept() -> RateSweep:
    rates = np.geomspace(1e-4, 10, 64)
    values = 1 + np.log10(rates / 0.02) ** 2 + np.zeros((2, 1))
    values[0, 50:] = np.nan
    return RateSweep(rates, values, jt.metrics.METRICS["nll"].declared)


def test_a_sweep_is_best_where_its_mean_is_and_no_restart_diverged():
    sweep = swept()
    assert sweep.best == pytest.approx(0.02, rel=0.1) and np.isnan(sweep.mean[50:]).all()
    accuracy = jt.metrics.METRICS["accuracy"].declared
    assert RateSweep(sweep.rates, -sweep.values, accuracy).best == sweep.best
    assert np.isnan(RateSweep(sweep.rates, np.full((2, 64), np.nan), accuracy).best)


def test_the_page_and_the_files_hold_what_was_found(tmp_path):
    losses = curves(0.05)
    losses[0, 150:] = np.nan
    found = range_test(losses, swept())
    folder = RatePage(found).save(tmp_path / "lr")
    page = (folder / "report.html").read_text()
    assert page.count("<svg") == 2 and "suggested learning rate for 400 steps of sgd" in page and "inside the interval" in page
    read = json.loads((folder / "lr.json").read_text())
    assert read["suggestion"]["rate"] == found.suggestion.rate and read["losses"][0][150] is None
    assert read["sweep"]["best"] == found.sweep.best and len(read["alone"]) == 8
    assert len((folder / "lr.csv").read_text().splitlines()) == 1 + 8 * 200
    assert len((folder / "sweep.csv").read_text().splitlines()) == 1 + 2 * 64
    with pytest.raises(jt.report.FolderError):
        RatePage(found).save(folder)
    assert "srcdoc" in found._repr_html_()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"low": 0.1, "high": 0.1}, "low = 0.1 is not less than high = 0.1; the rate rises from low to high."),
        ({"low": 0.0}, "low = 0.0 is not a learning rate, a number > 0."),
        ({"high": float("nan")}, "high = nan is not a learning rate, a number > 0."),
        ({"high": "1"}, "high = '1' is not a learning rate"),
        ({"steps": 9}, "steps = 9 is not a number of steps that shows a curve, an integer >= 10."),
        ({"steps": 20.0}, "steps = 20.0 is not"),
        ({"seeds": 0}, "seeds = 0"),
        ({"sweep": 0}, "seeds = 0"),
    ],
)
def test_bad_input_is_one_sentence_before_anything_compiles(digits, compiled, given, says):
    with pytest.raises(jt.ConfigError) as error:
        jt.lr_range(BASE, digits, **given)
    assert says in str(error.value) and not compiled


def test_a_line_search_has_no_learning_rate(digits, compiled):
    with pytest.raises(
        jt.ConfigError, match=r"Optimizer\.rule = 'lbfgs' finds the length of each step by a line search, .*'sgd'"
    ):
        jt.lr_range(jt.Experiment(optimizer=jt.Optimizer("lbfgs"), batch_size=160), digits)
    assert not compiled


def test_a_loss_that_never_was_finite_is_refused(digits):
    def lost(scores, labels):
        return jnp.full(len(labels), jnp.nan)

    with pytest.raises(jt.ConfigError, match="the loss of no restart is finite before its first step on digits"):
        jt.lr_range(jt.Experiment(model=jt.MLP(widths=(4,)), objective=jt.Objective(loss=lost)), digits, steps=10, seeds=2)


def test_the_command_trains_and_writes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("jaxtricks.cli.flags.set_up", lambda members: None)
    words = "lr --data digits --model.widths 8 --optimizer.rule sgd --epochs 1 --steps 40 --seeds 4 --sweep 1"
    cli.main([*words.split(), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert 1e-3 < told["suggestion"]["low"] < told["suggestion"]["high"] < 10 and len(told["sweep"]["rates"]) == 64
    assert (tmp_path / "runs/digits-lr-1/report.html").exists() and told["folder"].endswith("digits-lr-1")
