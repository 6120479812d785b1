"""The best of many different models together, against restarts of the best one."""

import numpy as np

import jaxtricks as jt
from experiments.ensembles._members import network, task
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, Scales, settle


def candidates(scale: Scale) -> list[jt.Experiment]:
    """Models that differ in learning rate (3e-4 to 1e-2), dropout (0 to 0.5) and weight decay (1e-3 to 1), drawn once."""
    base, draw = network(scale), np.random.default_rng(0)
    base = base.replace({"model.dropout": 0.1, "optimizer.rule": jt.AdamW()})
    return [
        base.replace(
            {
                "optimizer.rule.learning_rate": float(10 ** draw.uniform(-3.5, -2)),
                "model.dropout.rate": float(draw.uniform(0, 0.5)),
                "optimizer.rule.weight_decay.rate": float(10 ** draw.uniform(-3, 0)),
            }
        )
        for _ in range(scale.pick(smoke=3, cpu=24, full=48))
    ]


def measure(scale: Scale) -> Outcome:
    """24 networks with one hidden layer of 128 units that differ in learning rate, dropout and weight decay, one restart of each
    on 1 800 images of clothes. Of every split the 5 best by one half of 600 validation images, 5 of them by greedy choice with
    replacement, and 5 restarts of the best, are judged on the other half; a seed of the claim is a split. Variety: their
    disagreement minus that of the restarts. Suboptimal models: the mean member's loss minus that of the restarts' mean member.
    """
    data, models, size = task(scale), candidates(scale), scale.pick(smoke=2, cpu=5, full=5)
    tops, greedies, sames = [], [], []
    for split in scale.restarts:
        runs = jt.fit(models, data, seeds=[split], progress=False)
        best = int(np.argmax(jt.ensemble(runs, choose=jt.evaluate.TopK(1)).weights))
        again = jt.fit(models[best], data, seeds=jt.Seeds(range(1_000, 1_000 + size), split=split), progress=False)
        top = jt.ensemble(runs, choose=jt.evaluate.TopK(size))
        tops.append(top.evaluate(data))
        greedies.append(jt.ensemble(runs, choose=jt.evaluate.Greedy(size)).evaluate(data))
        sames.append(jt.ensemble(again, choose=jt.evaluate.TopK(size)).evaluate(data))
    pairs = list(zip(tops, sames, strict=True))
    variety = Estimate.of(np.array([top.disagreement - same.disagreement for top, same in pairs]))
    worse = Estimate.of(np.array([top.mean_member["nll"] - same.mean_member["nll"] for top, same in pairs]))
    losses = {
        name: np.array([report.ensemble["nll"] for report in reports])
        for name, reports in (("top", tops), ("greedy", greedies), ("restarts", sames))
    }
    gains = {name: Estimate.of(losses[name] - losses["restarts"]) for name in ("top", "greedy")}
    return Outcome(
        parts=[
            settle("the best models differ more", variety, above=0),
            settle("they include worse ones", worse, above=0),
        ],
        effect=f"against {size} restarts of the best model, the {size} best of {len(models)} models disagree on {variety:+.2%} "
        f"more images and their mean member loses {worse:+.4f} nats more; together they lose {gains['top']:+.4f} nats more, "
        f"chosen greedily {gains['greedy']:+.4f}",
        numbers={
            "variety": variety,
            "mean_member": worse,
            "gain": gains,
            "nll": {name: Estimate.of(values) for name, values in losses.items()},
        },
        series=tuple(Curve.over_seeds(name, [size], values[:, None]) for name, values in losses.items()),
        axes=Axes("members", "validation loss (nats)"),
    )


CLAIM = Claim(
    rows=("T075",),
    lecture=2,
    statement="Improves the variety of ensemble but has the danger of including suboptimal models",
    papers=(
        Paper("Caruana+ 2004: greedy choice with replacement from libraries of models", "R"),
        Paper("Wenzel+ 2020, hyper-deep ensembles of WRN-28-10: CIFAR-100 82.7% to 83.0%, CIFAR-10 96.6% to 96.4%", "V"),
    ),
    refuted_by="The 95% interval over splits of the disagreement of the best models minus that of the restarts, or of their mean "
    "member's loss minus that of the restarts' mean member, lies at or below 0.",
    measure=measure,
    kind="effect",
    seeds=Scales(cpu=16),
)
