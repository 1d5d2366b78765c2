"""The guide's examples run as they stand, one after another."""

import ast
import inspect
import re
from pathlib import Path

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "resilience.md"


async def test_every_example_of_the_guide_runs():
    blocks = list(re.finditer(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL))
    assert len(blocks) >= 8
    names = {}
    for block in blocks:
        line = GUIDE.read_text()[: block.start()].count("\n") + 1
        source = "\n" * line + block[1]  # so that a failure names the guide's own line
        code = compile(source, str(GUIDE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        running = eval(code, names)
        if inspect.iscoroutine(running):
            await running
