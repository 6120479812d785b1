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
# # A search that knows how sure it is
#
# Each trial is several restarts, so the search knows its noise. It adds restarts where they decide, and says how good the
# winner is without the luck of the chosen.

# %% tags=["install"]
# %pip install -q "git+https://github.com/jaxtricks/jaxtricks"

# %% tags=["parameters"] smoke={"TRIALS": 10, "SEEDS": 3, "EPOCHS": 2}
TRIALS = 64
SEEDS = 4
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
# ## The space
#
# `"0:0.5"` are numbers, `log:` has their logarithms drawn evenly, and names are choices. Points that differ in numbers only
# share one program.

# %%
space = {"optimizer.rule.learning_rate": "log:1e-4:1e-1", "model.dropout": "0:0.5"}
found = jt.search(base, space, digits, budget=TRIALS, seeds=SEEDS)
print(found)

# %%
print(f"with a probability of {found.probability:.0%} the winner is within the margin of the best that was tried")
print(found.importance.sentence)
base.diff(found.best)

# %%
found

# %% [markdown]
# ## A fair comparison
#
# Who tunes more looks better. Here both arms are tuned, and the answer is a curve: who is ahead after how many trials.

# %%
rates = {"optimizer.rule.learning_rate": "log:1e-4:1e-1"}
print(jt.fair_compare(base, base.replace({"optimizer.rule": "momentum"}), rates, digits, trials=TRIALS))

# %% [markdown]
# `scheme="hyperband"` lets trials that are behind leave early, `strategy="optuna"` has Optuna say what is tried next, and
# `share="folder"` lets several machines work on one search.
