// SPDX-License-Identifier: MIT
#include "kernels/cuda/multiply_impl.hpp"
