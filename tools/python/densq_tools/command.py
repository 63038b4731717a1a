# SPDX-License-Identifier: MIT
"""What the programs have in common: an error of whatever kind becomes a message and a status."""
import os
import sys

from . import InputError


def describe(error):
    """An error as a message for its user."""
    if isinstance(error, (InputError, OSError)):
        return str(error)
    if isinstance(error, ImportError):
        return f"{error}; to install what it needs: pip install tools/python"
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return f"out of memory ({error})"
    return f"{type(error).__name__}: {error} (--traceback shows where)"


def size_text(size):
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def time_text(seconds):
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"


def add_traceback_option(parser):
    parser.add_argument("--traceback", action="store_true",
                        help="show where in the program an error arose")


def run_command(name, action, args, interrupted):
    """Runs action(args).  interrupted: what to say then."""
    rank = f" (rank {os.environ['RANK']})" if "RANK" in os.environ else ""
    try:
        action(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(f"{name}: interrupted; {interrupted}")
    except Exception as error:
        if args.traceback:
            raise
        sys.exit(f"{name}: error{rank}: {describe(error)}")
