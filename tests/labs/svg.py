"""A picture of a terminal: what `tmux capture-pane -e -p` writes, as SVG.

    python3 tests/labs/svg.py [TITLE] <captured >picture.svg
"""

import html
import re
import sys
import unicodedata

# Of a cell, in pixels.
WIDTH, HEIGHT, SIZE = 8.4, 18, 14
# Around the text, and above it for the title.
MARGIN, BAR = 12, 30
FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, 'Noto Sans Mono CJK KR', monospace"
GROUND, TEXT, FRAME, QUIET = "#16181d", "#d5d8de", "#2a2d35", "#8b909a"
COLOURS = ["#3b3f48", "#e5646b", "#7fc379", "#e0bf6c", "#66aaf0", "#c183dd", "#58b9c4", "#d5d8de",
           "#7c828d", "#f28b91", "#a2dd9c", "#f0d58c", "#93c5fb", "#d9a8ef", "#84d9e2", "#ffffff"]
# Lines between cells, by the sides of the cell that they touch; and bars, by eighths of its height. As characters they
# would leave gaps, or stand where the font has them.
LINES = {"─": "lr", "│": "ud", "┌": "rd", "┐": "ld", "└": "ru", "┘": "lu", "├": "rud", "┤": "lud", "┬": "lrd",
         "┴": "lru", "┼": "lrud"}
BARS = {chr(0x2580 + eighths): eighths for eighths in range(1, 9)}
PLAIN = {"fg": None, "bg": None, "bold": False, "dim": False, "italic": False, "underline": False,
         "reverse": False}


def columns(character):
    """How many cells a code point takes: 0, 1 or 2."""
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def colour(numbers):
    """The colour that follows 38 or 48, taken from the list."""
    kind = numbers.pop(0) if numbers else 0
    if kind == 2 and len(numbers) >= 3:
        red, green, blue = (numbers.pop(0) for _ in range(3))
        return f"#{red:02x}{green:02x}{blue:02x}"
    number = numbers.pop(0) if numbers else 7
    if number < 16:
        return COLOURS[number]
    if number >= 232:
        return "#" + f"{8 + 10 * (number - 232):02x}" * 3
    levels = [0, 95, 135, 175, 215, 255]
    cube = number - 16
    return "#" + "".join(f"{levels[cube // step % 6]:02x}" for step in (36, 6, 1))


def styled(style, numbers):
    """A style after the numbers of an SGR sequence."""
    style, numbers = dict(style), numbers or [0]
    flags = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse"}
    while numbers:
        number = numbers.pop(0)
        if number == 0:
            style = dict(PLAIN)
        elif number in flags:
            style[flags[number]] = True
        elif number == 22:
            style["bold"] = style["dim"] = False
        elif number - 20 in flags:
            style[flags[number - 20]] = False
        elif 30 <= number <= 37 or 40 <= number <= 47:
            style["fg" if number < 40 else "bg"] = COLOURS[number % 10]
        elif 90 <= number <= 97 or 100 <= number <= 107:
            style["fg" if number < 100 else "bg"] = COLOURS[8 + number % 10]
        elif number in (38, 48):
            style["fg" if number == 38 else "bg"] = colour(numbers)
        elif number in (39, 49):
            style["fg" if number == 39 else "bg"] = None
    return style


def cells(captured):
    """The lines of a capture: each a list of (column, text, columns, style)."""
    style = dict(PLAIN)
    for line in captured.rstrip("\n").split("\n"):
        found, column, joined = [], 0, False
        for part in re.split(r"(\x1b\[[0-9;:]*m)", line):
            if part.startswith("\x1b["):
                style = styled(style, [int(n) for n in re.findall(r"\d+", part)])
                continue
            # Other sequences, such as those of character sets, show nothing.
            for character in re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]|\x1b[()].|[\x00-\x1f]", "", part):
                width = columns(character)
                if found and (width == 0 or joined):
                    at, text, taken, kept = found[-1]
                    found[-1] = (at, text + character, taken, kept)
                else:
                    found.append((column, character, width, style))
                    column += width
                joined = character == "\u200d"
        yield found


def plain(text):
    """Whether every font for terminals has these characters."""
    return all(character < "\u0250" or "\u2500" <= character < "\u2580" for character in text)


def runs(line):
    """Cells that can be written together. What is not plain stands alone, so that it stands in its
    column, and in its place where it reads from right to left. Of what is drawn equals are together."""
    together = None
    for column, text, width, style in line:
        drawn = text if text in LINES or text in BARS else None
        simple = drawn or (width == 1 and plain(text))
        if together and simple and together[3:] == [style, simple]:
            together[1] += text
            together[2] += width
            continue
        if together:
            yield together[:4]
        together = [column, text, width, style, simple]
    if together:
        yield together[:4]


