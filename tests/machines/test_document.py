"""What is typed into the machines is what the documents say, and all of it."""

import pytest

from tests.machines.document import BACKUP, DEPLOY, UPGRADE, commands, section

TEXT = """
## One

Words.

```
before
```

**left and right.** More words:

```
cd there
make it
```

```
again
```

1. A step:

   ```sql
   SELECT 1;
   ```

**left.** No block.

## Two

```
elsewhere
```
"""


def test_blocks_of_a_section_are_found_by_whom_they_are_for():
    assert commands(TEXT, "One") == {
        "": ["before\n"],
        "left and right": ["cd there\nmake it\n", "again\n", "SELECT 1;\n"],
    }


def test_a_section_that_is_gone_is_told():
    with pytest.raises(ValueError, match="no section 'Three'"):
        section(TEXT, "Three")


@pytest.mark.parametrize(
    ("document", "title"),
    [
        (DEPLOY, "Three machines"),
        (DEPLOY, "Making them"),
        (UPGRADE, "A release, step by step"),
        (BACKUP, "Making them"),
        (BACKUP, "Putting back a moment"),
    ],
)
def test_no_block_of_what_is_played_is_left_out(document, title):
    text = document.read_text()
    found = [block for blocks in commands(text, title).values() for block in blocks]

    assert len(found) * 2 == section(text, title).count("```")


def test_the_three_machines_are_those_of_the_document():
    assert list(commands(DEPLOY.read_text(), "Three machines")) == [
        "db",
        "work and web",
        "work",
        "web",
    ]
