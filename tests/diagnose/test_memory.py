"""Memory that grows: planted in a user's step and beside a run of the engine, and neither where nothing is kept."""

import itertools

import jax
import jax.monitoring
import jax.numpy as jnp
import pytest

import jaxtricks as jt
from jaxtricks.diagnose import SIGNS, STEP_SIGNS, Case, Cause, StepCase
from jaxtricks.train.loop import SEGMENT
from tests.diagnose.loop_of_a_user import batch, start, stepping

STEP = jax.jit(stepping())


def test_a_list_that_keeps_every_loss_is_the_first_cause_with_its_bytes():
    kept = []

    def step(state, given):
        new, metrics = STEP(state, given)
        kept.append(metrics["loss"] if isinstance(metrics, dict) else metrics)
        return new, metrics

    found = jt.examine_step(step, start(), batch())
    assert found.diagnoses[0].cause is Cause.MEMORY, str(found)
    text = "Each call leaves 4 bytes in 1 array that nobody hands on, as in a list of losses: 100,000 calls hold 400 kB."
    assert text in str(found)


def test_a_step_that_keeps_the_last_loss_alone_does_not_grow():
    last = {}

    def step(state, given):
        new, metrics = STEP(state, given)
        last["loss"] = metrics
        return new, metrics

    assert STEP_SIGNS["memory"](StepCase(step, start(), batch())) == []


def test_compiled_programs_that_are_kept_are_seen_in_the_process():
    count = itertools.count()
    scaled = jax.jit(lambda state, given, number: stepping()(state | {"key": jax.random.key(number)}, given), static_argnums=2)
    (symptom,) = STEP_SIGNS["memory"](StepCase(lambda state, given: scaled(state, given, next(count)), start(), batch()))
    assert symptom.severity == "hint" and Cause.RECOMPILED in symptom.causes and "which is kept" in symptom.text


def test_a_state_that_grows_is_a_finding_and_no_misuse():
    def step(state, given):
        new, metrics = stepping()(state["own"], given)
        return {"own": new, "past": jnp.append(state["past"], 1.0)}, metrics

    found = jt.examine_step(jax.jit(step), {"own": start(), "past": jnp.zeros(1)}, batch())
    assert found.diagnoses[0].cause is Cause.MEMORY
    assert "state/past grows at each call: the state has 456 bytes, then 460 and 464." in str(found)


@pytest.mark.parametrize("keep", [True, False])
def test_what_is_kept_from_segment_to_segment_is_seen(keep):
    kept = []

    def listen(event, **about):
        if event == SEGMENT:
            new = jnp.ones(25)
            if keep:
                kept.append(new)

    experiment = jt.Experiment(model=jt.MLP(widths=(8,)), batch_size=32, epochs=8)
    jax.monitoring.register_event_listener(listen)
    try:
        found = SIGNS["memory"](Case(experiment, jt.load("digits").subset(100, seed=0), jt.Seeds(2)))
    finally:
        jax.monitoring.unregister_event_listener(listen)
    text = "From segment to segment 100 bytes in 1 array more stay alive: 100 bytes an epoch"
    assert [each.severity for each in found] == ["fault"] * keep and all(each.text.startswith(text) for each in found), found
