"""The script that counts alarms for drift, at a size of seconds."""

import csv

import numpy as np
import pytest

import jaxtricks as jt
from experiments.drift import __main__ as script
from experiments.drift import looks as looking
from experiments.drift import sets
from jaxtricks.config import ConfigError


def test_shifts_change_what_they_say():
    draw = np.random.default_rng(0)
    images, first = draw.integers(0, 17, (50, 4, 4, 1)).astype(np.uint8), np.arange(50) < 25
    for shift in (sets.noise(0.1), sets.darker(0.5), sets.moved, sets.odds(3)):
        found = shift(np.random.default_rng(1), images, 20, first)
        assert found.shape == (20, 4, 4, 1) and found.dtype == np.uint8 and found.max() <= 16
    same = sets.plain(np.random.default_rng(1), images, 20)
    assert (sets.moved(np.random.default_rng(1), images, 20, first)[:, :, 1:] == same[:, :, :-1]).all()
    table = np.c_[draw.normal(size=100), draw.integers(0, 2, 100)].astype(np.float32)
    many = sets.odds(9)(np.random.default_rng(2), np.arange(1000.0)[:, None], 100, np.arange(1000) < 500)
    assert (many < 500).mean() > 0.8
    rough = sets.rough(np.random.default_rng(1), table, 50, np.zeros(100, bool))
    assert set(rough[:, 1]) == {0, 1} and not set(rough[:, 0]) & set(table[:, 0])
    moved = sets.one_number(0.5)(np.random.default_rng(1), table, 100, np.zeros(100, bool))
    assert moved[:, 0].mean() - table[:, 0].mean() == pytest.approx(0.5 * table[:, 0].std(), rel=1e-4)


def test_a_table_of_people_has_a_category_and_gaps():
    data = sets.people()
    assert data.features is not None and 0 < data.x[:, data.features.index("rare")].mean() < 0.01
    assert (data.columns is not None) and np.isnan(data.x).any() and len(data.classes) == 2
    assert 0.4 < sets.first_half(data).mean() < 0.6


def test_looks_are_counted_over_divisions():
    stream = sets.Stream(lambda: jt.load("wine"), 90, 25, {"one number by 2 SD": sets.one_number(2)})
    looks = [look for division in range(2) for look in looking.looked("wine", stream, stream.load(), division, 2)]
    assert [look.shift for look in looks] == 2 * ["no shift", "no shift", "one number by 2 SD"]
    calm, shifted = script.rows(looks)
    assert (calm["looks"], shifted["looks"]) == (4, 2) and shifted["at 0.1"].startswith("100.0%")
    assert [len(next(csv.reader([line]))) for line in (looking.TITLE, looks[2].line())] == [9, 9]
    page = script.page(looks, "a machine")
    assert "| wine | no shift | 4 |" in page and "2 divisions of wine (40 of each by default) and 2 looks without" in page
    assert "Of these 4 looks" in page


def test_an_unknown_set_is_refused():
    with pytest.raises(ConfigError, match=r"'digit'; did you mean 'digits'"):
        script.chosen(sets.streams(None), ("digit",))
