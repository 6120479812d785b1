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
# # The doctor: why does it not train?
#
# A checklist finds signs. The doctor then tries the cures, and proves by paired verdicts which one works.

# %% tags=["install"]
# %pip install -q "git+https://github.com/jaxtricks/jaxtricks"

# %% tags=["parameters"] smoke={"SEEDS": 3, "EPOCHS": 2, "CURES": 0}
SEEDS = 8
EPOCHS = 20
CURES = 4

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
# ## A patient
#
# Plain SGD with a rate that is a thousand times too low.

# %%
ill = base.replace({"optimizer.rule": jt.SGD(learning_rate=1e-4)})
found = jt.examine(ill, digits, seeds=SEEDS, most=CURES)
print(found)

# %%
found  # the page: every sign, every cure with its verdict

# %% [markdown]
# ## Where a value was not finite
#
# `replay` trains the restart once more up to that step, to the bit, and names the first operation whose result is not finite.

# %%
wild = base.replace({"optimizer.rule": jt.SGD(learning_rate=1e30)})
print(jt.replay(jt.fit(wild, digits, seeds=SEEDS)))

# %% [markdown]
# ## A training loop of your own
#
# Any jitted step `(state, batch) → (new state, metrics)` is looked at, whatever it is written with. This one goes uphill.

# %%
import jax
import jax.numpy as jnp


@jax.jit
def step(state, batch):
    loss, slope = jax.value_and_grad(lambda w: ((batch["x"] @ w - batch["y"]) ** 2).mean())(state["w"])
    return {"w": state["w"] + 0.1 * slope}, {"loss": loss}


print(jt.examine_step(step, {"w": jnp.zeros(3)}, {"x": jnp.eye(3), "y": jnp.ones(3)}))
