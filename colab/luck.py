# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Is my trick luck?
#
# Two runs of the same network differ by more than most tricks are worth. This notebook shows how much luck there is in one
# number, and what it takes to tell a trick from it.

# %% tags=["install"]
# %pip install -q "git+https://github.com/jaxtricks/jaxtricks"

# %% tags=["parameters"] smoke={"SEEDS": 3, "EPOCHS": 2}
SEEDS = 16
EPOCHS = 20

# %%
import jaxtricks as jt

digits = jt.load("digits")
base = jt.Experiment(
    model=jt.MLP(widths=(128, 128), activation="relu"),
    optimizer=jt.Optimizer(rule=jt.AdamW(learning_rate=1e-3)),
    batch_size=64,
    epochs=EPOCHS,
)

# %% [markdown]
# ## One network, many seeds
#
# Nothing differs between these restarts but the seed: the split into training and validation examples, the first weights, the
# order of the examples. Whoever trains once gets one of these numbers, and does not know which.

# %%
runs = jt.fit(base, digits, seeds=SEEDS)
print(runs.summary())
runs.metrics["accuracy"].round(3)

# %% [markdown]
# The best of many equal models looks better than it is. On so many validation examples, and for that many models of the same
# true accuracy, by so much:

# %%
examples = runs.sampling.validation.shape[1]
mean = float(runs.metrics["accuracy"].mean())
print(f"{jt.data.luck_of_the_best(examples, SEEDS, mean):.2%} for the best of {SEEDS} models on {examples} examples")
low, high = jt.data.accuracy_interval(mean, examples)
print(f"{low:.1%} to {high:.1%}: where the accuracy on all such digits may lie, given that of one model")

# %% [markdown]
# ## A change that cannot matter
#
# Adam's ε as 10⁻⁹ in place of 10⁻⁸: the numbers differ in their last digits, and so the networks do in the end. The verdict
# should not be *helps*. Both arms have the same seeds, so the luck of a split is in both of them and drops out of the
# difference.

# %%
nothing = base.replace({"optimizer.rule.epsilon": 1e-9})
print(jt.compare(base, nothing, digits, seeds=SEEDS, tune=None))

# %% [markdown]
# ## A change that may
#
# Each arm gets its own best learning rate first, on seeds that are not judged: a trick that looks good at one rate only is
# none. The verdict says two things: what new data of this kind would show, and what other seeds would show on these very
# examples.

# %%
dropout = base.replace({"model.dropout": 0.5})
study = jt.study(base, {"dropout 0.5": dropout}, digits, seeds=SEEDS)
print(study)

# %%
(verdict,) = study.verdicts
print("found four times of five, if it were there:", f"{verdict.on('new data').detectable:.2%}")
print(f"seeds that pairing saved in each arm: {verdict.saved:.0f}")

# %% [markdown]
# ## More seeds, honestly
#
# To add seeds until a verdict is firm is to give luck more chances. Each later look therefore asks for more evidence.

# %%
more = jt.study(base, {"dropout 0.5": dropout}, digits, seeds=range(SEEDS, 2 * SEEDS), earlier=study)
print(more)

# %% [markdown]
# ## Numbers of somebody else
#
# Three seeds each, as in many papers. They are judged by the same rules; so few can never have a p below 0.05.

# %%
theirs = {"seed": [0, 1, 2], "value": [0.951, 0.948, 0.955]}
with_trick = {"seed": [0, 1, 2], "value": [0.957, 0.955, 0.958]}
print(jt.judge(theirs, with_trick, higher_is_better=True, metric="accuracy", unit="points"))
