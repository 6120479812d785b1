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
# # Ensembles and calibration
#
# What averaging restarts gains, how many are enough, and whether a probability of 90% is right nine times of ten.

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
# ## Members that share a split
#
# An ensemble is judged on examples that no member has trained on, so the members share one split and differ in the rest.

# %%
members = jt.fit(base, digits, seeds=jt.Seeds(SEEDS, split=0))
together = jt.ensemble(members)
print(together.evaluate(digits, sizes=(1, 2, SEEDS)))

# %% [markdown]
# The gain stands beside the mean member and beside the best one, with intervals over examples. `ece` is the calibration error:
# the mean distance between how sure the members are and how often they are right, over bins of how sure they are.
#
# ## Does a trick improve the calibration?
#
# Verdicts go by any metric. Label smoothing is said to make networks less sure of themselves.

# %%
smooth = base.replace({"objective.loss.label_smoothing": 0.1})
print(jt.compare(base, smooth, digits, seeds=SEEDS, metric="ece", tune=None))

# %% [markdown]
# ## Checkpoints of one run, and masks of dropout
#
# Snapshots cost one training in place of many. Dropout's masks are kept on at test, and what they give is averaged (Gal &
# Ghahramani 2016).

# %%
jt.fit(base, digits, seeds=jt.Seeds(1, split=0), checkpoints=jt.Checkpoints("checkpoints/snapshots", every=1))
print(jt.ensemble(list(jt.snapshots("checkpoints/snapshots", digits).values())).evaluate(digits))

# %%
dropped = jt.fit(base.replace({"model.dropout": 0.5}), digits, seeds=SEEDS)
print(jt.evaluate.over_masks(dropped, jt.evaluate.MonteCarlo(passes=20)))
