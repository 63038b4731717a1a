// SPDX-License-Identifier: MIT
#include "kernels/cuda/multiply_on_stream_impl.hpp"
