"""The page: what the results say, as Markdown, beside what was aimed at."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.calibration.rules import RULES
from jaxtricks.statistics import Interval

Results = Mapping[str, Mapping[str, Any]]
WIDEST = 1.15
REAL = ("linear", "mlp", "cnn")  # one page of the samples of real data


def page(results: Results) -> str:
    """The page of all results that there are.

    Args:
        results: name of a part → its rows and the environment that it ran in.
    """
    parts = {("simulation",): _simulation, ("power",): _power, ("halves",): _halves, REAL: _samples}
    texts = []
    for names, text in parts.items():
        if there := [results[name] for name in names if name in results]:
            texts += [text([row for result in there for row in result["rows"]]), *map(_where, there)]
    return "\n\n".join([HEAD, *texts]) + "\n"


HEAD = """# How often verdicts err

Written by `python -m experiments.calibration` from `results/*.json` beside this page. "Verdict" is the rule of verdicts on new
data (`jaxtricks.statistics.crossed`): Student's t with the variance of members × examples, and the sign-flip p. The others stand
beside it to be compared with: the resampled t takes splits of one pool for independent (the former rule); Nadeau and Bengio's
correction is put on all of the variance; "splits × 2, ANOVA" has half as many splits with two restarts each, and the correction
on the splits' part only.

The factor on the part of the examples, 1 + n_validation/n_train, was chosen after a trial that is not part of this page: 40
samples of another partition of the same images, eleven changes of a linear model and an MLP written apart from this library, and
learners that overfit (60 features for 320 examples: 8 to 11% of the intervals missed without the factor). No rule can be free of
error there: an unbiased estimate of the variance does not exist (Bengio and Grandvalet, 2004)."""


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rule = ["---" if i == 0 else "---:" for i in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *lines))


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _simulation(rows: Sequence[Mapping[str, Any]]) -> str:
    """False calls and widths, a table for equal restart noise and one for noise that is not normal."""
    repeats = rows[0]["repeats"]
    plain = [row for row in rows if row["noise"].startswith("normal")]
    uneven = [row for row in rows if not row["noise"].startswith("normal")]
    worst = max(row["rules"]["verdict"]["false"] for row in plain)
    widest = max(row["rules"]["verdict"]["width"] for row in plain)
    luck = 1.96 * (0.05 * 0.95 / repeats) ** 0.5
    text = f"""## Two learners that are equal by symmetry

Linear discriminants, of which one sees ten features and the other one ten others of the same distribution: no difference over
new data, and every call is false. {repeats:,} pools a cell (a true 5% is seen as {_percent(0.05 - luck)} to
{_percent(0.05 + luck)}), a fifth of a pool validated on. Restart noise is normal, 0, 1 or 3 times the standard deviation of the
splits. Width: the mean half-width, divided by that of an oracle that knows all variances and uses the *normal* quantile. (Its
variances are those of the same pools, so that a width is known to ± 0.02 or so.) Aimed at: at most 6%, and a width of {WIDEST}.
Worst of the verdict's {len(plain)} cells: {_percent(worst)} and {widest:.2f}.

"""
    head = ["examples, seeds, noise", *(f"{name}: false, width" for name in RULES)]

    def line(row: Mapping[str, Any]) -> list[str]:
        each = [f"{_percent(row['rules'][name]['false'])}, {row['rules'][name]['width']:.2f}" for name in RULES]
        return [f"{row['examples']:,}, {row['seeds']}, {row['noise']}", *each]

    text += _table(head, [line(row) for row in plain])
    if not uneven:
        return text
    over = [row for row in uneven if row["rules"]["verdict"]["false"] > row["limit"]]
    told = "; ".join(f"{row['examples']:,} examples, {row['seeds']} seeds, {row['noise']}" for row in over) or "none"
    text += f"""

### Restarts that collapse, and skewed noise

Skewed: exponential noise. Collapsing: 5% of the second arm's restarts fall by 3 or 10 standard deviations of the splits, or to
chance. With "equal means" the other 95% are better by just as much, so that every call is false; 66% of the comparisons of 8
seeds and 44% of those of 16 have no collapsed member in them, and no rule can know of what did not happen. With "equal
survivors" the second arm is worse on average, and only a call in its favour is false. Aimed at: at most 8%. Cells above it:
{told}.

"""
    return text + _table(head, [line(row) for row in uneven])


def _power(rows: Sequence[Mapping[str, Any]]) -> str:
    """Planted effects."""
    apart = max(abs(row["found"] - row["stated"]) for row in rows)
    four = [row["found"] for row in rows if row["planted"] == "detectable"]
    text = f"""## Power

