# SPDX-License-Identifier: MIT
"""Sees which inputs a model multiplies its weights by, matrices as well as stacks of experts."""
import torch
from torch.overrides import TorchFunctionMode

LINEAR = {torch.nn.functional.linear}
MATMUL = {torch.matmul, torch.Tensor.matmul, torch.Tensor.__matmul__, torch.bmm, torch.Tensor.bmm}


class ProductWatch(TorchFunctionMode):
    """While it is active, calls see(name, axis, index, inputs, output) for each product.

    axis: of the parameter, -1 or -2, along which products are summed; index: which slice of a
    parameter of three dimensions it was, 0 of a matrix, None: inputs and output have all slices.
    """

    def __init__(self, parameters, see):
        super().__init__()
        self.see = see
        self.known = {parameter.untyped_storage().data_ptr(): (name, parameter)
                      for name, parameter in parameters.items()}

    def __torch_function__(self, function, types, args=(), kwargs=None):
        output = function(*args, **(kwargs or {}))
        if len(args) > 1 and (function in LINEAR or function in MATMUL):
            inputs, weight = args[:2]
            if isinstance(weight, torch.Tensor) and weight.dim() in (2, 3):
                self.look(inputs, weight, -1 if function in LINEAR else -2, output)
        return output

    def look(self, inputs, weight, axis, output):
        name, parameter = self.known.get(weight.untyped_storage().data_ptr(), (None, None))
        if name is None:
            return
        of_parameter = -1 if weight.stride(axis) == parameter.stride(-1) else -2
        if weight.numel() == parameter.numel():
            index = 0 if parameter.dim() == 2 else None
        elif parameter.dim() == 3 and weight.numel() == parameter[0].numel():
            index = (weight.storage_offset() - parameter.storage_offset()) // parameter.stride(0)
        else:
            return  # a part of a matrix
        self.see(name, of_parameter, index, inputs, output)
