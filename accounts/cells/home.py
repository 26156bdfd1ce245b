"""Where the rows of a table are at home once there are cells. For migrations of every app."""

from enum import Enum

# The key of an operation's hints that says where it belongs: one of Home. What has no model needs
# it: SQL and Python say by themselves neither which tables they touch nor whose.
HOME = "home"


class Home(Enum):
    # Once, in `public`, and seen from within every cell.
    GLOBAL = "global"
    # In each cell, and nowhere else.
    CELL = "cell"
    # In each cell, and in `public` for what happens outside of all cells.
    BOTH = "both"
