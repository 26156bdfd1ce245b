"""The way to a cell: which one work is in (`place.py`), and which has what (`directory.py`)."""
