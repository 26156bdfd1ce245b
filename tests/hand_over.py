"""`python hand_over.py NUMBER PROGRAM ...`: the program, with that socket handed over as systemd
does."""

import os
import sys

if __name__ == "__main__":
    number, *command = sys.argv[1:]
    os.dup2(int(number), 3)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
    os.execvp(command[0], command)
