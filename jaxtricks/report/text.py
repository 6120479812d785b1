"""Numbers and settings in words, the same on the terminal and on the page."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxtricks.evaluate.ensemble import EnsembleReport
from jaxtricks.evaluate.finding import Decision
from jaxtricks.evaluate.verdict import Verdict
from jaxtricks.objectives.metric import POINTS, Declaration
from jaxtricks.objectives.metrics import METRICS, find
from jaxtricks.statistics import Interval

MEANINGS = {
    Decision.HELPS: "the 95% interval of the difference excludes zero on the better side, and the corrected p is below 0.05",
    Decision.HURTS: "the same on the worse side",
    Decision.NO_DIFFERENCE: "the interval lies inside the margin: whatever difference there is, it is too small to care about",
    Decision.TOO_FEW_SEEDS: "with so few pairs no p could have come out below 0.05, whatever the differences",
    Decision.INCONCLUSIVE: "none of these: the pairs do not tell",
}
NAMES = {
    "accuracy": "accuracy",
    "nll": "negative log-likelihood",
    "ece": "calibration error",
    "perplexity": "perplexity",
    "bits": "bits a token",
    "squared": "squared loss",
    "rmse": "root of the mean squared error",
    "mse": "mean squared error",
    "mae": "mean absolute error",
    "r2": "R²",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "brier": "Brier score",
    "roc_auc": "area under the ROC curve",
    "train_loss": "training loss",
    "grad_norm": "gradient norm",
    "largest_grad_norm": "largest gradient norm",
}
MOST_PLACES = 6
UNBOUNDED = ("nll", "perplexity", "rmse", "mse", "mae", "squared", "train_loss", "grad_norm", "largest_grad_norm")
DECADES = 50  # one of these that spans more than this factor is drawn on a logarithmic axis


@dataclass(frozen=True)
class Units:
    """How the values of one metric are written.

    Args:
        declared: the metric.
        places: decimals.
    """

    declared: Declaration
    places: int

    @property
    def metric(self) -> str:
        """Its name, as in `Runs.metrics`."""
        return self.declared.name

    @property
    def scale(self) -> float:
        """The factor of values: 100 for shares, which are shown in per cent and points, else 1."""
        return self.declared.scale

    @property
    def sign(self) -> str:
        """The sign after a value: "%" for shares, else nothing."""
        return self.declared.sign

    @property
    def unit(self) -> str:
        """The unit of differences, such as "points"."""
        return self.declared.unit

    @property
    def axis(self) -> str:
        """The metric's name and unit, for headers and axes."""
        shown = self.sign or ("" if self.unit == self.metric else self.unit)
        return f"{named(self.metric)}, {shown}" if shown else named(self.metric)

    @property
    def higher_is_better(self) -> bool:
        """The metric's direction."""
        return self.declared.higher_is_better

    def value(self, x: float) -> str:
        """A value, such as `97.31` or `34,425`."""
        return f"{self.scale * x:,.{self.places}f}"

    def difference(self, x: float) -> str:
        """A difference with its sign, such as `+0.53`."""
        return f"{self.scale * x:+z,.{self.places}f}"

    def interval(self, ends: Interval) -> str:
        """An interval, such as `[0.31, 0.75]`; a dash where one value gave none."""
        low, high = (f"{self.scale * end:z,.{self.places}f}" for end in ends)
        return "–" if math.isnan(ends.low) else f"[{low}, {high}]"


