"""What goes public: one folder from one address, and the workflow that publishes it."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book/tools"))

import publish  # noqa: E402
from address import Home  # noqa: E402

WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))
HOME = Home("course", "painting")


def schema(name, *files):
    program = Path(sys.executable).with_name("check-jsonschema")
    command = [program, "--builtin-schema", name, *files]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    """All that is published for a fork, but for the site and the PDF, which tests/test_site.py sees."""
    out = tmp_path_factory.mktemp("out") / "publish"

    def build(folder, environ):
        assert environ == {"BOOK_ADDRESS": "https://github.com/course/painting"}
        source = folder / "html/_sources/chapters"
        source.mkdir(parents=True)
        (source / "04_outline_first.ipynb").write_text("{}")
        return folder / "html"

    publish.publish(HOME, out, build, lambda site, target: target.write_text("the book"))
    return out


def test_one_folder_holds_the_site_the_editions_and_the_wheels(public):
    chapters = {path.name for path in ROOT.glob("chapters/*.ipynb")}
    for kind in ("chapters", "student"):
        assert {path.name for path in public.glob(f"colab/{kind}/*.ipynb")} == chapters
    for kind in ("student", "instructor"):
        names = zipfile.ZipFile(public / f"site/{kind}.zip").namelist()
        assert sorted(names) == sorted(f"{kind}/{name}" for name in chapters)
    assert {"book.pdf", "CITATION.cff"} <= {path.name for path in (public / "site").iterdir()}
    downloaded = public / "site/_sources/chapters/04_outline_first.ipynb"
    assert downloaded.read_text() == (public / "colab/chapters/04_outline_first.ipynb").read_text()


def test_notebooks_install_what_is_released_and_weights_only_where_they_are_used(public):
    tags = dict(line.split() for line in (public / "release/tags").read_text().splitlines())
    sums = dict(reversed(line.split()) for line in (public / "release/SHA256SUMS").read_text().splitlines())
    urls = {f"{HOME.repository}/releases/download/{tag}/{file}#sha256={sums[file]}" for tag, file in tags.items()}
    assert {path.name for path in public.glob("release/*.whl")} == set(tags.values())
    for path in public.glob("colab/*/*.ipynb"):
        first = next(c for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code")
        asked = set(re.findall(r'"(https://[^"]+)"', "".join(first["source"])))
        assert asked <= urls and any("/paintlib-0" in url for url in asked)
        if path.name < "05":
            assert not any("models" in url for url in asked)


def test_a_fork_is_published_under_its_own_address_alone(public):
    found = {}
    for path in public.rglob("*"):
        if path.suffix in {".ipynb", ".md", ".cff"}:
            text = path.read_text(encoding="utf-8")
            for owner in re.findall(
                r"(?:github\.com|github)/([\w-]+)/[\w-]+/(?:blob|releases)|https://(\w+)\.github\.io", text
            ):
                found.setdefault("".join(owner), path)
    assert set(found) == {"course"}, found


def test_the_citation_is_valid_with_and_without_an_address(public):
    for file in (ROOT / "CITATION.cff", public / "site/CITATION.cff"):
        checked = schema("vendor.citation-file-format", file)
        assert checked.returncode == 0, checked.stdout
    assert yaml.safe_load((public / "site/CITATION.cff").read_text())["url"] == "https://course.github.io/painting/"


def test_workflows_are_valid():
    checked = schema("vendor.github-workflows", *WORKFLOWS)
    assert WORKFLOWS and checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_official_and_pinned_and_jobs_may_do_what_they_need_alone(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {}
    wide = {
        name: job["permissions"] for name, job in workflow["jobs"].items() if "write" in job["permissions"].values()
    }
    assert wide == {"editions": {"contents": "write"}, "pages": {"pages": "write", "id-token": "write"}}
    for name, job in workflow["jobs"].items():
        for step in job["steps"]:
            assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", step.get("uses", "actions/x@" + 40 * "0")), step
            assert "${{" not in step.get("run", ""), "what an event says must not become a command"
        assert name == "test" or name == "make" or "test" in str(workflow["jobs"]["make"]["needs"])
    assert workflow["jobs"]["make"]["if"] == "github.event_name != 'pull_request' && github.ref == 'refs/heads/main'"
