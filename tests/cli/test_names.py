"""Names as people type them: the last part of a path, another case, a slip, initials."""

import pytest

import jaxtricks as jt
from jaxtricks import cli
from jaxtricks.cli.train import COMMANDS
from jaxtricks.cli.words import changed, experiment_from, parsed
from jaxtricks.config.errors import nearest
from jaxtricks.config.families import AnyModel, _letters, choices


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ({"learning_rate": ["0.1"]}, {"optimizer.rule.learning_rate": 0.1}),
        ({"Learning_Rate": ["0.1"]}, {"optimizer.rule.learning_rate": 0.1}),
        ({"rule.learning_rate": ["0.1"]}, {"optimizer.rule.learning_rate": 0.1}),
        ({"dropout": ["0.5"]}, {"model.dropout": 0.5}),
        ({"optimizer": ["SGD"]}, {"optimizer.rule": "sgd"}),
        ({"rule": ["AdamW"]}, {"optimizer.rule": "adamw"}),
        ({"activation": ["LeakyReLU"]}, {"model.activation": "leaky_relu"}),
        ({"schedule": ["warmup-cosine"]}, {"optimizer.schedule": "warmup_cosine"}),
        ({"rule": ["sgd"], "learning_rate": ["3"]}, {"optimizer.rule": "sgd", "optimizer.rule.learning_rate": 3}),
    ],
)
def test_a_setting_is_found_by_the_end_of_its_path_in_any_case(words, changes):
    assert experiment_from(None, words) == jt.Experiment().replace(changes)


def test_a_change_is_found_by_the_end_of_its_path():
    assert changed(jt.Experiment(), ("dropout=0.5", "EPOCHS=3")) == jt.Experiment().replace({"model.dropout": 0.5, "epochs": 3})
    with pytest.raises(jt.ConfigError, match=r"^'scale' may be model\.kernel_init\.scale or inputs\.scale; name one of them\.$"):
        changed(jt.Experiment(model=jt.MLP(kernel_init="normal"), inputs=_scaled()), ("scale=2",))


def _scaled():
    @jt.extend.config()
    class Scaled(jt.experiment.Inputs):
        """Inputs with a scale."""

        scale: float = 1.0

    return Scaled()


def refused(capsys, *words) -> str:
    with pytest.raises(SystemExit) as stop:
        cli.main(words)
    said = capsys.readouterr().err
    assert stop.value.code == 2 and said.startswith("jaxtricks: ") and said.count("\n") == 1 and said.endswith((".\n", "?\n"))
    return said.removeprefix("jaxtricks: ").strip()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["comapre"], "there is no command 'comapre'; did you mean 'compare'?"),
        (["run", "--seeds", "three"], "--seeds: 'three' is not an integer."),
        (["run", "--folds"], "--folds: expected one argument."),
        (["run", "--part", "half"], "--part: 'half' is not a number."),
        (["run", "--better", "hihger"], "--better: 'hihger' is unknown; did you mean 'higher'?"),
        (["list", "trick"], "WHAT: 'trick' is unknown; did you mean 'tricks'?"),
        (["list"], "WHAT is missing; one of tricks, settings, metrics, data, runs, openings is allowed."),
        (["watch"], "FOLDER is missing; see `jaxtricks watch --help`."),
        (["run", "stray"], "'stray' stands where a flag should, such as --model.dropout."),
        (["run", "--lr", "0.1"], "there is no flag --lr; did you mean '--optimizer.rule.learning-rate'?"),
        (["run", "--sedes", "3"], "there is no flag --sedes; did you mean '--seeds'?"),
        (["run", "--colour", "red"], "there is no flag --colour; --help and `jaxtricks list settings` name all."),
        (["run", "--metrics", "auroc"], "metrics: metric = 'auroc' is unknown; did you mean 'roc_auc'?"),
        (
            ["run", "--model.dropout.rate", "0.5"],
            "model.dropout.rate has no meaning while model.dropout is off; set model.dropout first.",
        ),
    ],
)
def test_what_is_not_there_is_answered_in_one_sentence(words, says, capsys):
    assert refused(capsys, *words) == says


@pytest.mark.parametrize("name", ["colour", "fit", "auroc"])
def test_a_name_is_called_meant_only_where_it_is_near(name):
    assert "did you mean" not in nearest(name, ["accuracy", "list", "compare"])


def test_choices_of_a_family_differ_in_more_than_case():
    for family in [AnyModel, *jt.extend.Family.__subclasses__()]:
        names = list(choices(family))
        assert len({_letters(name) for name in names}) == len(names)


def test_a_flag_may_be_written_with_underscores_and_an_equals_sign():
    from_words = [parsed(["run", *words], COMMANDS) for words in (["--keep_every=3"], ["--keep-every", "3"])]
    assert from_words[0] == from_words[1] and from_words[0][0].keep_every == 3
