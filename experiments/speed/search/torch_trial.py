"""One restart in PyTorch, as most people write it, but for data that lie in memory as tensors."""

from collections.abc import Callable
from typing import Any

from experiments.speed.search.task import B2, BATCH, CLASSES, EPOCHS, PIXELS, STEPS, TRAIN, UNITS, Settings, arrays

Trial = Callable[[Settings, int], float]


def trainer(threads: int, fused: bool) -> Trial:
    """A function that trains one restart, and gives its validation accuracy.

    Args:
        threads: of PyTorch.
        fused: whether the optimizer is the fused one.
    """
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    train_x, train_y, test_x, test_y = map(torch.from_numpy, arrays())

    def train(settings: Settings, seed: int) -> float:
        torch.manual_seed(seed)
        hidden, head = nn.Linear(PIXELS, UNITS), nn.Linear(UNITS, CLASSES)
        for layer in (hidden, head):
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
            nn.init.zeros_(layer.bias)
        model = nn.Sequential(hidden, nn.ReLU(), nn.Dropout(settings.dropout), head)
        groups: list[dict[str, Any]] = [
            {"params": [hidden.weight, head.weight]},
            {"params": [hidden.bias, head.bias], "weight_decay": 0.0},
        ]
        betas, decay = (settings.b1, B2), settings.weight_decay
        optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, betas=betas, weight_decay=decay, fused=fused)
        for _ in range(EPOCHS):
            order = torch.randperm(TRAIN)[: STEPS * BATCH].reshape(STEPS, BATCH)
            for indices in order:
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(train_x[indices]), train_y[indices]).backward()
                optimizer.step()
        model.eval()
        with torch.no_grad():
            return float((model(test_x).argmax(-1) == test_y).float().mean())

    return train