Effects planted in the same simulation, restart noise as large as the splits'. "Stated" is the mean over pools of the power that
a verdict states for such an effect. "detectable" plants the mean of what verdicts say they find four times of five; it was found
in {_percent(min(four))} to {_percent(max(four))}. Aimed at: found as often as stated, ± 5 points. Largest distance:
{100 * apart:.1f} points. An interval inside ±margin says "no difference" and counts as not found.

"""
    lines = [
        [
            f"{row['examples']:,}, {row['seeds']}",
            row["planted"],
            f"{100 * row['effect']:.2f}",
            _percent(row["stated"]),
            _percent(row["found"]),
        ]
        for row in rows
    ]
    return text + _table(["examples, seeds", "planted", "points", "stated", "found"], lines)


def _halves(rows: Sequence[Mapping[str, Any]]) -> str:
    """5×2cv beside the other tests."""
    names = list(rows[0]["called"])
    text = f"""## Five times two halves

The same pools of {rows[0]["examples"]} examples for all tests, {rows[0]["repeats"]:,} of them a row. The first row is the type-I
error, the others are power: the second learner's classes are farther apart. (Halves train on fewer examples than the other splits
do, which changes both learners.) The p-values of both 5×2cv tests are those of mlxtend, see
`tests/statistics/test_five_by_two.py`.

"""
    lines = [[f"{100 * row['difference']:+.2f} points", *(_percent(row["called"][name]) for name in names)] for row in rows]
    return text + _table(["true difference", *names], lines)


def _samples(rows: Sequence[Mapping[str, Any]]) -> str:
    """Coverage on real images."""
    names = list(rows[0]["held"])
    text = f"""## Real images

{rows[0]["samples"]} disjoint samples of {rows[0]["images"]:,} training examples of {rows[0]["data"]}, each judged as if it were
all there is, as members of one program an arm. An interval should hold the mean over the other samples. Aimed at: 93% to 98% of
all intervals on accuracy, and 88% at least for each pair. Spread: the standard deviation over samples, divided by the standard
error that verdicts state; with {rows[0]["samples"]} samples it is known to
± {100 / (2 * rows[0]["samples"]) ** 0.5 * 1.96:.0f}%.

"""
    for metric in dict.fromkeys(row["metric"] for row in rows):
        these = [row for row in rows if row["metric"] == metric]
        scale = 100 if metric == "accuracy" else 1
        lines = [
            [
                f"{row['model']}: {row['pair']}",
                str(row["seeds"]),
                f"{scale * row['effect']:+.3f}",
                *(f"{_percent(row['held'][name] / row['samples'])}" for name in names),
                f"{row['spread'] / row['error']:.2f}",
            ]
            for row in these
        ]
        pooled = {name: sum(row["held"][name] for row in these) for name in names}
        every = sum(row["samples"] for row in these)
        lines.append(["**all**", "", "", *(f"**{_percent(pooled[name] / every)}**" for name in names), ""])
        low, high = _wilson(pooled["verdict"], every)
        least = min(row["held"]["verdict"] / row["samples"] for row in these)
        text += (
            f"**{metric}**: {_percent(pooled['verdict'] / every)} of {every} intervals ({_percent(low)} to {_percent(high)} if "
        )
        text += f"they were independent); the least of a pair {_percent(least)}.\n\n"
        text += _table(["pair", "seeds", "effect" + (", points" if scale > 1 else ""), *names, "spread"], lines) + "\n\n"
        tails = max(these, key=_tails)
        text += "Where |mean| and width of the samples' intervals go together, a few images with huge values decide, and no\n"
        text += "interval knows of those that its sample lacks. "
        text += f"Most of all in {tails['model']}: {tails['pair']}, correlation {_tails(tails):.2f}.\n\n"
    return text.rstrip()


def _tails(row: Mapping[str, Any]) -> float:
    """The correlation over samples of |mean| and half-width; near 1 where a few examples make both."""
    widths = np.diff(np.asarray(row["intervals"]), axis=1)[:, 0]
    return float(np.corrcoef(np.abs(row["means"]), widths)[0, 1]) if np.ptp(widths) > 0 else 0.0


def _wilson(held: int, every: int) -> Interval:
    """Wilson's interval of a share."""
    share, z = held / every, 1.96
    middle, half = share + z * z / (2 * every), z * (share * (1 - share) / every + z * z / (4 * every**2)) ** 0.5
    return Interval((middle - half) / (1 + z * z / every), (middle + half) / (1 + z * z / every))


def _where(result: Mapping[str, Any]) -> str:
    commit = (result["commit"] or "unknown")[:9] + (" (with changes)" if result["dirty"] else "")
    load = result["load"] if result["load"] is not None else np.nan
    machine = f"{result['cores']} cores ({result['processor'] or result['device']}), load {load:.1f} at the start"
    return f"{result['part']}: {result['seconds']:.0f} s on {machine}, commit {commit}, {result['time']}."
