"""Draw the README's picture, `.github/deploy.svg`, from a real run against the sandbox.

    python tests/support/draw_readme.py

The picture is a terminal that plays the run in a loop. A viewer that doesn't animate, or a user who asked for reduced
motion, sees the end of it.
"""

from __future__ import annotations

import re
import sys
import tempfile
from html import escape
from pathlib import Path
from typing import NamedTuple

import program

from dpx_cli.sandbox.server import Sandbox

FILE = Path(__file__).parents[2] / ".github" / "deploy.svg"
COMMANDS = ("dpx projects list", "dpx deploy --project storefront --branch main")
COLUMNS = 84
FRAME = 0.1  # seconds between two drawings of a live line, as dpx has it
PAUSE = 0.8  # seconds before and after a command
HOLD = 6.0  # seconds that the end stays

WIDTH, HEIGHT, SIZE = 8.4, 20, 14  # of a character, a line and the font, in pixels
LEFT, TOP = 20, 52
# A drawing of lines in place, as output/display.py writes it, and the erasure of the last one.
DRAWING = re.compile(
    r"\x1b\[\?25l\x1b\[\?7l(?:\x1b\[\d+A)?\r(.*?)\x1b\[J\x1b\[\?7h\x1b\[\?25h|\x1b\[\d+A\r\x1b\[J", re.DOTALL
)
COLORS = {"31": "#ff7b72", "32": "#56d364", "33": "#e3b341", "34": "#79c0ff", "36": "#76e3ea"}
STYLE = f"""\
text{{font:{SIZE}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}}
text{{fill:#e6edf3;white-space:pre}}
.b{{font-weight:bold}}.d{{fill:#8b949e}}.f{{opacity:0}}
"""


class Line(NamedTuple):
    """A line of the screen, with its escape sequences; it is there from `start` to `end` (None: stays) in seconds."""

    row: int
    text: str
    start: float
    end: float | None


def record() -> list[tuple[str, str]]:
    """Run the commands on a terminal. Return each with what it wrote."""
    with Sandbox(build_seconds=2) as sandbox, tempfile.TemporaryDirectory() as folder:
        env = program.clean_env(Path(folder), {"DPX_API_URL": sandbox.url, "DPX_TOKEN": sandbox.token})
        return [
            (line, program.terminal(line.split(), env=env, cwd=Path(folder), columns=COLUMNS).out) for line in COMMANDS
        ]


def played(runs: list[tuple[str, str]]) -> tuple[list[Line], float]:
    """Return the lines of the screen with their times, and when the last one is there."""
    lines: list[Line] = []
    now, row = 0.0, 0
    for command, output in runs:
        lines.append(Line(row, f"\x1b[32m$\x1b[0m \x1b[1m{command}\x1b[0m", now, None))
        now += PAUSE
        row += 1
        kept, *drawings = DRAWING.split(output)
        for frame, after in zip([None, *drawings[::2]], [kept, *drawings[1::2]], strict=True):
            for below, text in enumerate((frame or "").replace("\x1b[K", "").splitlines()):
                lines.append(Line(row + below, text, now, now + FRAME))
            now += FRAME if frame else 0
            for text in after.splitlines():
                lines.append(Line(row, text, now, None))
                row += 1
        now += PAUSE
        row += 1
    return lines, now - PAUSE


def drawn(runs: list[tuple[str, str]]) -> str:
    """Return the picture of some runs."""
    lines, end = played(runs)
    total = end + HOLD
    height = TOP + (max(line.row for line in lines) + 1) * HEIGHT + 8
    width = round(2 * LEFT + COLUMNS * WIDTH)
    rules, texts = [], []
    for number, line in enumerate(lines):
        texts.append(f'<g class="{"f" if line.end else "k"}" id="l{number}">{_text(line)}</g>')
        gone = f"{_percent(line.end, total)}{{opacity:0}}" if line.end else ""
        first = "0%{opacity:0}" if line.start else ""
        rules.append(
            f"@keyframes l{number}{{{first}{_percent(line.start, total)}{{opacity:1}}{gone}}}"
            f"#l{number}{{animation:l{number} {total:.1f}s step-end infinite}}"
        )
    motion = f"@media(prefers-reduced-motion:no-preference){{{''.join(rules)}}}"
    dots = "".join(
        f'<circle cx="{LEFT + 4 + 20 * number}" cy="20" r="6" fill="{color}"/>'
        for number, color in enumerate(("#ff5f57", "#febc2e", "#28c840"))
    )
    title = escape(" and ".join(command for command, _ in runs))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img"><title>A terminal that runs {title}</title>\n<style>{STYLE}{motion}</style>\n'
        f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>{dots}\n' + "\n".join(texts) + "\n</svg>\n"
    )


def _percent(seconds: float, total: float) -> str:
    return f"{100 * seconds / total:.2f}%"


def _text(line: Line) -> str:
    """Return a line's text elements, one for each stretch of one style."""
    column = 0
    found = []
    styles: list[str] = []
    for codes, text in re.findall(r"(?:\x1b\[([0-9;]*)m)?([^\x1b]*)", line.text):
        if codes:
            styles = [] if codes == "0" else [*styles, *codes.split(";")]
        if text.strip():
            x = LEFT + (column + len(text) - len(text.lstrip())) * WIDTH
            shown = text.strip()
            y = TOP + line.row * HEIGHT
            # Whatever font there is, columns stay columns.
            length = f'textLength="{len(shown) * WIDTH:.1f}"'
            place = f'xml:space="preserve" x="{x:.1f}" y="{y}" {length}'
            found.append(f"<text {place}{_style(styles)}>{escape(shown, quote=False)}</text>")
        column += len(text)
    return "".join(found)


def _style(codes: list[str]) -> str:
    classes = " ".join(name for code, name in (("1", "b"), ("2", "d")) if code in codes)
    color = next((COLORS[code] for code in codes if code in COLORS), "")
    return (f' class="{classes}"' if classes else "") + (f' style="fill:{color}"' if color else "")


def main() -> None:
    """Write the picture."""
    FILE.write_text(drawn(record()), encoding="utf-8")
    sys.stdout.write(f"{FILE} is up to date\n")


if __name__ == "__main__":
    main()
