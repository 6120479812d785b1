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
# # Lottery tickets
#
# A trained network is pruned, the weights that stay are set back to what they were first drawn as, and the small network is
# trained again (Frankle & Carbin 2019). Does it do as well as the whole one, and does it matter that the weights are *those*?

# %% tags=["install"]
# %pip install -q "git+https://github.com/jaxtricks/jaxtricks"

# %% tags=["parameters"] smoke={"SEEDS": 3, "EPOCHS": 2, "ROUNDS": 2}
SEEDS = 8
EPOCHS = 20
ROUNDS = 5
REMOVE = 0.5

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
# ## Rounds of pruning
#
# Each round removes half of the weights that there still are, those that are smallest after training. All restarts of a round
# are one program. The arm "initial" goes back to the weights as they were drawn, the arm "random" draws new ones for the same
# mask.

# %%
found = jt.prune(base, digits, rounds=ROUNDS, remove=REMOVE, arms=("initial", "random"), seeds=SEEDS)
print(found)

# %%
found

# %% [markdown]
# Each line is a verdict against the whole network, paired by seed and corrected over all of them. Masked weights are multiplied
# like all others: a pruned network is smaller on disk, and not faster.

# %%
print(found.size(found.levels[-1]))
print(jt.evaluate.cost(base, digits))

# %% [markdown]
# ## Pruning before training
#
# SNIP looks at one gradient at the start. It is a trick like others, and so it is compared like others.

# %%
snip = base.replace({"pruned": jt.optim.Pruned(keep=0.2, by="snip")})
print(jt.compare(base, snip, digits, seeds=SEEDS, tune=None))
