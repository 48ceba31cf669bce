"""Where the book lives in public. All addresses follow from that of its repository, and stand in no file of it.

    from address import find
    find()      the home of this copy of the book, or None where none is known

A fork has an address of its own, so it publishes itself there without an edit.
"""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GITHUB = re.compile(r"https://github\.com/([\w.-]+)/([\w.-]+?)(?:\.git)?/?")


@dataclass(frozen=True)
class Home:
    """The public places of one copy of the book on GitHub, its Pages and Colab."""

    owner: str
    name: str

    @property
    def repository(self):
        return f"https://github.com/{self.owner}/{self.name}"

    @property
    def base(self):
        """The path of the site on its host: `/NAME/`, or `/` where the repository bears the host's name."""
        return "/" if self.name.lower() == f"{self.owner.lower()}.github.io" else f"/{self.name}/"

    @property
    def site(self):
        return f"https://{self.owner.lower()}.github.io{self.base}"

    def colab(self, folder="chapters"):
        """What comes before the name of a notebook that Colab opens, from the branch `colab`."""
        return f"https://colab.research.google.com/github/{self.owner}/{self.name}/blob/colab/{folder}/"

    def release(self, tag, file):
        return f"{self.repository}/releases/download/{tag}/{file}"


def parse(url):
    """The home of a repository's address; raises ValueError if it is none of GitHub's."""
    found = GITHUB.fullmatch(re.sub(r"^(ssh://)?git@github\.com[:/]", "https://github.com/", url.strip()))
    if not found:
        raise ValueError(f"the address is {url!r}; write it as https://github.com/OWNER/NAME, or leave it out.")
    return Home(*found.groups())


def find(given="", environ=os.environ, root=ROOT):
    """The home from, in this order, `given`, BOOK_ADDRESS, GITHUB_REPOSITORY, git's remote `origin`; else None."""
    given = given or environ.get("BOOK_ADDRESS", "")
    if given:
        return parse(given)
    if environ.get("GITHUB_REPOSITORY"):
        return parse(f"https://github.com/{environ['GITHUB_REPOSITORY']}")
    try:
        remote = subprocess.run(["git", "remote", "get-url", "origin"], cwd=root, capture_output=True, text=True)
        return parse(remote.stdout)
    except (OSError, ValueError):  # no git, no remote, or one that is not on GitHub
        return None
