"""Why something was decided: the log people read under "Why?", its codes and sentences."""
