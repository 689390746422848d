"""What `cargo generate` makes of examples/template, made in Python: the same placeholders, table of boards and
files. tests/labs/boards compares it with the real one."""

import json
import pathlib
import re
import tomllib

from liquid import Environment, StrictUndefined
from network import check

TEMPLATE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "template"
CONFIG = "cargo-generate.toml"
HOOK = "boards.rhai"
SUFFIX = ".liquid"


def boards(template=TEMPLATE):
    """What the hook knows of each board."""
    text = (template / HOOK).read_text()
    found = re.search(r"^let boards = (#\{.*?^\});", text, re.S | re.M)
    check(found, f"{HOOK} has no table of boards")
    # Rhai writes `#{` where JSON has `{`.
    table = json.loads(found[1].replace("#{", "{"))
    choices = tomllib.loads((template / CONFIG).read_text())["placeholders"]["board"]["choices"]
    check(sorted(choices) == sorted(table), f"{CONFIG} offers {choices}, and {HOOK} knows {sorted(table)}")
    return table


def files(template, board):
    """The files of a board: the name in the new firmware, and the text. As at the end of the hook."""
    for path in sorted(path for path in template.rglob("*") if path.is_file()):
        name = path.relative_to(template).as_posix()
        # Of a pair, the file to be rendered wins.
        if name in (CONFIG, HOOK) or path.with_name(path.name + SUFFIX).exists():
            continue
        name = name.removesuffix(SUFFIX)
        if name == "memory.x" and board["family"] == "esp":
            continue
        moved = {f"boards/{board['driver']}.rs": "src/board.rs"}
        if board["family"] == "rp":
            moved["boards/rp.rs"] = "src/chip.rs"
        if board["driver"] == "cyw43":
            moved["boards/nvram.txt"] = "nvram.txt"
        name = moved.get(name, name)
        if not name.startswith("boards/"):
            yield name, path.read_text()


def rendered(choice, name, template=TEMPLATE, **placeholders):
    """The firmware for a board: each file's text, by its name."""
    board = boards(template)[choice]
    values = board | placeholders | {
        "board": choice, "project-name": name, "crate_name": name.replace("-", "_")}
    environment = Environment(undefined=StrictUndefined)
    return {file: text if file == "Cargo.lock" else environment.from_string(text, name=file).render(**values)
            for file, text in files(template, board)}