def drawing(character, x, top, length, colour):
    """Lines or a bar in one cell, or in several of a row, as rectangles."""
    if character in BARS:
        high = HEIGHT * BARS[character] / 8
        yield f'<rect x="{x:.1f}" y="{top + HEIGHT - high:g}" width="{length:.1f}" height="{high:g}" fill="{colour}"/>'
        return
    sides = LINES[character]
    look = f'fill="{colour}" shape-rendering="crispEdges"/>'
    across, down = x + WIDTH / 2, top + HEIGHT // 2
    if set("lr") & set(sides):
        start, end = x if "l" in sides else across, x + length if "r" in sides else across
        yield f'<rect x="{start:.1f}" y="{down}" width="{end - start:.1f}" height="1" {look}'
    if set("ud") & set(sides):
        start, end = top if "u" in sides else down, top + HEIGHT if "d" in sides else down + 1
        # Of several beside each other each has its own.
        for at in range(round(length / WIDTH)):
            yield f'<rect x="{across + at * WIDTH:.1f}" y="{start}" width="1" height="{end - start}" {look}'


def blank(line):
    """Whether nothing of a line is seen."""
    return all(not text.strip() and not style["bg"] and not style["reverse"] for _, text, _, style in line)


def svg(captured, title="", cursor=None):
    lines = list(cells(captured))
    while lines and blank(lines[-1]):
        lines.pop()
    widest = max((line[-1][0] + line[-1][2] for line in lines if line), default=0)
    width = round(widest * WIDTH + 2 * MARGIN)
    height = len(lines) * HEIGHT + BAR + MARGIN
    label = html.escape(title)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
           f'height="{height}" role="img" aria-label="{label}" font-family="{FONT}" '
           f'font-size="{SIZE}">',
           f"<title>{label}</title>",
           f'<rect width="{width}" height="{height}" rx="8" fill="{GROUND}" stroke="{FRAME}"/>']
    for n, dot in enumerate(("#e5646b", "#e0bf6c", "#7fc379")):
        out.append(f'<circle cx="{18 + 18 * n}" cy="{BAR / 2:g}" r="5.5" fill="{dot}"/>')
    out.append(f'<text x="{width / 2:g}" y="{BAR / 2 + 5:g}" text-anchor="middle" fill="{QUIET}">'
               f"{label}</text>")
    for row, line in enumerate(lines):
        top = BAR + row * HEIGHT
        for column, text, taken, style in runs(line):
            fg, bg = style["fg"] or TEXT, style["bg"]
            if style["reverse"]:
                fg, bg = bg or GROUND, style["fg"] or TEXT
            if style["dim"]:
                fg = QUIET
            x, length = MARGIN + column * WIDTH, taken * WIDTH
            if bg:
                # A little more, so that no line shows between two of them.
                out.append(f'<rect x="{x:.1f}" y="{top}" width="{length + 0.3:.1f}" '
                           f'height="{HEIGHT}" fill="{bg}"/>')
            if not text.strip():
                continue
            if text[0] in LINES or text[0] in BARS:
                out.extend(drawing(text[0], x, top, length, fg))
                continue
            look = f'fill="{fg}"'
            look += ' font-weight="bold"' if style["bold"] else ""
            look += ' font-style="italic"' if style["italic"] else ""
            look += ' text-decoration="underline"' if style["underline"] else ""
            # What may come from another font stands in the middle of its cells.
            if plain(text):
                place = f'x="{x:.1f}" textLength="{length:.1f}" lengthAdjust="spacingAndGlyphs"'
            else:
                place = f'x="{x + length / 2:.1f}" text-anchor="middle"'
            out.append(f'<text {place} y="{top + 14}" xml:space="preserve" {look}>'
                       f"{html.escape(text)}</text>")
    if cursor and cursor[1] < len(lines):
        column, row = cursor
        out.append(f'<rect x="{MARGIN + column * WIDTH:.1f}" y="{BAR + row * HEIGHT}" '
                   f'width="{WIDTH:.1f}" height="{HEIGHT}" fill="{TEXT}" opacity="0.7"/>')
    return "\n".join([*out, "</svg>", ""])


if __name__ == "__main__":
    sys.stdout.write(svg(sys.stdin.read(), " ".join(sys.argv[1:])))
