"""A catalogued operator whose library is not there: refused with the line that installs it, by its right name."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from pathlib import Path

import pytest

from convention.catalogue import entry, lookup, operators
from convention.errors import MissingLibraryError
from convention.identification import identify, targets

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGES = {
    re.split(r"[\[<>=;]", line)[0].lower()
    for lines in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for line in lines
}


@pytest.fixture
def hidden(monkeypatch):
    """Return a function after which no such module is found."""

    def hide(*modules):
        for module in (entry, targets):
            there = module.find_spec
            monkeypatch.setattr(
                module, "find_spec", lambda name, *rest, there=there: None if name in modules else there(name, *rest)
            )

    return hide


@pytest.mark.parametrize("name", [name for name in operators() if not lookup(name).program])
def test_the_install_line_names_packages_of_the_project(name):
    pip, install, *packages = shlex.split(lookup(name).how_to_install)
    assert (pip, install) == ("pip", "install")
    assert {package.partition("[")[0].lower() for package in packages} <= PACKAGES


@pytest.mark.parametrize("name", [name for name in operators() if not lookup(name).program])
def test_a_missing_library_is_refused_with_its_install_line(name, hidden):
    one = lookup(name)
    hidden(one.library.partition(".")[0])
    with pytest.raises(MissingLibraryError) as caught:
        identify(name)
    assert f"{one.library.partition('.')[0]} is not installed" in str(caught.value)
    assert f"do: {one.how_to_install}" in str(caught.value)


@pytest.mark.parametrize(("name", "other"), [("onnx.Conv", "onnx"), ("keras.ops.conv", "tensorflow")])
def test_what_a_library_does_not_bring_is_missed_too(name, other, monkeypatch):
    there = entry.find_spec
    monkeypatch.setattr(entry, "find_spec", lambda wanted: there("numpy") if wanted != other else None)
    assert lookup(name).missing == other
    with pytest.raises(MissingLibraryError, match=f"{other} is not installed"):
        identify(name)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("cv2.blur", "pip install opencv-python-headless"),
        ("PIL.ImageFilter.BoxBlur", "pip install pillow"),
        ("skimage.filters.gaussian", "pip install scikit-image"),
        ("no_such_library.f", "pip install no_such_library"),
    ],
)
def test_a_function_outside_the_catalogue_has_its_librarys_install_line(name, line, hidden, monkeypatch):
    library = name.partition(".")[0]
    hidden(library)
    monkeypatch.delitem(sys.modules, library, raising=False)
    with pytest.raises(MissingLibraryError, match=f"do: {line}$"):
        identify(name)
