# SPDX-License-Identifier: MIT
"""Python helpers around densq: checkpoints to safetensors, gradients, tuning, the file format."""


class InputError(Exception):
    """Something the user gave does not fit; the message says what, and what to do."""


def some_of(names, most=3):
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
