"""Phones of several synthesisers become the same few classes."""

from __future__ import annotations

import pytest

from sadtalker_core.systems.lite.mouth_net import PHONE_CLASSES
from sadtalker_core.training.phones import CLASSES, classes_of


def names(voice: str, symbol: str) -> list[str]:
    return [CLASSES[index] for index in classes_of(voice, symbol)]


def test_the_network_has_an_output_for_each_class() -> None:
    assert len(CLASSES) == PHONE_CLASSES
    assert CLASSES[:3] == ("silence", "bilabial", "labiodental")


@pytest.mark.parametrize(
    ("voice", "symbol", "wanted"),
    [
        ("espeak_de", "m", ["bilabial"]),
        ("espeak_ja", "ä", ["open"]),
        ("espeak_cmn", "ph", ["bilabial", "back"]),
        ("espeak_en", "aʊ", ["open", "close_round"]),
        ("espeak_en", "tʃ", ["tip", "hush"]),
        ("espeak_fr", "_", ["silence"]),
        ("flite_slt", "b", ["bilabial"]),
        ("flite_slt", "uw", ["close_round"]),
        ("flite_slt", "pau", ["silence"]),
        ("festival_lp_diphone", "a1", ["open"]),
        ("festival_pc_diphone", "dZ", ["tip", "hush"]),
        ("festival_czech_ph", "s~", ["hush"]),
        ("festival_suo_fi_lj_diphone", "@", ["open"]),
        ("festival_suo_fi_lj_diphone", "p:", ["bilabial"]),
        ("festival_hindi_NSK_diphone", "dh", ["tip"]),
        ("festival_msu_ru_nsh_clunits", "mm", ["bilabial"]),
        ("festival_msu_ru_nsh_clunits", "aa", ["open"]),
        ("festival_kal_diphone", "dh", ["dental"]),
        ("asterisk_fr", "=labiodental", ["labiodental"]),
    ],
)
def test_symbols(voice: str, symbol: str, wanted: list[str]) -> None:
    assert names(voice, symbol) == wanted


def test_unknown_symbols_are_silent() -> None:
    assert names("espeak_xx", "?!") == ["silence"]
