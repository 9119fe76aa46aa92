r"""Make text from the network or a file harmless on a terminal and in a tab-separated line.

What could move the cursor, color, reorder, hide or split text becomes a visible escape (`\x1b`, `\u202e`,
`\U000e0041`); everything that a script or an emoji needs is kept. It imports nothing of dpx.

Some characters are escaped only where they have no effect: joiners outside emoji and joining scripts, fillers outside
their script, a second variation selector in a row, tags outside the flags of England, Scotland and Wales.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re

# Everything that may have to be escaped; a text without any of these is returned as it is.
_SUSPECT = (
    "\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# England, Scotland, Wales: a black flag, the letters as tags, and the closing tag.
_FLAGS = "|".join(
    [
        "\U0001f3f4" + "".join([chr(0xE0000 + ord(letter)) for letter in region]) + "\U000e007f"
        for region in ("gbeng", "gbsct", "gbwls")
    ]
)

# Scripts in which ZWJ and ZWNJ choose the shape of letters.
_JOINING = (
    (0x0600, 0x0DFF),  # Arabic, Syriac, N'Ko, Mandaic, and Indic from Devanagari to Sinhala
    (0x0F00, 0x109F),  # Tibetan, Myanmar
    (0x1700, 0x18AF),  # Philippine scripts, Khmer, Mongolian
    (0x1900, 0x1CFF),  # Limbu to Vedic extensions
    (0xA800, 0xABFF),  # Syloti Nagri to Meetei Mayek
    (0xFB50, 0xFDFF),  # Arabic presentation forms
    (0xFE70, 0xFEFC),
    (0x10A00, 0x10FFF),  # Kharoshthi, Manichaean, Hanifi Rohingya, Sogdian ...
    (0x11000, 0x11FFF),  # Brahmi and the later Indic scripts
    (0x1E900, 0x1E95F),  # Adlam
)
# Letters that ZWJ shapes even at the end of a word.
_SHAPED = ((0x0620, 0x07FF), (0x0840, 0x08FF), (0x1820, 0x18AF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFC))
# A virama before a final ZWJ asks for the half form.
_VIRAMAS = frozenset(
    "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d3b\u0d3c\u0d4d\u0dca\u1039\u103a\u1714\u17d2\u1a60\u1b44\ua806\ua8c4\uabed"
)
# The characters on either side of ZWJ in an emoji sequence.
_EMOJI = (
    (0x00A9, 0x00A9),
    (0x00AE, 0x00AE),
    (0x2190, 0x21FF),
    (0x2300, 0x23FF),
    (0x2600, 0x27BF),
    (0x2900, 0x297F),
    (0x2B00, 0x2BFF),
    (0x1F000, 0x1FAFF),
)
# Format characters and fillers that belong to one script each, and the ranges of that script.
_HANGUL = ((0x1100, 0x11FF), (0xA960, 0xA97F), (0xD7B0, 0xD7FF))
_AT_HOME = {"\u115f": _HANGUL, "\u1160": _HANGUL, "\u180e": ((0x1820, 0x18AF),)}  # the last one is Mongolian

# Compiled on first need: most texts are printable ASCII and never get here.
_compiled: dict[str, re.Pattern[str]] = {}


def neutralize(text: str) -> str:
    """Return a text with everything harmful as a visible escape; ordinary text is returned unchanged, at once.

    The result is one line, encodes as UTF-8, and neutralizing it again changes nothing.
    """
    if (text.isascii() and text.isprintable()) or _pattern(_SUSPECT).search(text) is None:
        return text
    # A flag is matched whole, so that its tags are never looked at one by one.
    return _pattern(_SUSPECT, _FLAGS).sub(
        lambda match: match[0] if _is_kept(match) else match[0].encode("unicode_escape").decode(), text
    )


def escape_json(document: str) -> str:
    """Return a JSON document with what `neutralize` escapes as escapes of JSON; its line breaks stay."""
    if document.isascii() and "\x7f" not in document:
        return document
    suspect = _SUSPECT.removeprefix("\x00-\x1f")
    return _pattern(suspect, _FLAGS).sub(
        lambda match: match[0] if _is_kept(match) else _escape_for_json(match[0]), document
    )


def _pattern(suspect: str, whole: str = "") -> re.Pattern[str]:
    import re

    source = f"{whole}|[{suspect}]" if whole else f"[{suspect}]"
    if source not in _compiled:
        _compiled[source] = re.compile(source)
    return _compiled[source]


def _escape_for_json(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join([f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)])


def _is_kept(match: re.Match[str]) -> bool:
    """Return whether a suspect is harmless: its neighbors need it."""
    character, start = match[0], match.start()
    if len(character) > 1:
        return True  # a flag
    if _is_selector(ord(character)):
        return start > 0 and not _is_selector(ord(match.string[start - 1]))
    if character in "\u200c\u200d\u034f" or character in _AT_HOME:
        return _is_effective(character, match.string, start)
    return False


def _is_effective(character: str, text: str, at: int) -> bool:
    """Return whether a joiner, filler or script format character has an effect at its place."""
    before = _neighbor(text, at - 1)
    after = _neighbor(text, at + 1)
    if character == "\u034f":
        return before > 0x7F and after > 0x7F  # noqa: PLR2004 - beyond ASCII
    if home := _AT_HOME.get(character):
        return _within(before, home) or (home is _HANGUL and _within(after, home))
    if _within(before, _JOINING) and _within(after, _JOINING):
        return True
    if character == "\u200c" or text[at + 1 : at + 2] in {"\u200c", "\u200d"}:
        return False
    return _within(before, _SHAPED) or chr(before) in _VIRAMAS or (_within(before, _EMOJI) and _within(after, _EMOJI))


def _neighbor(text: str, at: int) -> int:
    """Return the code of the character at `at`, looking back over one selector; 0 if there is none or it is suspect."""
    if not 0 <= at < len(text):
        return 0
    code = ord(text[at])
    if _is_selector(code) and at > 0:
        code = ord(text[at - 1])
    return 0 if _pattern(_SUSPECT).match(chr(code)) else code


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= code <= last for first, last in ranges)


def _is_selector(code: int) -> bool:
    return (
        0xFE00 <= code <= 0xFE0F  # noqa: PLR2004 - VS1 to VS16
        or 0xE0100 <= code <= 0xE01EF  # noqa: PLR2004 - VS17 to VS256
        or code in (0x180B, 0x180C, 0x180D, 0x180F)  # Mongolian
    )


def without_commands(text: str, *, json: bool = False) -> str:
    r"""Return lines in which no CI system reads a command.

    These are `::…` at the start of a line (GitHub), `##[…]` and `##word[…]` (GitHub, Azure, TeamCity), and
    `section_start:` (GitLab). A visible escape takes the place of a character; in JSON an escape that means the same.
    """
    number, colon = ("\\u0023", "\\u003a") if json else ("\\x23", "\\x3a")
    if "##" in text:
        import re

        text = re.sub(r"##(?=\w*\[)", f"#{number}".replace("\\", r"\\"), text)
    for word in ("section_start", "section_end"):
        text = text.replace(f"{word}:", word + colon)
    if "::" in text and not json:
        lines = text.split("\n")
        for at, line in enumerate(lines):
            command = line.lstrip()
            if command.startswith("::"):
                lines[at] = f"{line[: len(line) - len(command)]}{colon}{command[1:]}"
        text = "\n".join(lines)
    return text
