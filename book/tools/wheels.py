"""Build the two wheels, `paintlib` (theory, data, checks) and `paintlib-models` (the weights of the networks).

    python book/tools/wheels.py FOLDER       both, and SHA256SUMS

The same files give the same wheel, byte by byte. A wheel is released under a tag that its content names, so that what
an edition installs never moves: a changed package gets a tag of its own, an unchanged one is there already.
"""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {"paintlib": ROOT, "paintlib-models": ROOT / "paintlib/models"}


@dataclass(frozen=True)
class Wheel:
    """A built wheel, and where its release will be."""

    path: Path
    sha256: str

    @property
    def tag(self):
        name, version = self.path.name.split("-")[:2]
        return f"{name.replace('_', '-')}-{version}-{self.sha256[:12]}"

    def url(self, home):
        """Its address with its sum, which pip compares."""
        return f"{home.release(self.tag, self.path.name)}#sha256={self.sha256}"


def build(folder):
    """Both wheels, built into `folder`, by name."""
    folder = Path(folder).resolve()
    wheels = {}
    for name, place in SOURCES.items():
        shutil.rmtree(folder / name, ignore_errors=True)  # what a build left that was interrupted
        command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder / name]
        done = subprocess.run(list(map(str, command)), cwd=place, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"the wheel {name} could not be built: {done.stderr[-2000:]}")
        (built,) = (folder / name).glob("*.whl")
        path = built.replace(folder / built.name)
        (folder / name).rmdir()
        wheels[name] = Wheel(path, hashlib.sha256(path.read_bytes()).hexdigest())
    sums = "".join(f"{wheel.sha256}  {wheel.path.name}\n" for wheel in wheels.values())
    (folder / "SHA256SUMS").write_text(sums, encoding="utf-8")
    return wheels


if __name__ == "__main__":
    for wheel in build(sys.argv[1]).values():
        print(f"{wheel.path}: {wheel.path.stat().st_size / 1e6:.1f} MB, {wheel.tag}")
