# SPDX-License-Identifier: MIT
"""The processes that torchrun starts, each with a part of the samples; or one alone."""
import os

import torch
from torch import distributed


class Ranks:
    def __init__(self):
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.own = int(os.environ.get("RANK", "0"))
        self.local = int(os.environ.get("LOCAL_RANK", "0"))

    @property
    def first(self):
        """Of them, one speaks and writes."""
        return self.own == 0

    def join(self):
        if self.count > 1:
            distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")

    def leave(self):
        if distributed.is_initialized():
            distributed.destroy_process_group()

    def gather(self, sums):
        """Adds up everything in the first rank; the others begin at zero again."""
        if self.count == 1:
            return
        for total in sums:
            distributed.reduce(total, dst=0)
            if not self.first:
                total.zero_()

    def agree(self, value):
        """The first rank's value."""
        if self.count == 1:
            return value
        values = [value]
        distributed.broadcast_object_list(values, src=0)
        return values[0]
