"""How does a server end with the program that started it, even one killed with -9?

    python tether.py PARENT COMMAND…

becomes COMMAND, which the system kills when the thread of PARENT that started it has gone (Linux;
elsewhere it stays). It imports nothing of the project: it is run by its path, to begin sooner.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """Become the command; a code only if the parent has gone already."""
    parent, command = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            return 1
    os.execvp(command[0], command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
