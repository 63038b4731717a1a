# SPDX-License-Identifier: MIT
"""What densq-tune changes: matrices of a .densq file, and vectors such as the gains of norms.

Each learns in units of its own size (of a row, of a vector), so that one rate suits all of them.
"""
import numpy as np
import torch

from .densq_file import Matrix, Tensor

TORCH_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
LARGEST_HALF = 65504.0


def root_mean_square(values):
    return values.square().mean(-1, keepdim=True).sqrt().clamp_min(1e-12)


def to_halves(values):
    """Rounded as the file rounds them."""
    return values.clamp(-LARGEST_HALF, LARGEST_HALF).half().float()


class TunedMatrix:
    """Tables, whole weights in the places of sparse values, and, if codes move, a wish for each
    weight: the code is that of the nearest entry to it."""

    def __init__(self, matrix, view, device):
        self.view, self.bits = view, matrix.bits
        self.row_ptr, self.col = matrix.row_ptr, matrix.col
        rows, cols = matrix.codes.shape
        self.codes = torch.from_numpy(matrix.codes).to(device)
        self.places = torch.from_numpy(matrix.places()).to(device)
        self.start = torch.from_numpy(matrix.lut.astype(np.float32)).to(device)
        weights = torch.from_numpy(matrix.dequantize()).to(device)
        self.size = root_mean_square(weights)
        self.spacing = self.size * 2.0 ** (2 - self.bits)  # of entries, roughly
        self.learned = {"table": torch.zeros_like(self.start),
                        "sparse": weights.flatten()[self.places]}
        self.sparse_size = self.size.expand(rows, cols).flatten()[self.places]
        self.learned["sparse"] /= self.sparse_size

    def let_codes_move(self, original):
        """original: the weights before they were quantized. A wish, in units of the spacing, begins
        there, but not farther than the code reaches."""
        low, high = self.reach()
        self.learned["wishes"] = torch.clamp(original, low, high) / self.spacing

    def table(self):
        return to_halves(self.start + self.size * self.learned["table"])

    def sorted_table(self):
        """Entries in ascending order, where they were, and the middles between them."""
        entries, order = self.table().sort(1)
        return entries, order, ((entries[:, 1:] + entries[:, :-1]) / 2).contiguous()

    def reach(self):
        """From where to where the entry of each weight is the nearest, less a tenth."""
        entries, order, middles = self.sorted_table()
        infinite = torch.full_like(self.size, torch.inf)
        rank = order.argsort(1).gather(1, self.codes.long())
        entry = entries.gather(1, rank)
        low = torch.cat([-infinite, middles], 1).gather(1, rank)
        high = torch.cat([middles, infinite], 1).gather(1, rank)
        return entry + 0.9 * (low - entry), entry + 0.9 * (high - entry)

    def move_codes(self):
        _, order, middles = self.sorted_table()
        self.codes.zero_()  # the rank of the nearest entry; faster than searchsorted
        for border in (middles / self.spacing).split(1, dim=1):
            self.codes += self.learned["wishes"] > border
        if (order.diff() < 0).any():  # entries do not ascend
            self.codes = order.to(torch.uint8).gather(1, self.codes.long())

    def decode(self):
        weights = self.table().gather(1, self.codes.long())
        weights.view(-1)[self.places] = self.sparse_size * self.learned["sparse"]
        return weights

    def gradients(self, gradient):
        """Of what is learned, from that of the weights, F32."""
        flat = gradient.reshape(-1)
        dense = flat.index_fill(0, self.places, 0).view(self.codes.shape)
        sums = torch.zeros_like(self.start).scatter_add_(1, self.codes.long(), dense)
        result = {"table": sums * self.size, "sparse": flat[self.places] * self.sparse_size}
        if "wishes" in self.learned:
            result["wishes"] = dense * self.spacing
        return result

    def entry(self):
        """For the file."""
        lut = self.table().cpu().numpy().astype(np.float16)
        codes = self.codes.cpu().numpy().copy()
        whole = (self.sparse_size * self.learned["sparse"]).cpu().numpy()
        rows, cols = codes.shape
        places = self.places.cpu().numpy()
        tables = lut.astype(np.float32)[places // cols]
        values = np.clip(whole[:, None] - tables, -LARGEST_HALF, LARGEST_HALF).astype(np.float16)
        best = np.abs(tables + values.astype(np.float32) - whole[:, None]).argmin(1)
        codes.reshape(-1)[places] = best
        values = values[np.arange(len(best)), best]
        return Matrix(self.bits, lut, codes, self.row_ptr, self.col, values)


class TunedVector:
    def __init__(self, tensor, view, device):
        self.view, self.dtype, self.shape = view, tensor.dtype, tensor.shape
        self.start = values_of(tensor).float().to(device)
        self.size = root_mean_square(self.start)
        self.learned = {"vector": torch.zeros_like(self.start)}

    def decode(self):
        values = self.start + self.size * self.learned["vector"]
        return values.to(TORCH_DTYPES[self.dtype]).float()

    def gradients(self, gradient):
        return {"vector": gradient.float() * self.size}

    def entry(self):
        values = self.decode().to(TORCH_DTYPES[self.dtype]).cpu().contiguous()
        return Tensor(self.dtype, self.shape, values.view(torch.uint8).numpy().tobytes())


def values_of(tensor):
    """A Tensor of a .densq file as PyTorch has it."""
    values = torch.frombuffer(bytearray(tensor.data), dtype=TORCH_DTYPES[tensor.dtype])
    return values.view(tensor.shape)
