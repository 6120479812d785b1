"""What PyTorch's layers compute, as its documentation writes it, in NumPy: `state` is a state_dict, `name` a layer in it."""

import numpy as np


def linear(state, name, x):
    """y = x Aᵀ + b."""
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def conv2d(state, name, x):
    """out(j) = bias(j) + Σ over k of weight(j, k) ⋆ input(k), a cross-correlation, with padding "same" of zeros; [n, c, h, w]."""
    weight = state[f"{name}.weight"]
    rows, columns = weight.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (rows // 2, rows // 2), (columns // 2, columns // 2)))
    out = np.zeros((len(x), len(weight), *x.shape[2:]))
    for i in range(x.shape[2]):
        for j in range(x.shape[3]):
            patch = padded[:, :, i : i + rows, j : j + columns]
            out[:, :, i, j] = np.einsum("ncrs,ocrs->no", patch, weight)
    return out + state[f"{name}.bias"][None, :, None, None]


def max_pool(x):
    """The largest of each 2 x 2 places."""
    n, c, h, w = x.shape
    return x[:, :, : h // 2 * 2, : w // 2 * 2].reshape(n, c, h // 2, 2, w // 2, 2).max(axis=(3, 5))


def batch_norm(state, name, x, eps=1e-5):
    """y = (x - running_mean)/√(running_var + eps) γ + β, at test."""
    mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    return (x - mean) / np.sqrt(var + eps) * state[f"{name}.weight"] + state[f"{name}.bias"]


def layer_norm(state, name, x, eps=1e-5):
    """y = (x - E[x])/√(Var[x] + eps) γ + β, over the features."""
    mean, var = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(var + eps) * state[f"{name}.weight"] + state[f"{name}.bias"]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def recurrent(state, name, x, place, cell):
    """The states of one layer in one direction, [n, time, units]; gates i, f, g, o of an LSTM and r, z, n of a GRU."""
    ours = [f"{name}.{part}_{place}" for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    w, u, b, d = (state[each] for each in ours)
    units = u.shape[1]
    h, c, states = np.zeros((len(x), units)), np.zeros((len(x), units)), []
    for t in range(x.shape[1]):
        xs = np.split(x[:, t] @ w.T + b, len(w) // units, axis=1)
        hs = np.split(h @ u.T + d, len(w) // units, axis=1)
        if cell == "RNN":
            h = np.tanh(xs[0] + hs[0])
        elif cell == "GRU":
            r, z = sigmoid(xs[0] + hs[0]), sigmoid(xs[1] + hs[1])
            h = (1 - z) * np.tanh(xs[2] + r * hs[2]) + z * h
        else:
            i, f, g, o = (a + b for a, b in zip(xs, hs, strict=True))
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.stack(states, axis=1)


def stacked(state, name, x, cell, layers=2):
    """The states after all steps of the last of several layers that read in both directions, [n, 2 units]."""
    for layer in range(layers):
        forward = recurrent(state, name, x, f"l{layer}", cell)
        backward = recurrent(state, name, x[:, ::-1], f"l{layer}_reverse", cell)
        x = np.concatenate([forward, backward[:, ::-1]], axis=-1)
    return np.concatenate([forward[:, -1], backward[:, -1]], axis=-1)


def rotated(x):
    """Rotary positions as in LLaMA's: (x₁, x₂) → (x₁ cos - x₂ sin, x₂ cos + x₁ sin) of the halves; [n, heads, time, features]."""
    half = x.shape[-1] // 2
    angle = np.arange(x.shape[2])[:, None] * 10_000.0 ** (-np.arange(half) / half)
    a, b = x[..., :half], x[..., half:]
    return np.concatenate([a * np.cos(angle) - b * np.sin(angle), b * np.cos(angle) + a * np.sin(angle)], axis=-1)


def attention(state, name, x, heads):
    """Causal attention softmax(QKᵀ/√F)V of q_proj, k_proj and v_proj, through o_proj."""
    split = [linear(state, f"{name}.{part}", x).reshape(*x.shape[:2], heads, -1).swapaxes(1, 2) for part in ("q", "k", "v")]
    q, k, v = rotated(split[0]), rotated(split[1]), split[2]
    products = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    products = np.where(np.tri(x.shape[1], dtype=bool), products, -np.inf)
    weights = np.exp(products - products.max(axis=-1, keepdims=True))
    mixed = (weights / weights.sum(axis=-1, keepdims=True)) @ v
    return linear(state, f"{name}.o", mixed.swapaxes(1, 2).reshape(x.shape))
