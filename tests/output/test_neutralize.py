"""What neutralize escapes, what it leaves whole, and that its result is always safe."""

# ruff: noqa: RUF001 - letters that look like others are the point of these tests

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpx_cli.output.neutralize import neutralize, without_commands

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff"


def tags(text: str) -> str:
    """Spell ASCII in tag characters."""
    return "".join(chr(0xE0000 + ord(letter)) for letter in text)


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA0)])
def test_every_control_becomes_a_visible_escape(code: int) -> None:
    """C0, DEL and C1, with tab and newline in their short form."""
    escape = {9: "\\t", 10: "\\n", 13: "\\r"}.get(code, f"\\x{code:02x}")
    assert neutralize(f"a{chr(code)}b") == f"a{escape}b"


@pytest.mark.parametrize("char", [*BIDI, *ZERO_WIDTH, *"\u2028\u2029\ufff9\ufffa\ufffb\u3164\uffa0\u115f\u034f\u180e"])
def test_invisible_characters_become_escapes(char: str) -> None:
    """Between Latin letters none of these does any work."""
    assert neutralize(f"a{char}b") == f"a\\u{ord(char):04x}b"


@pytest.mark.parametrize(
    "text",
    [
        "plain ASCII, with [bold]markup[/bold] and :smile:",
        "👍 👍🏽 ❤️ ☎️ 1️⃣ #️⃣ ™️",
        "👨‍👩‍👧‍👦 👩🏽‍💻 🏳️‍🌈 🏳️‍⚧️ 🏴‍☠️ ❤️‍🔥 🙂‍↔️ 🧑🏿‍🤝‍🧑🏻 👁️‍🗨️ 🐈‍⬛ 🧑‍⚕️ ⛹🏽‍♀️",
        "🇩🇪🇯🇵",
        "🏴" + tags("gbeng") + "\U000e007f🏴" + tags("gbsct") + "\U000e007f🏴" + tags("gbwls") + "\U000e007f",
        "می‌خواهم کتاب‌ها ه‍",  # Persian, ZWNJ and a final ZWJ
        "क्‍ष क्‌ष ক্‍ শ্রী র‍্য",  # Devanagari and Bengali joiners
        "ශ්‍රී ලංකා",  # Sinhala
        "മലയാളം ന്‍ സ്‌കൂള്‍",  # Malayalam chillus in the old spelling
        "ಕನ್ನಡ தமிழ் తెలుగు ગુજરાતી ਪੰਜਾਬੀ",
        "မြန်မာ ភាសាខ្មែរ ไทย ລາວ བོད་ཡིག",
        "ᠮᠣᠩᠭᠣᠯ᠎ᠠ ᠠ᠋",  # Mongolian with its vowel separator and a selector
        "한국어 \u1112\u1161\u11ab \u115f\u1161 \u1100\u1160",  # syllables, jamo, and fillers at work
        "日本語 葛󠄀 中文 ｆｕｌｌ　ｗｉｄｔｈ",  # an ideographic variation sequence, wide space
        "עברית שָׁלוֹם עִ͏ֽבְרִית العربية ۝ ܐܒܓ߿ ߒߞߏ",
        "Ελληνικά Кириллица Հայերեն ქართული አማርኛ ᏣᎳᎩ ⵜⵉⴼⵉⵏⴰⵖ",
        "e\u0301 ñ Å ﬁ ẞ Ǆ ạ̈",
        "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𓀀𓐍 𒀀 𐍈 𞤀𞤁",
        "non-breaking\xa0space, thin\u2009space, braille ⠓⠑⠇⠇⠕, private \ue0b0",
        "newer than this Python: \U0001fae9\U0001fadf",
    ],
)
def test_emoji_and_every_script_stay_whole(text: str) -> None:
    """What a script or an emoji needs is never taken from it."""
    assert neutralize(text) == text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("admin\u200d", "admin\\u200d"),
        ("ad\u200cmin", "ad\\u200cmin"),
        ("\u200d👩", "\\u200d👩"),
        ("👩\u200d", "👩\\u200d"),
        ("👩\u200da", "👩\\u200da"),
        ("م\u200c ", "م\\u200c "),
        ("م\u200c\u200cم", "م\\u200c\\u200cم"),
        ("a\ufe0f\u200d❤", "a\ufe0f\\u200d❤"),
        ("🏴" + tags("rm") + "\U000e007f", "🏴\\U000e0072\\U000e006d\\U000e007f"),
        ("a\U000e0100\U000e0101\ufe00", "a\U000e0100\\U000e0101\\ufe00"),
        ("\ufe0f", "\\ufe0f"),
        ("a\ud83db\udc00", "a\\ud83db\\udc00"),
        ("store\xadfront", "store\\xadfront"),
        *[(f"a{chr(code)}b", f"a\\U{code:08x}b") for code in (0xE0000, 0xE0001, 0xE0041, 0xE0080, 0xE01F0, 0xE0FFF)],
    ],
)
def test_what_has_no_effect_becomes_an_escape(text: str, safe: str) -> None:
    """Joiners between nothing, tags of no known flag, a second variation selector, lone surrogates, soft hyphens."""
    assert neutralize(text) == safe


ANY = st.text(
    st.one_of(
        st.characters(codec=None),
        st.sampled_from([*BIDI, *ZERO_WIDTH, *"\x1b\n\t\x9b\ufe0f\U000e0041\U000e0100\u034f\u115f\u1160\u180e👩❤مक्a"]),
    )
)


@given(ANY)
def test_the_result_is_one_safe_line_whatever_the_text(text: str) -> None:
    """It encodes, has no control, no bidi control and no tag but a flag's, and is stable."""
    safe = neutralize(text)
    safe.encode()
    assert not any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in safe)
    assert not set(safe) & {*BIDI, "\u200b", "\u2060", "\ufeff"}
    assert len(safe.splitlines()) <= 1
    assert neutralize(safe) == safe


@pytest.mark.parametrize(
    ("text", "inert"),
    [
        ("::error::x", "\\x3a:error::x"),
        ("  ::set-output name=a::b\nok", "  \\x3a:set-output name=a::b\nok"),
        ("a ##[group]b", "a #\\x23[group]b"),
        ("std::vector ## [x]", "std::vector ## [x]"),
    ],
)
def test_a_workflow_command_becomes_text(text: str, inert: str) -> None:
    """GitHub Actions reads `::` at the start of a line and `##[` anywhere."""
    assert without_commands(text) == inert


@pytest.mark.parametrize(
    "command",
    ["##vso[task.setvariable variable=A]b", "##[error]x", "##teamcity[message text='x']", "section_start:1:name"],
)
def test_commands_of_other_ci_systems_are_inert(command: str) -> None:
    """Azure, TeamCity and GitLab read commands anywhere in a line."""
    assert command not in without_commands(f"name {command}")
    document = {"name": command, "message": "::error::"}
    inert = without_commands(json.dumps(document), json=True)
    assert command not in inert
    assert json.loads(inert) == document
