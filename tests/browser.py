"""The browser of the page tests: Chromium or Chrome, found, or installed where that is allowed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
MISSING = (
    "The page tests need Chromium or Google Chrome, and none was found. Install one "
    "(Debian: sudo apt-get install chromium; macOS: brew install --cask chromium; else https://www.google.com/chrome), "
    "or give its path in the environment variable PAINT_BROWSER."
)


def find():
    """The path of a browser, or None."""
    named = os.environ.get("PAINT_BROWSER")
    if named:
        return named
    return next(filter(None, map(shutil.which, COMMANDS)), None) or next((p for p in PLACES if Path(p).exists()), None)


def install():
    """Install Debian's Chromium if this is a Debian where we are root."""
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        print("Installing chromium with apt-get", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for step in (["update", "-qq"], ["install", "-qq", "--yes", "--no-install-recommends", "chromium"]):
            subprocess.call(["apt-get", *step], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    find() or install()
    print(f"Browser: {find()}" if find() else MISSING, file=sys.stdout if find() else sys.stderr)
