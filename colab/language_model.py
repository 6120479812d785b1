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
# # A language model
#
# Restarts of a small recurrent network on embedded English text, a verdict on a trick of recurrent networks, and what the
# network writes.

# %% tags=["install"]
# %pip install -q "git+https://github.com/jaxtricks/jaxtricks"

# %% tags=["parameters"] smoke={"SEEDS": 3, "EPOCHS": 1, "WIDTH": 8}
SEEDS = 8
EPOCHS = 10
WIDTH = 128

# %%
import jaxtricks as jt

text = jt.load("python_topics", text=jt.Text("char", length=64))
language = jt.Experiment(
    model=jt.RNN(cell="gru", widths=(WIDTH,), embedding=32, carry_state=True),
    optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=3e-3), clip_norm=1.0),
    order="contiguous",
    batch_size=32,
    epochs=EPOCHS,
)
text

# %% [markdown]
# `python_topics` are chapters of Python's own help. `jt.load("tiny_shakespeare", …)`, a folder with `train.txt`, or
# `jt.Text("word", …)` work the same way. The state of the network is carried from one window of the text to the next, and so
# batches keep the text's order.

# %%
runs = jt.fit(language, text, seeds=SEEDS)
print(runs.summary())

# %% [markdown]
# `nll` is the mean of −log p of each next character, in nats; perplexity is its exponential, and bits are nll/log 2.
#
# ## What it writes

# %%
writer = jt.evaluate.Writer.of(runs)
print(writer.write("The ", tokens=200, temperature=0.8, seed=0))

# %% [markdown]
# ## Does layer normalization help?

# %%
normalized = language.replace({"model.recurrent_normalization": "layer"})
print(jt.compare(language, normalized, text, seeds=SEEDS, metric="nll", tune=None))

# %% [markdown]
# `jt.Transformer`, `jt.TCN` and LSTMs take the place of `jt.RNN`; the README has the settings of each.
