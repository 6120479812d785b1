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
# # jaxtricks: does a training trick help on *your* task?
#
# This notebook trains a plain network on handwritten digits many times over, in one compiled program, and judges a few tricks
# of the trade against it: by how much they help, and whether that is more than luck. It runs on a TPU, a GPU or a CPU.

# %% tags=["install"]
# %pip install -q "git+https://github.com/jaxtricks/jaxtricks"

# %% tags=["parameters"] smoke={"SEEDS": 3, "EPOCHS": 2}
SEEDS = 16
EPOCHS = 20

# %%
import jax

import jaxtricks as jt

jax.devices()

# %% [markdown]
# ## An experiment
#
# Every float in it is traced, `None` means that a trick is not in the program at all, everything else is static.

# %%
digits = jt.load("digits")
base = jt.Experiment(
    model=jt.MLP(widths=(128, 128), activation="relu"),
    optimizer=jt.Optimizer(rule=jt.AdamW(learning_rate=1e-3)),
    batch_size=64,
    epochs=EPOCHS,
)
digits

# %% [markdown]
# ## Restarts
#
# One call trains all restarts. Each seed draws its own train/validation split, initial weights, order and masks.

# %%
runs = jt.fit(base, digits, seeds=SEEDS)
print(runs.summary())

# %% [markdown]
# ## A verdict
#
# The change is trained on the same seeds, and judged on the paired differences.

# %%
verdict = jt.compare(base, base.replace({"model.dropout": 0.5}), digits, seeds=SEEDS)
print(verdict)

# %% [markdown]
# ## A family of changes, with plots
#
# p-values are corrected over the whole family (Holm), so trying more changes does not make luck more likely. Each arm gets its
# own best learning rate first.

# %%
changes = {
    "batch normalization": base.replace({"model.normalization": "batch"}),
    "tanh": base.replace({"model.activation": "tanh"}),
    "warm-up + cosine": base.replace({"optimizer.schedule": "warmup_cosine"}),
}
study = jt.study(base, changes, digits, seeds=SEEDS)
print(study)

# %%
study  # its page, which `study.save()` writes into a folder

# %% [markdown]
# ## An ensemble
#
# The average of the members' probabilities, on a validation split that all of them share and none has trained on.

# %%
members = jt.fit(base, digits, seeds=jt.Seeds(SEEDS, split=0))
print(jt.ensemble(members).evaluate(digits))

# %% [markdown]
# `jt.extend.catalogue()` lists every trick that can be switched, with its row in the lectures and its paper.

# %%
for entry in jt.extend.catalogue()[:10]:
    print(f"{entry.path:32} {entry.trick.summary}")
