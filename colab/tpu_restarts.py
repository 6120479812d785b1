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
# # Many restarts on a TPU's cores
#
# Choose a TPU in *Runtime → Change runtime type*. Restarts spread over its cores by themselves: `jt.fit` needs no words for it.
# On a CPU or a GPU the notebook runs too.

# %% tags=["install"]
# %pip install -q "git+https://github.com/jaxtricks/jaxtricks"

# %% tags=["parameters"] smoke={"SEEDS": 3, "EPOCHS": 2}
SEEDS = 256
EPOCHS = 20

# %%
import jax

import jaxtricks as jt

jax.devices()

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
# ## The first call compiles
#
# What to expect: the first call compiles one program, which on a TPU takes longer than this small training. 8 cores train an
# eighth of the restarts each. Restarts exchange nothing while they train, so that 8 cores take about as long for 8 times as
# many restarts as one core for its own. A network as small as this one leaves most of a core idle: until its memory or its
# units are full, more restarts cost little more time. How much your runtime takes, these cells measure; we have not had a TPU
# to measure on, and so no figure stands here.

# %%
# %time runs = jt.fit(base, digits, seeds=SEEDS)

# %% [markdown]
# ## The second call does not
#
# The same program, other seeds:

# %%
# %time runs = jt.fit(base, digits, seeds=range(SEEDS, 2 * SEEDS))
print(runs.summary())

# %% [markdown]
# ## Who does what
#
# The mesh has an axis for restarts, one for batches and one for wide layers. By default all devices share the restarts.
# `jt.Layout(runs=4, data=2)` makes four groups, in each of which two cores share every batch: for networks that are too large
# to be many on one core.

# %%
print(runs.plan.mesh)
print("restarts that go through the program together on one device:", runs.plan.width)

# %% [markdown]
# ## Longer runs
#
# Colab takes machines away. With checkpoints the same call goes on where it was cut off; put the folder on a mounted drive.

# %%
kept = jt.Checkpoints("checkpoints/restarts")
runs = jt.fit(base, digits, seeds=SEEDS, checkpoints=kept)
runs = jt.fit(base, digits, seeds=SEEDS, checkpoints=kept)  # is there already: nothing is trained
print(runs.summary())

# %% [markdown]
# Results are equal to the bit on the same kind and number of devices, and equal to rounding on others.