def units(metric: Declaration, widths: Iterable[float] = ()) -> Units:
    """How to write a metric: shares in per cent, with enough decimals for two digits of the median interval's half-width.

    Large numbers, such as errors in euros, have no more decimals than that; others have two at least, and four if they are no
    shares.

    Args:
        metric: its direction and unit.
        widths: the intervals' widths, in the metric's units; zeros and nan are ignored.

    >>> units(METRICS["accuracy"].declared).value(0.97314)
    '97.31'
    """
    fewest = Units(metric, 2 if metric.unit == POINTS else 4)
    known = sorted(fewest.scale * w / 2 for w in widths if w > 0 and math.isfinite(w))
    if not known:
        return fewest
    wanted = 1 - math.floor(math.log10(known[len(known) // 2]))
    return Units(metric, min(max(0 if wanted < 0 and not fewest.sign else fewest.places, wanted), MOST_PLACES))


def declaration(name: str, own: Mapping[str, Declaration]) -> Declaration:
    """The direction and unit of a metric or a curve; of an unknown one lower is better, since curves of training are losses.

    Args:
        name: of the metric or curve.
        own: the metrics that a run measured.

    >>> declaration("train_loss", {}).higher_is_better
    False
    """
    if name in own:
        return own[name]
    return METRICS[name].declared if name in METRICS else Declaration(name, False, name, False)


def units_of(verdicts: Iterable[Verdict]) -> Units:
    """How to write the numbers of verdicts on one metric."""
    verdicts = tuple(verdicts)
    first = verdicts[0]
    declared = Declaration(first.metric, first.higher_is_better, first.unit, may_overflow=False)
    return units(declared, [v.interval.high - v.interval.low for v in verdicts])


def named(metric: str) -> str:
    """A metric's or curve's name in words.

    >>> named("nll"), named("my_own")
    ('negative log-likelihood', 'my own')
    """
    return NAMES.get(metric, metric.replace("_", " "))


def decades(metric: str, values: Float[np.ndarray, "..."]) -> bool:
    """Whether values of a metric or curve, all finite, need a logarithmic axis."""
    return metric in UNBOUNDED and bool(values.size and values.min() > 0 and values.max() > DECADES * values.min())


def averaged(metric: str, report: EnsembleReport) -> str:
    """What an ensemble reaches in a metric, and what that is against its members, in words."""
    over = report.over_mean[metric]
    written = units(find(metric).declared, [over.high - over.low])
    unit = f" {written.unit}" if written.unit != metric else ""
    return (
        f"{named(metric)} {written.value(report.ensemble[metric])}{written.sign}, "
        f"{written.difference(report.gain[metric])}{unit} against the mean member"
    )


def p_value(p: float) -> str:
    """A p-value with two digits.

    >>> p_value(0.00421)
    '0.0042'
    """
    return f"{p:.2g}"


def percent(share: float) -> str:
    """A share in per cent, such as `95%`.

    >>> percent(0.95), percent(0.9875)
    ('95%', '98.75%')
    """
    return f"{100 * share:.5g}%"


def count(n: int, thing: str) -> str:
    """A number of things in words.

    >>> count(1, "change"), count(3, "change")
    ('1 change', '3 changes')
    """
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


def listed(words: Iterable[str]) -> str:
    """Words joined by commas, and by "and" before the last.

    >>> listed("abc")
    'a, b and c'
    """
    *front, last = words
    return f"{', '.join(front)} and {last}" if front else last


def more_seeds(verdict: Verdict) -> str:
    """What an undecided verdict needs, such as `about 40 seeds`; empty for a decided one."""
    return verdict.headline.needed(verdict.paired)


def power(verdicts: Sequence[Verdict], units: Units) -> str:
    """The smallest true effect that is found four times of five, in the headline's scope, such as `±0.31 points`; of several the
    range; empty for one seed.

    Args:
        verdicts: of one family.
        units: how to write their numbers.
    """
    found = sorted(v.headline.detectable for v in verdicts if math.isfinite(v.headline.detectable))
    ends = list(dict.fromkeys(units.value(x) for x in (found[0], found[-1]))) if found else []
    return f"±{' to '.join(ends)} {units.unit}" if ends else ""


def paired_by(verdicts: Sequence[Verdict]) -> str:
    """How alike paired arms are and what that saved, such as `correlation 0.96, 120 seeds saved`; of several the median.

    Args:
        verdicts: of one family.
    """
    alike = sorted(v.correlation for v in verdicts if v.correlation is not None)
    saved = sorted(v.saved for v in verdicts if v.saved is not None)
    words = [f"correlation {alike[len(alike) // 2]:.2f}"] if alike else []
    if saved:
        middle = saved[len(saved) // 2]
        words.append(f"{count(abs(round(middle)), verdicts[0].paired)} {'saved' if middle >= 0 else 'lost'} in each arm")
    return ", ".join(words)


def sources(verdict: Verdict) -> str:
    """The correlation of paired arms by what they have in common, such as `examples 0.98; weights, order, masks 0.40`.

    Args:
        verdict: of which pairs.
    """
    found = {name: each.correlation for name, each in verdict.pairing.items() if name != "all"}
    return "; ".join(f"{name} {value:.2f}" for name, value in found.items() if value is not None)


def lost(verdicts: Iterable[Verdict]) -> list[tuple[str, tuple[str, ...]]]:
    """The collapsed members of a family: pairs of an arm and its members' names, such as `seed 3 (diverged at step 12)`."""
    arms: list[tuple[str, tuple[str, ...]]] = []
    for verdict in verdicts:
        for arm in ("change",) if arms else ("baseline", "change"):  # every verdict names the baseline's
            names = tuple(name.removeprefix(f"{arm} ") for name in verdict.collapsed if name.startswith(f"{arm} "))
            arms.append((arm if arm == "baseline" else verdict.label, names))
    return [(arm, names) for arm, names in arms if names]


def setting(value: Any) -> str:
    """A setting, given as JSON, in few words.

    >>> [setting(value) for value in (None, 0.5, [256, 256], {"kind": "inverted", "rate": 0.5})]
    ['off', '0.5', '256 256', 'inverted(rate=0.5)']
    """
    if value is None:
        return "off"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    if isinstance(value, list):
        return " ".join(map(setting, value))
    if isinstance(value, dict):
        body = dict(value)
        kind = str(body.pop("kind", body.pop("callable", "")))
        inner = ", ".join(f"{name}={setting(v)}" for name, v in body.items())
        return f"{kind}({inner})" if inner else kind
    return str(value)


def differing(a: Any, b: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """Dotted path → (value in a, value in b) of two experiments' JSON; a choice that differs is given whole.

    It needs no class, so that a page is drawn from a run's folder even where a user's module cannot be imported.

    >>> differing({"model": {"kind": "mlp", "dropout": None}}, {"model": {"kind": "mlp", "dropout": 0.5}})
    {'model.dropout': (None, 0.5)}
    """
    if isinstance(a, dict) and isinstance(b, dict) and a.get("kind") == b.get("kind"):
        return {
            inner: pair
            for name in dict.fromkeys([*a, *b])
            for inner, pair in differing(a.get(name), b.get(name), f"{path}.{name}".lstrip(".")).items()
        }
    return {} if json.dumps(a) == json.dumps(b) else {path: (a, b)}
