"""Without Citus a cell is neither prepared for it nor placed, and says why."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.two_cells import FIRST, structure

pytestmark = [pytest.mark.journey, pytest.mark.usefixtures("kept_cells")]


def said(*arguments):
    out = StringIO()
    call_command("cells", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("command", [("prepare", FIRST), ("place", FIRST, "10.0.0.7:5432")])
def test_without_citus_nothing_is_distributed(command):
    before = structure("cell_first"), structure("public")

    with pytest.raises(CommandError, match="This database has no Citus"):
        said(*command)

    assert (structure("cell_first"), structure("public")) == before


@pytest.mark.parametrize("text", ["", "10.0.0.7", "10.0.0.7:", ":5432", "a b:5432", "a:5432;"])
def test_what_names_no_node_is_refused(text):
    with pytest.raises(CommandError, match="HOST:PORT"):
        said("place", FIRST, text)


def test_cells_are_listed_without_nodes():
    assert said("list").splitlines() == ["1 first: 0 accounts", "2 second: 0 accounts"]
