"""One GPU: whole fits beside PyTorch, and how near training comes to what the chip can do.

The work: restarts of an MLP of 2×128 on data like the digits (20 epochs) and of LeNet-300-100 on data like Fashion-MNIST (an
epoch), each restart with a split and a standardization of its own; 16 MLPs of 2×1024; a CNN of two convolutions, alone, 8 and
64 at a time, as patches and as XLA's own convolution; word-level LSTMs of 2×200 and 2×650. All data are random numbers.
PyTorch does the same one network after the other as most people write it (its LSTM is cuDNN's), with the step captured as a
CUDA graph, and many networks at once by `torch.func`; its data are scaled beforehand, outside the timing.

Each piece has a process of its own. Programs are compiled first, several processes at a time, into the compilation cache;
then pieces are timed one by one, the second call of `fit` and later ones. Products are TF32 on both sides.

Training is held against two floors. Small networks cannot go faster than their bytes move: weights are read twice in a step
and their gradients written once, and AdamW reads and writes seven numbers for each weight. Large ones cannot go faster
than the chip multiplies large matrices. Both rates are measured in the same run.

`python -m experiments.speed.gpu --json` on a machine with a GPU; `--device cpu --scale tiny` tries it out anywhere.
"""
