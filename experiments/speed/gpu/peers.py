"""The pieces that PyTorch runs: one network after the other, with the step as a CUDA graph, and many at once by torch.func."""

from collections.abc import Callable
from typing import Any

import numpy as np

from experiments.speed.gpu.work import SCALES, Work
from experiments.speed.harness import Timed


class Bench:
    """A work's data on PyTorch's device, and what every way of training does alike.

    Args:
        work: what is trained.
    """

    def __init__(self, work: Work) -> None:
        import torch

        self.work, self.device = work, "cuda" if torch.cuda.is_available() else "cpu"
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True
        x, y = work.arrays()
        self.x = torch.from_numpy(work.inputs(x)).to(self.device)
        self.y = torch.from_numpy(y.astype(np.int64)).to(self.device)

    def network(self) -> Any:
        """A new network."""
        return self.work.module().to(self.device)

    def loss(self, scores: Any, y: Any) -> Any:
        """The mean cross entropy, over the words of a window too."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(scores.reshape(-1, scores.shape[-1]), y.reshape(-1))

    def batches(self) -> Any:
        """Where the examples of an epoch's batches lie, [steps, batch]."""
        import torch

        work = self.work
        return torch.randperm(work.train, device=self.device)[: work.steps * work.batch].reshape(work.steps, work.batch)

    def validate(self, forward: Callable[[Any], Any]) -> Any:
        """The validation examples' scores and loss, as jaxtricks takes them after each epoch."""
        import torch

        with torch.no_grad():
            return self.loss(forward(self.x[self.work.train :]), self.y[self.work.train :])

    def clip(self, parameters: Any) -> None:
        """Scales the gradients down, where the work says so."""
        from torch import nn

        if self.work.CLIP is not None:
            nn.utils.clip_grad_norm_(parameters, self.work.CLIP)

    def finish(self) -> None:
        """Waits for the device."""
        import torch

        if self.device == "cuda":
            torch.cuda.synchronize()


def eager(work: str, scale: str, members: int) -> Timed:
    """As most people write it, one network after the other."""
    bench = Bench(SCALES[scale][work])

    def train() -> None:
        model = bench.network()
        parameters = list(model.parameters())
        optimizer = bench.work.stepper(parameters, fused=True)
        for _ in range(bench.work.epochs):
            for places in bench.batches():
                optimizer.zero_grad()
                bench.loss(model(bench.x[places]), bench.y[places]).backward()
                bench.clip(parameters)
                optimizer.step()
            bench.validate(model)

    return _timed(bench, train, members)


def graph(work: str, scale: str, members: int) -> Timed:
    """One network after the other, each one's step captured as a CUDA graph and replayed."""
    import torch

    bench = Bench(SCALES[scale][work])

    def train() -> None:
        model = bench.network()
        parameters = list(model.parameters())
        optimizer = bench.work.stepper(parameters, capturable=True, fused=True)
        first = bench.batches()[0]
        x, y = bench.x[first].clone(), bench.y[first].clone()

        def step() -> None:
            bench.loss(model(x), y).backward()
            bench.clip(parameters)
            optimizer.step()

        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # as its manual asks: some steps on another stream come first
            for _ in range(3):
                optimizer.zero_grad(set_to_none=True)
                step()
        torch.cuda.current_stream().wait_stream(side)
        captured = torch.cuda.CUDAGraph()
        optimizer.zero_grad(set_to_none=True)
        with torch.cuda.graph(captured):
            step()
        for _ in range(bench.work.epochs):
            for places in bench.batches():
                x.copy_(bench.x[places])
                y.copy_(bench.y[places])
                captured.replay()
            bench.validate(model)

    return _timed(bench, train, members)


def func(work: str, scale: str, members: int) -> Timed:
    """All networks at once: torch.func with vmap, and one AdamW over the stacked parameters."""
    import torch
    from torch.func import functional_call, grad, stack_module_state, vmap

    bench = Bench(SCALES[scale][work])
    skeleton = bench.network()
    gradients = vmap(grad(lambda params, x, y: bench.loss(functional_call(skeleton, params, (x,)), y)))
    forward = vmap(lambda params, x: functional_call(skeleton, params, (x,)), in_dims=(0, None))

    def train() -> None:
        stacked, _ = stack_module_state([bench.network() for _ in range(members)])
        params = {name: p.detach().requires_grad_() for name, p in stacked.items()}
        optimizer = bench.work.stepper(params.values(), fused=True)
        for _ in range(bench.work.epochs):
            orders = torch.stack([bench.batches() for _ in range(members)], dim=1)
            for places in orders:
                plain = {name: p.detach() for name, p in params.items()}
                for name, gradient in gradients(plain, bench.x[places], bench.y[places]).items():
                    params[name].grad = gradient
                optimizer.step()
            with torch.no_grad():
                scores = forward(params, bench.x[bench.work.train :])
                bench.loss(scores, bench.y[bench.work.train :].repeat(members))

    timed = _timed(bench, train, 1)
    return lambda: timed() | {"members": members}


def _timed(bench: Bench, train: Callable[[], None], members: int) -> Timed:
    """`train`, so many times."""

    def timed() -> dict[str, Any]:
        for _ in range(members):
            train()
        bench.finish()
        return {"members": members}

    train()  # what is chosen and compiled at the first call, outside the timing
    bench.finish()
    return timed
