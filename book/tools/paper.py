"""What can be known of the paper without shipping its text: the numbers of its equations, figures, tables and sections,
and a hash of each run of three words. With these a test holds every quotation to what is printed.

    python book/tools/paper.py PAPER.md     write paper.json from the paper's text, with its formulas in LaTeX
"""

import base64
import hashlib
import json
import re
import sys
from pathlib import Path

FACTS = Path(__file__).with_name("paper.json")
BYTES = 3  # of a hash: a run of three words that is not in the paper passes once in a thousand


def words(text):
    """The words of a text in lower case, without formulas, marks and single letters."""
    text = re.sub(r"\$\$.*?\$\$|\$[^$]*\$", " ", text, flags=re.S)
    text = re.sub(r"\\[A-Za-z]+(\{[^{}]*\})*([_^](\{[^{}]*\}|\\?\w+))*", " ", text)
    text = re.sub(r"\S*[_^]\S*|\S*[α-ωΑ-Ω∇]\S*", " ", text)
    return [w for w in re.findall(r"[a-z]+(?:-[a-z]+)*", text.lower()) if len(w) > 1 or w == "a"]


def threes(text):
    """All runs of three words."""
    found = words(text)
    return [" ".join(found[i : i + 3]) for i in range(len(found) - 2)]


def digest(run):
    return hashlib.blake2b(run.encode(), digest_size=BYTES).digest()


def facts(text):
    """What is kept of the paper."""
    figures = re.findall(r"^Figure (\d+):", text, re.M)
    return {
        "equations": sorted({int(n) for n in re.findall(r"\\tag\{(\d+)\}|\\quad ?\((\d+)\)", text) for n in n if n}),
        "figures": sorted(map(int, figures)),
        "tables": sorted(int(n) for n in re.findall(r"^Table (\d+):", text, re.M)),
        "sections": sorted(set(re.findall(r"^((?:[1-8]|[A-J])(?:\.\d+)*) [A-Z]", text, re.M))),
        "runs": base64.b64encode(b"".join(sorted(set(map(digest, threes(text)))))).decode(),
    }


def unknown(quotation, known):
    """The first run of three words of a quotation that the paper does not have; None if it has them all."""
    return next((run for run in threes(quotation) if digest(run) not in known), None)


def known_runs():
    raw = base64.b64decode(json.loads(FACTS.read_text())["runs"])
    return {raw[i : i + BYTES] for i in range(0, len(raw), BYTES)}


if __name__ == "__main__":
    FACTS.write_text(json.dumps(facts(Path(sys.argv[1]).read_text(encoding="utf-8"))) + "\n")
