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
from jaxtricks.evaluate.counts import check_count
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
        if not 0 <= seed < 2**31:
            raise ConfigError(f"seed = {seed} is not an integer from 0 to {2**31 - 1}.")
        check_count("tokens", tokens)
        known = self._known(prompt, tokens)
        key = rng.stream(rng.root(seed), "sample")
        written = _written(self.model, self._read_only, jnp.asarray(known)[None], jnp.float32(temperature), key, tokens)
        return self.vocabulary.decode(np.append(known, np.asarray(written)))

    def search(self, prompt: str, *, tokens: int, beams: int) -> str:
        """A prompt and the likeliest text after it that beam search finds: `argmax Σ_t log p(x_t | x_<t)` over texts.

        After each token those of the longer texts are kept that are the likeliest so far. One beam takes the likeliest token each
        time. With as many beams as there are texts of one token less, the text is the likeliest of all. Nothing is drawn.

        Args:
            prompt: at least one token; a token that is not in the vocabulary becomes "<unk>" where there is one.
            tokens: how many tokens are written.
            beams: how many texts are kept.

        Raises:
            DataError: for a prompt with tokens that are not in the vocabulary, where it has no "<unk>".
            ConfigError: for an empty prompt, a number of tokens or beams below 1, or more tokens than the model has places for.

        >>> text = jt.load("python_topics", text=jt.Text("char", length=16))
        >>> model = jt.RNN(widths=(8,), vocabulary=len(text.vocabulary), outputs=len(text.vocabulary), read="every")
        >>> writer = jt.evaluate.Writer(model, model.init(jax.random.key(0), text.x[:1], train=False), text.vocabulary)
        >>> writer.search("The ", tokens=5, beams=1) == writer.write("The ", tokens=5, temperature=0.0, seed=0)
        True
        """
        check_count("tokens", tokens)
        check_count("beams", beams)
        known = self._known(prompt, tokens)
        parents, written = map(np.asarray, _searched(self.model, self._read_only, jnp.asarray(known)[None], tokens, beams))
        text, beam = [], 0  # the likeliest is the first
        for step in reversed(range(tokens)):
            text.append(written[step, beam])
            beam = parents[step, beam]
        return self.vocabulary.decode(np.append(known, text[::-1]))

    def _known(self, prompt: str, tokens: int) -> Int[np.ndarray, " tokens"]:
        """The tokens of a prompt that so many more follow."""
        known = self.vocabulary.encode(prompt)
        if not known.size:
            raise ConfigError(f"prompt = {prompt!r} holds no token; at least one is needed.")
        longest = contract(self.model).traits.longest
        if longest is not None and known.size + tokens > longest:
            name = type(self.model).__name__
            raise ConfigError(
                f"tokens = {tokens} after the {known.size} of the prompt are more than the {longest} that {name} has places for."
            )
        return known

    @property
    def _read_only(self) -> Variables:
        """The variables without a state that training carried on."""
        return {name: tree for name, tree in self.variables.items() if name != CARRY}


def _scores(model: Any, variables: Variables, cache: Any, x: Int[Array, "1 steps"]) -> tuple[Float[Array, " vocabulary"], Any]:
    """The scores of what follows some steps, and the cache after them."""
    given, new = model.apply({**variables, "cache": cache}, x, train=False, decode=True, mutable=["cache"])
    return given[0, -1], new["cache"]


@functools.partial(jax.jit, static_argnames="tokens")
def _written(
    model: Any,
    variables: Variables,
    prompt: Int[Array, "1 time"],
    temperature: Float[Array, ""],
    key: Key[Array, ""],
    tokens: int,
) -> Int[Array, " tokens"]:
    def step(carry: Any, key: Key[Array, ""]) -> tuple[Any, Int[Array, ""]]:
        given, cache = carry
        # The largest score is 0 before it is divided, so that no temperature makes it infinite.
        drawn = jax.random.categorical(key, (given - jnp.max(given)) / jnp.where(temperature > 0, temperature, 1))
        token = jnp.where(temperature > 0, drawn, jnp.argmax(given)).astype(jnp.int32)
        return _scores(model, variables, cache, token[None, None]), token

    first = _scores(model, variables, empty_cache(model, variables, prompt), prompt)
    return jax.lax.scan(step, first, jax.random.split(key, tokens))[1]


@functools.partial(jax.jit, static_argnames=("tokens", "beams"))
def _searched(
    model: Any, variables: Variables, prompt: Int[Array, "1 time"], tokens: int, beams: int
) -> tuple[Int[Array, "tokens beams"], Int[Array, "tokens beams"]]:
    """Of each token of every beam: which beam it goes on from, and the token; the likeliest beam is the first."""

    def step(carry: Any, _: None) -> tuple[Any, tuple[Array, Array]]:
        total, given, cache = carry
        longer = total[:, None] + jax.nn.log_softmax(given)
        total, best = jax.lax.top_k(longer.ravel(), beams)
        parent, token = jnp.divmod(best, given.shape[-1])
        cache = jax.tree.map(lambda leaf: leaf[parent], cache)
        given, cache = jax.vmap(lambda cache, x: _scores(model, variables, cache, x))(cache, token[:, None, None])
        return (total, given, cache), (parent, token)

    first = _scores(model, variables, empty_cache(model, variables, prompt), prompt)
    given, cache = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (beams, *leaf.shape)), first)
    total = jnp.where(jnp.arange(beams) == 0, 0.0, -jnp.inf).astype(given.dtype)  # there is one text before the first token
    return jax.lax.scan(step, (total, given, cache), None, tokens)[1]
