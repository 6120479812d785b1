"""The page of a chapter is made of the results that are kept."""

import xml.etree.ElementTree as ET

import pytest

from experiments.claims import claims
from experiments.page import ChapterPage
from jaxtricks.config import ConfigError


def test_a_chapter_s_page_shows_every_claim_with_its_figure(tmp_path):
    page = ChapterPage("why", tmp_path / "page.html")().read_text()
    names = [name for name, claim in claims().items() if claim.chapter == "why"]
    assert page.count("<svg") == len(names) == page.count("<section")
    assert all(f'id="{name}"' in page for name in names)
    first = page[page.index("<svg") : page.index("</svg>") + len("</svg>")]
    assert ET.fromstring(first).tag.endswith("svg")


def test_an_unknown_chapter_is_one_sentence():
    with pytest.raises(ConfigError, match="there is no chapter 'ensemble'; did you mean 'ensembles'"):
        ChapterPage("ensemble")()
