// SPDX-License-Identifier: MIT
// device_nvcc.hpp - the vocabulary of device_words.hpp as CUDA instructions.
#pragma once
#include <cuda_runtime.h>

#define DENSQ_KERNEL(threads, blocks) __global__ __launch_bounds__(threads, blocks)
#define DENSQ_DEVICE __device__ __forceinline__
#define DENSQ_HOST_DEVICE __host__ __device__ __forceinline__
#define DENSQ_DEVICE_UNROLL _Pragma("unroll")

#define DENSQ_SHARED(T, name, count)                 \
    __shared__ __align__(16) T name##_memory[count]; \
    const ::densq::device::Shared<T> name(name##_memory)

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define DENSQ_SM75 1  // neither asynchronous copies nor the larger mma
#else
#define DENSQ_SM75 0
#endif

namespace densq::device {

using U32x2 = uint2;
using U32x4 = uint4;

template <typename... Params>
int launch_pointer(void (*kernel)(Params...), const LaunchShape &shape, void *stream,
                   typename Same<Params>::type... arguments) {
    constexpr uint32_t kAlwaysAllowed = 48 << 10;
    if (shape.dynamic_shared_bytes > kAlwaysAllowed) {
        const cudaError_t error =
            cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 static_cast<int>(shape.dynamic_shared_bytes));
        if (error != cudaSuccess) return error;
    }
    void *pointers[] = {&arguments..., nullptr};
    return cudaLaunchKernel(reinterpret_cast<const void *>(kernel),
                            dim3(shape.grid.x, shape.grid.y, shape.grid.z), dim3(shape.threads),
                            pointers, shape.dynamic_shared_bytes,
                            static_cast<cudaStream_t>(stream));
}

template <auto kernel, typename... Arguments>
int launch(const LaunchShape &shape, void *stream, Arguments... arguments) {
    return launch_pointer(kernel, shape, stream, arguments...);
}

DENSQ_DEVICE uint32_t thread_index() { return threadIdx.x; }
DENSQ_DEVICE uint32_t warp_index() { return threadIdx.x / kWarpThreads; }
DENSQ_DEVICE uint32_t lane_index() { return threadIdx.x % kWarpThreads; }
DENSQ_DEVICE uint32_t thread_block_size() { return blockDim.x; }
DENSQ_DEVICE Dim thread_block_index() { return {blockIdx.x, blockIdx.y, blockIdx.z}; }
DENSQ_DEVICE Dim grid_size() { return {gridDim.x, gridDim.y, gridDim.z}; }

template <typename T>
class Shared {
public:
    DENSQ_DEVICE explicit Shared(T *at) : elements(at) {}

    DENSQ_DEVICE T load(uint32_t i) const { return elements[i]; }
    DENSQ_DEVICE uint32_t load_u32(uint32_t i) const { return *at<uint32_t>(i); }
    DENSQ_DEVICE U32x2 load_u32x2(uint32_t i) const { return *at<U32x2>(i); }
    DENSQ_DEVICE U32x4 load_u32x4(uint32_t i) const { return *at<U32x4>(i); }

    DENSQ_DEVICE void store(uint32_t i, T value) const { elements[i] = value; }
    DENSQ_DEVICE void store_u32(uint32_t i, uint32_t value) const { *at<uint32_t>(i) = value; }
    DENSQ_DEVICE void store_u32x2(uint32_t i, U32x2 value) const { *at<U32x2>(i) = value; }
    DENSQ_DEVICE void store_u32x4(uint32_t i, U32x4 value) const { *at<U32x4>(i) = value; }

    DENSQ_DEVICE Shared from(uint32_t i) const { return Shared(elements + i); }

    template <typename U>
    DENSQ_DEVICE U *at(uint32_t i) const {
        return reinterpret_cast<U *>(elements + i);
    }

private:
    T *elements;
};

template <typename U, typename T>
DENSQ_DEVICE Shared<U> shared_as(Shared<T> array) {
    return Shared<U>(array.template at<U>(0));
}

template <typename T>
DENSQ_DEVICE Shared<T> dynamic_shared(uint32_t first_byte, uint32_t) {
    extern __shared__ __align__(16) unsigned char dynamic_shared_memory[];
    return Shared<T>(reinterpret_cast<T *>(dynamic_shared_memory + first_byte));
}

// The stream's next 128 bytes are fetched into the second cache along with these.
DENSQ_DEVICE uint32_t load_streaming(const uint32_t *p) {
    uint32_t v;
    asm("ld.global.nc.L1::no_allocate.L2::128B.u32 %0, [%1];"
        : "=r"(v)
        : "l"(__cvta_generic_to_global(p)));
    return v;
}

DENSQ_DEVICE U32x2 load_streaming(const U32x2 *p) {
    U32x2 v;
    asm("ld.global.nc.L1::no_allocate.L2::128B.v2.u32 {%0, %1}, [%2];"
        : "=r"(v.x), "=r"(v.y)
        : "l"(__cvta_generic_to_global(p)));
    return v;
}

DENSQ_DEVICE U32x4 load_streaming(const U32x4 *p) {
    U32x4 v;
    asm("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0, %1, %2, %3}, [%4];"
        : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
        : "l"(__cvta_generic_to_global(p)));
    return v;
}

template <typename T>
DENSQ_DEVICE T load_readonly(const T *p) {
    return __ldg(p);
}

template <typename T>
DENSQ_DEVICE T load(const T *p) {
    return *p;
}

template <typename T>
DENSQ_DEVICE void store(T *p, typename Same<T>::type value) {
    *p = value;
}

template <typename T>
DENSQ_DEVICE void copy_async(Shared<T> array, uint32_t i, const void *p, bool valid = true) {
#if DENSQ_SM75
    const U32x4 zero = {0, 0, 0, 0};
    array.store_u32x4(i, valid ? __ldg(static_cast<const U32x4 *>(p)) : zero);
#else
    const size_t to = __cvta_generic_to_shared(array.template at<U32x4>(i));
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;"
                 :
                 : "r"(static_cast<uint32_t>(to)), "l"(__cvta_generic_to_global(p)),
                   "r"(valid ? 16u : 0u)
                 : "memory");
#endif
}

