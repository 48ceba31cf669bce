"""The two wheels, the cell that installs them, and the chapters on Colab's versions."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book/tools"))

import twin  # noqa: E402
import wheels  # noqa: E402

QUICK = ("03", "06")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return wheels.build(tmp_path_factory.mktemp("wheels"))


def test_theory_and_weights_are_two_wheels_without_overlap(built):
    theory, models = (set(zipfile.ZipFile(built[name].path).namelist()) for name in ("paintlib", "paintlib-models"))
    assert not theory & models
    assert not [f for f in theory if f.endswith(".safetensors")] and "paintlib/datasets/SHA256SUMS" in theory
    shipped = {p.relative_to(ROOT).as_posix() for p in ROOT.glob("paintlib/models/*/**/*") if p.is_file()}
    assert shipped == {f for f in models if f.startswith("paintlib/models/")}
    assert built["paintlib"].path.stat().st_size < 20e6


def test_a_wheel_is_named_by_its_content_and_an_old_one_is_not_taken_for_it(built, tmp_path):
    (tmp_path / "paintlib").mkdir()
    (tmp_path / "paintlib/paintlib-0.0.1-py3-none-any.whl").touch()  # of a build that was interrupted
    again = wheels.build(tmp_path)
    assert {n: w.sha256 for n, w in again.items()} == {n: w.sha256 for n, w in built.items()}
    wheel = built["paintlib-models"]
    assert wheel.tag.startswith("paintlib-models-") and wheel.tag.endswith(wheel.sha256[:12])
    assert wheel.url(twin.PRETENDED) == (
        f"https://github.com/painters/book/releases/download/{wheel.tag}/{wheel.path.name}#sha256={wheel.sha256}"
    )


def test_weights_are_found_beside_the_theory_and_missed_with_a_word(built, tmp_path):
    """Installed into a folder of its own, the wheel is what runs, not the checkout."""
    code = (
        "import paintlib.networks as n, pathlib, sys; "
        "assert pathlib.Path(n.__file__).is_relative_to(sys.argv[1]); print(n.shipped()); n.load('cifar10')"
    )

    def run():
        command = [sys.executable, "-c", code, str(tmp_path)]
        return subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True)

    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(tmp_path)]
    subprocess.run([*pip, str(built["paintlib"].path)], check=True)
    without = run()
    assert without.stdout == "[]\n" and "install the wheel paintlib-models" in without.stderr
    with zipfile.ZipFile(built["paintlib-models"].path) as wheel:
        wheel.extractall(tmp_path)
    assert run().returncode == 0


def test_quick_chapters_on_colabs_versions(built, tmp_path):
    """Each alone in an empty folder; installed are paintlib and array-api-compat, no more; all prints are as stored."""
    colab = twin.Twin(tmp_path / "venv")
    colab.make(networks=False)
    for number in QUICK:
        (chapter,) = ROOT.glob(f"chapters/{number}_*.ipynb")
        source = json.loads(chapter.read_text(encoding="utf-8"))
        assert twin.check(colab, source, built, tmp_path / "run") == []
