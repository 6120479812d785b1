"""How long a search takes until what it returns is as good as the best of a large table, beside Optuna with PyTorch.

`python -m experiments.speed.search --help`. The task, the space and what quality is were fixed before anything was trained; how
many trials there are, after a few searches of jaxtricks with each budget, and after TPE on a stand-in made of the table, which
came no nearer to the best between 64 trials and 700. So TPE's trials are as many as there is time for.

**The task.** scikit-learn's digits, the first 1437 to train on and the other 360 to validate on, in every trial; a network of 32
units, ReLU and dropout, normal weights of variance 1/fan-in; AdamW, batches of 64 in an order shuffled anew, 10 epochs of 22
steps. It is the network of `experiments.search_luck`. Four settings are searched: the learning rate (1e-4 to 1, evenly in its
logarithm), β₁ (0.5 to 0.99, evenly in the logarithm of 1 - β₁), the decay of weights (1e-5 to 1, evenly in its logarithm) and the
dropout rate (0 to 0.7). All peers train this network from the same arrays; the part "agreement" compares what they come to.

**Quality.** The score of settings is their mean validation accuracy over restarts on seeds that no search has seen, which
jaxtricks trains for every method alike after all is timed. The best of the table is that of 4,096 points of Sobol's sequence:
4 restarts of each; 64 fresh ones of the 64 best of these; and 256 fresh ones of the best of those by the fresh ones, which is the
number that counts. So luck does not raise it. Quality is equal where the mean over searches of the score of what they return is
within the margin of it: 2 of 360 examples, 0.56 points, by the rule of verdicts (`Measure`).

**Time to equal quality.** Each method searches several times, TPE and jaxtricks 8 times, the others 3 times; all take turns. What
a search of Optuna returns is known after every trial, and it counts from the first trial on at which the mean over searches is
good enough, whether or not it stays so. TPE has 1,024 trials; GPSampler, which takes longer to choose them, 64. A search of
jaxtricks has a budget, 16, 32, 64 or 128 trials of 4 seeds, and ends with a race and 16 fresh restarts; each budget is searched
for itself, the smallest that is good enough counts, and all that the call does is in the time. Times are medians over searches.
The interval of a ratio is a bootstrap over searches, 95%. Where a method is not good enough at its last trial, a ratio is "at
least" that of the time until there.

**Peers.** Optuna's TPE with its defaults, and PyTorch in the fastest of four ways (one or two threads, a plain or a fused
optimizer; tried first), one trial after the other, one seed a trial, validated once at the end. Two such processes at once would
take half of the time, at best. The same with Optuna's GPSampler. hyperoptax with a plain Flax and Optax network under `vmap`:
random search, its Gaussian process with its defaults and a grid of four values a setting, all 256 trials in one compiled program,
16 at a time, 4 seeds a trial since they cost little there; what it returns is the trial with the best mean.

**Fixed work.** 256 trials of 4 seeds each, chosen by a strategy: jaxtricks with "bayes" (without a race, and with 2 restarts to
confirm), TPE with PyTorch, which is told the mean of 4 seeds, and the searches of hyperoptax, which are of this size.

"Cold" is the first call of a new process, compilation and all, with no compilation cache; imports and reading data are left out,
for PyTorch too. All other times are of later calls.
"""
