"""From phone symbols of several synthesisers to the few classes that lips can show."""

from __future__ import annotations

import re
import unicodedata

SILENCE = "silence"
CLASSES = (
    SILENCE,
    "bilabial",  # m b p: lips shut
    "labiodental",  # f v: lower lip at the teeth
    "close_round",  # u w y: small round opening
    "mid_round",  # o, o-umlaut
    "open",  # a
    "mid_spread",  # e
    "close_spread",  # i j
    "central",  # schwa
    "hiss",  # s z: teeth together
    "hush",  # sh zh ch: teeth together, lips forward
    "tip",  # t d n l
    "back",  # k g ng h
    "rhotic",  # r
    "dental",  # th
)

_IPA = {
    "bilabial": "mbpɓɸβʙ",
    "labiodental": "fvʋɱ",
    "close_round": "uwʊyʏɥʉ",
    "mid_round": "oɔøœɒɵɞ",
    "open": "aɑæʌɐɶ",
    "mid_spread": "eɛ",
    "close_spread": "iɪjʝᵻʎɲ",
    "central": "əɨɯɜɤɚɘᵊ",
    "hiss": "sz",
    "hush": "ʃʒɕʑʂʐç",
    "tip": "tdnlɾɟʈɖɳɭɫcɬɮ",
    "back": "kgɡŋxɣhħʕʔqχʁɦɰ",
    "rhotic": "rɹɽʀɻ",
    "dental": "θð",
}
_CLASS_OF_IPA = {character: name for name, text in _IPA.items() for character in text}

# Symbols of the voices of flite and festival, as IPA. English first; others where they differ.
_ENGLISH = {
    "aa": "ɑ", "ae": "æ", "ah": "ʌ", "ao": "ɔ", "aw": "aʊ", "ax": "ə", "axr": "ɚ", "ay": "aɪ",
    "b": "b", "ch": "tʃ", "d": "d", "dh": "ð", "eh": "ɛ", "er": "ɜɹ", "ey": "eɪ", "f": "f",
    "g": "k", "hh": "h", "h": "h", "ih": "ɪ", "iy": "i", "jh": "dʒ", "k": "k", "l": "l", "m": "m",
    "n": "n", "ng": "ŋ", "ow": "oʊ", "oy": "ɔɪ", "p": "p", "r": "ɹ", "s": "s", "sh": "ʃ", "t": "t",
    "th": "θ", "uh": "ʊ", "uw": "u", "v": "v", "w": "w", "y": "j", "z": "z", "zh": "ʒ",
}  # fmt: skip
_INDIAN = {
    **_ENGLISH, "a": "a", "aa": "a", "uh": "ə", "dh": "d", "th": "t", "ch": "tʃ", "j": "dʒ",
    "eh": "e", "ee": "e", "oo": "o", "oh": "o", "T": "t", "D": "d", "N": "n", "ddh": "d",
    "kh": "k", "iy": "i", "ih": "i", "bh": "b", "ph": "p", "gh": "k", "tt": "t",
}  # fmt: skip
_ITALIAN_CATALAN = {
    "E": "ɛ", "O": "ɔ", "L": "ʎ", "J": "ɲ", "S": "ʃ", "Z": "ʒ", "ax": "ə", "ng": "ŋ", "rr": "r",
    "tS": "tʃ", "dZ": "dʒ", "g": "k",
}  # fmt: skip
_CZECH = {"c~": "tʃ", "s~": "ʃ", "z~": "ʒ", "r~": "rʒ", "ch": "x", "n~": "ɲ", "d~": "d",
          "t~": "t", "dz~": "dʒ", "y": "i", "g": "k"}  # fmt: skip
_FINNISH = {"@": "æ", "7": "ø", "g": "k"}
_RUSSIAN = {
    "aa": "a", "ay": "ə", "oo": "o", "uu": "u", "ur": "ʊ", "ee": "e", "ii": "i", "y": "ɨ",
    "yy": "ɨ", "ae": "ə", "h": "x", "hh": "x", "zh": "ʒ", "sh": "ʃ", "sch": "ʃ", "c": "ts",
    "ch": "tʃ", "g": "k",
}  # fmt: skip
_TABLES = (
    ("flite", _ENGLISH),
    ("festival_lp", _ITALIAN_CATALAN),
    ("festival_pc", _ITALIAN_CATALAN),
    ("festival_upc", _ITALIAN_CATALAN),
    ("festival_czech", _CZECH),
    ("festival_suo", _FINNISH),
    ("festival_hy", _FINNISH),
    ("festival_hindi", _INDIAN),
    ("festival_telugu", _INDIAN),
    ("festival_msu", _RUSSIAN),
    ("festival", _ENGLISH),
)
_SILENT = {"pau", "#", "##", "_", "_:", "sil", "h#", "brth", ""}


def classes_of(voice: str, symbol: str) -> list[int]:
    """Indices into ``CLASSES`` that a phone passes through: one, or two for a diphthong.

    Args:
        voice: name of the voice or file, which tells the phone set; IPA for any other.
        symbol: what the synthesiser calls the phone.
    """
    if symbol in _SILENT:
        return [0]
    if symbol.startswith("="):  # tools/align_speech.py names classes
        return [CLASSES.index(symbol[1:])]
    table = next((table for prefix, table in _TABLES if voice.startswith(prefix)), None)
    ipa = symbol
    if table is not None:
        bare = re.sub(r"[0-9:*]+$", "", symbol) if symbol not in table else symbol
        ipa = table.get(bare, "")
        if not ipa:  # palatal consonants are written double
            ipa = table.get(bare[:1], bare[:1]) if len(set(bare)) == 1 else bare
    plain = unicodedata.normalize("NFD", ipa)  # accents apart
    names = [_CLASS_OF_IPA[character] for character in plain if character in _CLASS_OF_IPA]
    found = [CLASSES.index(name) for name in dict.fromkeys(names)]
    return found[:3] or [0]
