"""Lighthouse's judgement of the built site, on both of its profiles, held against the budgets.

    python book/tools/lighthouse.py                 the start page, chapters 04 and 11 of _build/html
    python book/tools/lighthouse.py PAGE ...        other pages, as chapters/07_point_clouds

For each page and profile: the score of performance, first and largest content and the time the page was deaf (ms), how
far things moved; and how fast Lighthouse found the machine (`bench`; a desktop has 1000 and more). First content has to
stand within 2500 ms on the mobile profile, the score to reach 0.9 on the desktop one. Pages are served with gzip. The
times are this machine's: measure where nothing else runs. Needs Node, Chromium and Lighthouse (`npm install --global
lighthouse`, or LIGHTHOUSE=its path); nothing else in this repository does.
"""

import json
import os
import shutil
import subprocess
import sys

import weigh

SCORE = 0.9  # on the desktop profile; weigh.FIRST is the budget of the mobile one
PAGES = ("book/index", "chapters/04_outline_first", "chapters/11_theory_against_the_network")
MISSING = "Lighthouse was not found. Install it (npm install --global lighthouse) or give its path in LIGHTHOUSE."
NUMBERS = {
    "first": "first-contentful-paint",
    "largest": "largest-contentful-paint",
    "deaf": "total-blocking-time",
    "moved": "cumulative-layout-shift",
}


def report(program, address, profile):
    """Lighthouse's report on a page, on the profile "mobile" or "desktop"."""
    command = [program, address, "--only-categories=performance", "--output=json", "--quiet"]
    command += ["--chrome-flags=--headless=new --no-sandbox", *(["--preset=desktop"] * (profile == "desktop"))]
    environment = {"CHROME_PATH": weigh.chromium() or "", **os.environ}
    return json.loads(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout)


def figures(report):
    """Score, first, largest, deaf, moved and bench of a report."""
    found = {name: report["audits"][audit]["numericValue"] for name, audit in NUMBERS.items()}
    return {
        "score": report["categories"]["performance"]["score"],
        **found,
        "bench": report["environment"]["benchmarkIndex"],
    }


def over(profile, figures):
    """Whether a page is over a budget."""
    late = figures["first"] > weigh.FIRST if profile == "mobile" else figures["score"] < SCORE
    return late or figures["moved"] > weigh.SHIFT


def main(folder, pages):
    program = os.environ.get("LIGHTHOUSE") or shutil.which("lighthouse")
    if not program:
        sys.exit(MISSING)
    wrong = []
    print(f"{'page':42} profile score  first largest   deaf  moved  bench")
    with weigh.served(folder) as site:
        for page in pages or PAGES:
            for profile in ("mobile", "desktop"):
                f = figures(report(program, f"{site}/{page}.html", profile))
                print(
                    f"{page:42} {profile:7} {f['score']:5.2f} {f['first']:6.0f} {f['largest']:7.0f} {f['deaf']:6.0f} "
                    f"{f['moved']:6.3f} {f['bench']:6.0f}",
                    flush=True,
                )
                wrong += [f"{page} ({profile})"] * over(profile, f)
    print(f"over a budget (mobile {weigh.FIRST} ms, desktop {SCORE}, {weigh.SHIFT}): {', '.join(wrong) or 'none'}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(weigh.ROOT / "_build/html", sys.argv[1:]))
