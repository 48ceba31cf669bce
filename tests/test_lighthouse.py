"""The command that asks Lighthouse: here a script stands in for it, that judges as it is told."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "book/tools/lighthouse.py", "book/one"]
STANDS_IN = """#!{python}
import json, sys
assert sys.argv[1].startswith("http://127.0.0.1:") and sys.argv[1].endswith("/book/one.html")
desktop = "--preset=desktop" in sys.argv
audits = {{"first-contentful-paint": 600 if desktop else {first}, "largest-contentful-paint": 700,
          "total-blocking-time": 40, "cumulative-layout-shift": {moved}}}
print(json.dumps({{"categories": {{"performance": {{"score": {score} if desktop else 0.5}}}},
                  "audits": {{name: {{"numericValue": v}} for name, v in audits.items()}},
                  "environment": {{"benchmarkIndex": 1234}}}}))
"""


def asked(program):
    environment = {"PATH": "/nowhere", "LIGHTHOUSE": str(program)}
    return subprocess.run(COMMAND, cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("judgement", "over"),
    [
        ({"first": 2400, "score": 0.91, "moved": 0.01}, "none"),
        ({"first": 2600, "score": 0.91, "moved": 0.01}, "book/one (mobile)"),
        ({"first": 2400, "score": 0.89, "moved": 0.01}, "book/one (desktop)"),
        ({"first": 2400, "score": 0.91, "moved": 0.06}, "book/one (mobile), book/one (desktop)"),
    ],
)
def test_what_is_over_a_budget_is_named_and_fails(tmp_path, judgement, over):
    program = tmp_path / "lighthouse"
    program.write_text(STANDS_IN.format(python=sys.executable, **judgement), encoding="utf-8")
    program.chmod(0o755)
    said = asked(program)
    rows = said.stdout.splitlines()
    assert rows[2].split()[:4] == ["book/one", "desktop", f"{judgement['score']:.2f}", "600"]
    assert rows[-1].endswith(f"): {over}") and said.returncode == (over != "none")


def test_without_lighthouse_it_says_what_to_install():
    said = asked("")
    assert said.returncode == 1 and "npm install --global lighthouse" in said.stderr
