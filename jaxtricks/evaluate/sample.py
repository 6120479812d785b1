"""Text from a language model, written by one compiled loop over the model's cached state."""

import functools
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from jaxtricks import rng
from jaxtricks.config import ConfigError
from jaxtricks.data.vocabulary import Vocabulary
from jaxtricks.models.contract import CARRY, Variables, contract
from jaxtricks.models.sequence import empty_cache
from jaxtricks.train.runs import Runs


@dataclass(frozen=True, eq=False)
class Writer:
    """A trained language model that writes text, token by token: `p(next) ∝ exp(score/temperature)`.

    Args:
        model: a model of sequences that gives a score of every token at each step.
        variables: its trained variables, {"params": …, …}.
        vocabulary: the words, characters or bytes that tokens stand for.

    Raises:
        ConfigError: for a model that gives no scores of the next token.

    >>> text = jt.load("python_topics", text=jt.Text("char", length=16))
    >>> model = jt.RNN(widths=(8,), vocabulary=len(text.vocabulary), outputs=len(text.vocabulary), read="every")
    >>> variables = model.init(jax.random.key(0), text.x[:1], train=False)
    >>> len(jt.evaluate.Writer(model, variables, text.vocabulary).write("The ", tokens=5, temperature=1.0, seed=0))
    9
    """

    model: nn.Module
    variables: Variables
    vocabulary: Vocabulary

    def __post_init__(self) -> None:
        name, traits = type(self.model).__name__, contract(self.model).traits
        if traits.writes != len(self.vocabulary):
            raise ConfigError(f"{name} was not trained to give a score of every token at each step of a text.")
        if traits.sees_future is not None:
            setting, value = traits.sees_future
            raise ConfigError(f"{name}.{setting} = {value} reads what is yet to be written; {not value} is allowed.")

    @classmethod
    def of(cls, runs: Runs, run: int = 0) -> "Writer":
        """The writer with the weights of one of the runs.

        Args:
            runs: trained on a text.
            run: its position among them.

        Raises:
            ConfigError: for runs on other data.
        """
        if runs.data.vocabulary is None:
            raise ConfigError(f"{runs.data.name} has no vocabulary, and so no text can be written.")
        variables = jax.tree.map(lambda leaf: leaf[run], runs.variables)
        return cls(runs.experiment.model, variables, runs.data.vocabulary)

    def write(self, prompt: str, *, tokens: int, temperature: float, seed: int) -> str:
        """A prompt and the text that the model writes after it.

        Args:
            prompt: at least one token; a token that is not in the vocabulary becomes "<unk>" where there is one.
            tokens: how many tokens are written.
            temperature: 1 draws as the model predicts, less is safer, 0 always takes the likeliest token.
            seed: of the draws.

        Raises:
            DataError: for a prompt with tokens that are not in the vocabulary, where it has no "<unk>".
            ConfigError: for an empty prompt, a temperature below 0, a number of tokens below 1, more of them than the model has
                places for, or an impossible seed.
        """
        if not 0 <= temperature < np.inf:
            raise ConfigError(f"temperature = {temperature} is not a number >= 0.")
        if not isinstance(tokens, int) or tokens < 1:
            raise ConfigError(f"tokens = {tokens} is not an integer >= 1.")
        if not 0 <= seed < 2**31:
            raise ConfigError(f"seed = {seed} is not an integer from 0 to {2**31 - 1}.")
        known = self.vocabulary.encode(prompt)
        if not known.size:
            raise ConfigError(f"prompt = {prompt!r} holds no token; at least one is needed.")
        longest = contract(self.model).traits.longest
        if longest is not None and known.size + tokens > longest:
            name = type(self.model).__name__
            raise ConfigError(
                f"tokens = {tokens} after the {known.size} of the prompt are more than the {longest} that {name} has places for."
            )
        variables = {name: tree for name, tree in self.variables.items() if name != CARRY}
        key = rng.stream(rng.root(seed), "sample")
        written = _written(self.model, variables, jnp.asarray(known)[None], jnp.float32(temperature), key, tokens)
        return self.vocabulary.decode(np.append(known, np.asarray(written)))


@functools.partial(jax.jit, static_argnames="tokens")
def _written(
    model: Any,
    variables: Variables,
    prompt: Int[Array, "1 time"],
    temperature: Float[Array, ""],
    key: Key[Array, ""],
    tokens: int,
) -> Int[Array, " tokens"]:
    def scores(cache: Any, x: Int[Array, "1 steps"]) -> tuple[Float[Array, " vocabulary"], Any]:
        given, new = model.apply({**variables, "cache": cache}, x, train=False, decode=True, mutable=["cache"])
        return given[0, -1], new["cache"]

    def step(carry: Any, key: Key[Array, ""]) -> tuple[Any, Int[Array, ""]]:
        given, cache = carry
        # The largest score is 0 before it is divided, so that no temperature makes it infinite.
        drawn = jax.random.categorical(key, (given - jnp.max(given)) / jnp.where(temperature > 0, temperature, 1))
        token = jnp.where(temperature > 0, drawn, jnp.argmax(given)).astype(jnp.int32)
        return scores(cache, token[None, None]), token

    first = scores(empty_cache(model, variables, prompt), prompt)
    return jax.lax.scan(step, first, jax.random.split(key, tokens))[1]
