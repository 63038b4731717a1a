# SPDX-License-Identifier: MIT
"""Devices that models are computed on, their memory, and dtypes by the names of options."""
import resource

import psutil
import torch

from . import InputError
from .command import size_text

DTYPES = {"bf16": torch.bfloat16, "f32": torch.float32}


def choose_device(name, ranks):
    """A device, or None: all of them, by Accelerate's device_map."""
    name = name or ("cuda" if torch.cuda.is_available() else "cpu")
    if name == "auto":
        if ranks.count > 1:
            raise InputError("--device auto uses all GPUs, which torchrun gives to its processes; "
                             "one of the two")
        return None
    try:
        device = torch.device(name)
        if device.type == "cuda" and device.index is None:
            device = torch.device("cuda", ranks.local)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"--device {name}: {error}") from error
    return device


def on_device(device):
    """Of from_pretrained: all weights on this one."""
    return {} if device.type == "cpu" else {"device_map": {"": device}}


def free_memory(device):
    """Bytes that are free on a device, or on all GPUs; on the CPU if there are none."""
    gpus = range(torch.cuda.device_count()) if device is None else [device.index]
    if device is None and not gpus or device is not None and device.type != "cuda":
        return psutil.virtual_memory().available
    return sum(torch.cuda.mem_get_info(gpu)[0] for gpu in gpus)


def peak_text():
    gpus = sum(torch.cuda.max_memory_allocated(gpu) for gpu in range(torch.cuda.device_count()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return f"{size_text(peak)} of memory" + (f" and {size_text(gpus)} on GPUs" if gpus else "")
