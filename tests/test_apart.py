"""Trials that need root say what they lack, before they begin anything."""

import os
import shutil

import pytest

from tests import apart


@pytest.fixture(autouse=True)
def _path(monkeypatch):
    monkeypatch.setenv("PATH", os.environ["PATH"])


def test_an_ordinary_user_is_told_that_root_is_needed(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert apart.lacking({}).startswith("This needs root")


def test_each_package_that_is_missing_is_named_once(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", {"there": "/bin/there"}.get)

    programs = {"ip": "iproute2", "tc": "iproute2", "cc": "gcc", "there": "known"}

    assert apart.lacking(programs) == "This needs more packages: apt-get install gcc iproute2"


def test_nothing_is_lacking_where_all_is_there(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    assert apart.lacking({"sh": "dash"}) == ""
