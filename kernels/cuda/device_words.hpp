// SPDX-License-Identifier: MIT
// device_words.hpp - the words in which CUDA kernels are written.
//
// nvcc maps them to instructions (device_nvcc.hpp).  The tests compile the same kernels with the
// host compiler, where tests/cuda/emulator maps them to checked C++: a GPU is not needed to find a
// wrong sum, a data race or an access out of bounds.  A kernel therefore uses nothing of CUDA but
// these words: no threadIdx, no pointer to shared memory, no dereferenced global pointer.
//
// Kernels
//   DENSQ_KERNEL(threads, blocks) void f(...)   __global__ with launch bounds: threads per thread
//                                               block, least thread blocks per multiprocessor
//   DENSQ_DEVICE T f(...)                       an inlined function of a kernel
//   DENSQ_HOST_DEVICE T f(...)                  one that host code calls too
//   DENSQ_DEVICE_UNROLL for (...)               unrolled entirely
//   launch<f>(shape, stream, arguments...)      0, or a cudaError_t; never synchronises.  Launching
//                                               through this alone names the kernel in findings
//
// Threads: thread blocks have one dimension, a multiple of 32; grids have three
//   thread_index() warp_index() lane_index() thread_block_size()   uint32_t
//   thread_block_index() grid_size()                               Dim
//
// Shared memory: count elements of T, aligned to 16 bytes, undefined at the start of a thread block
//   DENSQ_SHARED(T, name, count);           in a kernel: a static array; name is a Shared<T>
//   dynamic_shared<T>(first_byte, count)    a Shared<T> of the launch's dynamic bytes
//   array.load(i)  array.store(i, value)
//   array.load_u32(i)  .load_u32x2(i)  .load_u32x4(i)   the 4, 8, 16 bytes from element i on, which
//   array.store_u32(i, value)  and so on                must be aligned to as many bytes
//   array.from(i)  shared_as<U>(array)                  the array behind its first i elements; the
//                                                       same bytes as elements of another type
//
// Global memory: T is an integer, float, U32x2 or U32x4, at its natural alignment
//   load_streaming(p)   const uint32_t, U32x2, U32x4 *: read once, so kept out of the first cache
//   load_readonly(p)    through the first cache.  Both only for what no thread of the launch writes
//   load(p)  store(p, value)
//
// Copies of 16 aligned bytes from read-only global to shared memory beside other work
//   copy_async(array, i, p)          to elements from i on
//   copy_async(array, i, p, valid)   zeros if !valid; p is then not read
//   copy_async_commit()              makes a group of the thread's copies since the last commit
//   copy_async_wait<n>()             until all but its n latest groups are done.  What was copied
//                                    is then visible to this thread, to others after a barrier
//
// Between threads.  All lanes of a warp must take part, at the same place of the source
//   sync_thread_block()              orders all memory accesses of a thread block
//   sync_warp()  sync_warp(mask)     orders those of the lanes in mask, which all pass that mask
//   shuffle(value, lane)             uint32_t or float: the value of that lane, lane < 32
//   shuffle_xor(value, bits)         of lane ^ bits, bits < 32
//   shuffle_down(value, delta)       of lane + delta; one's own if there is none.  delta < 32
//   warp_ballot(predicate)           bit l: the predicate of lane l
//   Shuffles, ballots and mma order no memory accesses.
//
// Between thread blocks.  Partial sums: store, fence_device, sync_thread_block, one thread takes a
// ticket; the thread block with the last one: fence_device, sync_thread_block, load.  No float is
// ever added atomically, as sums must not depend on the order of thread blocks
//   fence_device()                   orders this thread's accesses before it and after it
//   atomic_add(p, n)                 uint32_t; what was there before
//   atomic_ticket(p, last)           what was there before, adding 1; behind `last` comes 0
//
// Bits
//   byte_permute(low, high, selector)    PRMT: byte i of the result is the byte of high:low that
//                                        bits 4i..4i+2 of selector name; if bit 4i+3 is set, that
//                                        byte's sign bit eight times
//   funnel_shift_right(low, high, n)     the low word of high:low >> (n & 31)
//   high_half(u)                         u >> 16 in the pipe of multiplications: for kernels that
//                                        keep the pipe of shifts and permutes busy
//   bits_from_float(x)  float_from_bits(u)
//
// Floating point: every function rounds once, to nearest, ties to even; keeps subnormals.  Compile
// with -fmad=false: then + and * do the same here and there
//   fused_multiply_add(a, b, c)          float a * b + c
//   half_from_float  float_from_half  bf16_from_float  float_from_bf16     16 bits as uint16_t
//   half2_from_floats(low, high)  half2_from_halves(low, high)  half2_broadcast(half)
//   float_from_low_half(h)  float_from_high_half(h)                       two halves as uint32_t
//   half2_add(a, b)  half2_multiply(a, b)  half2_fused_multiply_add(a, b, c)
//   NaN: arithmetic and conversion to half return 0x7FFF
//
// Matrix product of a warp
//   mma_m16n8k16(float (&sum)[4], const uint32_t (&a)[4], const uint32_t (&b)[2])
//     sum[16][8] += A[16][16] B[16][8], A and B of halves.  With g = lane / 4 and t = lane % 4:
//       sum[0..1]  rows g,     columns 2t, 2t + 1      a[0]  row g,     columns 2t, 2t + 1
//       sum[2..3]  rows g + 8, columns 2t, 2t + 1      a[1]  row g + 8, columns 2t, 2t + 1
//       b[0]  rows 2t, 2t + 1, column g                a[2]  row g,     columns 2t + 8, 2t + 9
//       b[1]  rows 2t + 8, 2t + 9, column g            a[3]  row g + 8, columns 2t + 8, 2t + 9
//     In which order and precision hardware adds the 16 products is not specified; the emulator
//     adds them one by one in float.  Compare with a tolerance.
#pragma once
#include "launch_shape.hpp"

#if defined(__CUDACC__)
#include "device_nvcc.hpp"
#else
#include <device_emulated.h>  // only the tests have it on their include path
#endif