DENSQ_DEVICE void copy_async_commit() {
#if !DENSQ_SM75
    asm volatile("cp.async.commit_group;" : : : "memory");
#endif
}

template <int groups>
DENSQ_DEVICE void copy_async_wait() {
#if !DENSQ_SM75
    asm volatile("cp.async.wait_group %0;" : : "n"(groups) : "memory");
#endif
}

DENSQ_DEVICE void sync_thread_block() { __syncthreads(); }
DENSQ_DEVICE void sync_warp(uint32_t mask = kAllLanes) { __syncwarp(mask); }

template <typename T>
DENSQ_DEVICE T shuffle(T value, uint32_t lane) {
    return __shfl_sync(kAllLanes, value, static_cast<int>(lane));
}

template <typename T>
DENSQ_DEVICE T shuffle_xor(T value, uint32_t bits) {
    return __shfl_xor_sync(kAllLanes, value, static_cast<int>(bits));
}

template <typename T>
DENSQ_DEVICE T shuffle_down(T value, uint32_t delta) {
    return __shfl_down_sync(kAllLanes, value, delta);
}

DENSQ_DEVICE uint32_t warp_ballot(bool predicate) { return __ballot_sync(kAllLanes, predicate); }

DENSQ_DEVICE void fence_device() { __threadfence(); }
DENSQ_DEVICE uint32_t atomic_add(uint32_t *p, uint32_t n) { return atomicAdd(p, n); }
DENSQ_DEVICE uint32_t atomic_ticket(uint32_t *p, uint32_t last) { return atomicInc(p, last); }

}  // namespace densq::device

#include "device_nvcc_arithmetic.hpp"
