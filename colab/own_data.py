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
# # Your own data: from a CSV file to a verdict
#
# A table goes in, and out comes whether a network is worth the trouble on it, and whether a change of that network is. The
# table here is one of scikit-learn's, written to a file; upload yours, and put its name and the column to predict into the
# second cell.

# %% tags=["install"]
# %pip install -q "git+https://github.com/jaxtricks/jaxtricks"

# %% tags=["parameters"] smoke={"SEEDS": 3, "EPOCHS": 2}
SEEDS = 16
EPOCHS = 20

# %%
from sklearn.datasets import load_breast_cancer

import jaxtricks as jt

load_breast_cancer(as_frame=True).frame.to_csv("table.csv", index=False)

# %%
table = jt.Dataset.from_csv("table.csv", target="target", test=0.2)
print(table)
print(table.columns)

# %% [markdown]
# A fifth of the rows is the test split now. It is locked until somebody says why it is opened. `print(table.columns)` says what
# each column was taken for; `kinds={"zip": "category", "id": None}` changes that.
#
# ## What is wrong with the data?
#
# Copies on both sides of a split, columns that give the answer away, identifiers, classes that hardly occur.

# %%
print(jt.check_data(table, explain=False))

# %% [markdown]
# ## Is a network better than simple models?
#
# Guessing, the commonest answer, a linear model, neighbours and boosted trees, on the same splits as the network's restarts.

# %%
base = jt.Experiment(model=jt.MLP(widths=(64, 64)), optimizer=jt.Optimizer(rule="adamw"), batch_size=32, epochs=EPOCHS)
runs = jt.fit(base, table, seeds=SEEDS)
print(runs.summary())

# %%
for row in runs.baselines().rows:
    print(f"{row.name:24} {row.mean('accuracy'):.2%}")

# %% [markdown]
# ## Does a change help here?

# %%
changes = {
    "dropout 0.5": base.replace({"model.dropout": 0.5}),
    "batch normalization": base.replace({"model.normalization": "batch"}),
}
study = jt.study(base, changes, table, seeds=SEEDS)
print(study)

# %%
study

# %% [markdown]
# ## Predictions, and the test split, once
#
# `predict` takes a table like the one that came in. The test split answers once, and a file keeps who asked and why: `jaxtricks
# list openings`.

# %%
import pandas as pd

runs.predict(pd.read_csv("table.csv").head())

# %%
test = table.open_test("the notebook's last cell")
runs.evaluate(test)["accuracy"].mean()
