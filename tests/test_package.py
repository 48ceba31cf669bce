"""The package itself: its version, and modules that load when they are asked for."""

import subprocess
import sys

import pytest

import paintlib


def test_import_loads_a_module_when_it_is_asked_for():
    code = (
        "import sys, paintlib; assert 'numpy' not in sys.modules; "
        "paintlib.gaussian.Gaussian; paintlib.data.load; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_dir_lists_the_modules_and_an_unknown_one_names_them():
    assert {"gaussian", "schedules", "samplers", "__version__"} <= set(dir(paintlib))
    with pytest.raises(AttributeError, match=r"has no module 'gausian'; it has .*gaussian"):
        paintlib.gausian  # noqa: B018


def test_version_is_that_of_the_citation():
    with open("CITATION.cff") as file:
        assert f"version: {paintlib.__version__}\n" in file.read()
