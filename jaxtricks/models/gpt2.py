"""GPT-2's weights as Hugging Face's files have them, and those of `Transformer`."""

import dataclasses
import re
from collections.abc import Iterator

import numpy as np

from jaxtricks.config import ConfigError
from jaxtricks.models.conventions import CONVENTIONS, Arrays, Convention, Shapes

# Their name, without "transformer." before it → ours; N is the number of a block. Kernels lie as ours do: inputs first.
PLACES = {
    "wte.weight": "params/embed/embedding",
    "wpe.weight": "params/positions/table",
    "h.N.ln_1.weight": "params/block_N/attention_norm/scale",
    "h.N.ln_1.bias": "params/block_N/attention_norm/bias",
    "h.N.attn.c_proj.weight": "params/block_N/attention/out/kernel",
    "h.N.attn.c_proj.bias": "params/block_N/attention/out/bias",
    "h.N.ln_2.weight": "params/block_N/feed_forward_norm/scale",
    "h.N.ln_2.bias": "params/block_N/feed_forward_norm/bias",
    "h.N.mlp.c_fc.weight": "params/block_N/up/kernel",
    "h.N.mlp.c_fc.bias": "params/block_N/up/bias",
    "h.N.mlp.c_proj.weight": "params/block_N/down/kernel",
    "h.N.mlp.c_proj.bias": "params/block_N/down/bias",
    "ln_f.weight": "params/norm/scale",
    "ln_f.bias": "params/norm/bias",
}
# One array there for the three maps of an attention, side by side along its last axis.
FUSED = {
    "h.N.attn.c_attn.weight": "params/block_N/attention/{}/kernel",
    "h.N.attn.c_attn.bias": "params/block_N/attention/{}/bias",
}
HEAD_BIAS = "params/head/bias"
PARTS = ("query", "key", "value")
# Causal masks, which are no weights, and the scores of tokens, which are wte once more.
NO_WEIGHTS = re.compile(r"h\.\d+\.attn\.(masked_)?bias|lm_head\.weight")


@dataclasses.dataclass(frozen=True)
class GPT2(Convention):
    """GPT-2 in Hugging Face's names: `transformer.h.0.attn.c_attn.weight`, …, with or without "transformer." before them.

    The network is `jt.Transformer(norm="pre", causal=True, activation=jax.nn.gelu, hidden=4 * width, positions="learnt",
    context=1024, softmax="tied")`. It gives the same scores but for the number that layer norm adds to the variance: 1e-5 there
    and 1e-6 here. GPT-2 has no bias in its head; ours starts from zero, as it is drawn, and weights are written only where it is
    still zero.

    >>> one = {"transformer.h.0.attn.c_attn.bias": np.arange(6.0)[None]}
    >>> found, _ = GPT2().ours(one, {f"params/block_0/attention/{part}/bias": (2,) for part in ("query", "key", "value")})
    >>> found["params/block_0/attention/key/bias"]
    array([[2., 3.]])
    """

    def __post_init__(self) -> None:
        for name, value in (("names", self.names), ("flattened", self.flattened)):
            if value:
                raise ConfigError(f"{name} = {value!r} is for other layouts; layout = 'gpt2' has names of its own.")

    def ours(self, arrays: Arrays, here: Shapes) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
        found: dict[str, np.ndarray] = {}
        left: list[str] = []
        for name, array in arrays.items():
            short = name.removeprefix("transformer.")
            paths = _paths(short)
            if paths and all(path in here for path in paths):
                found |= dict(zip(paths, np.split(array, len(paths), axis=-1), strict=True))
            elif not NO_WEIGHTS.fullmatch(short):
                left.append(name)
        return found, tuple(left)

    def theirs(self, arrays: Arrays) -> dict[str, np.ndarray]:
        found, rest = {}, dict(arrays)
        blocks = sorted({int(number[1]) for path in arrays if (number := re.match(r"params/block_(\d+)/", path))})
        for name in _names(blocks):
            paths = _paths(name)
            if all(path in rest for path in paths):
                found[f"transformer.{name}"] = np.concatenate([rest.pop(path) for path in paths], axis=-1)
        if np.any(rest.pop(HEAD_BIAS, 0)):
            raise ConfigError(f"{HEAD_BIAS} is not zero, and GPT-2's head has no bias; layout = 'flax' is allowed.")
        for path in rest:
            allowed = "softmax = 'tied' or " if path.startswith("params/head/") else ""
            raise ConfigError(f"{path} has no place in GPT-2; {allowed}layout = 'flax' is allowed.")
        return found


CONVENTIONS["gpt2"] = GPT2


def _names(blocks: list[int]) -> Iterator[str]:
    for name in (*PLACES, *FUSED):
        yield from ([name.replace("N", str(number)) for number in blocks] if ".N." in name else [name])


def _paths(name: str) -> tuple[str, ...]:
    """Our paths of what they call `name`; none where the network has no place for it."""
    number = re.match(r"h\.(\d+)\.", name)
    general = re.sub(r"^h\.\d+\.", "h.N.", name)
    own = (PLACES[general],) if general in PLACES else tuple(FUSED.get(general, "").format(part) for part in PARTS)
    return tuple(path.replace("block_N", f"block_{number[1]}") if number else path for path in own if path)
