// SPDX-License-Identifier: MIT
// device_emulated.h - the vocabulary of kernels/cuda/device_words.hpp on the emulator.
//
// Every word that can be misused takes the place it is called from as its last argument.
#pragma once
#include <tuple>
#include <type_traits>

#include "arithmetic.hpp"
#include "runtime.hpp"

#define DENSQ_KERNEL(threads, blocks)
#define DENSQ_DEVICE inline
#define DENSQ_HOST_DEVICE inline
#define DENSQ_DEVICE_UNROLL

// The variable stands for the array: it is one for all threads, and another in each instance of a
// template.
#define DENSQ_SHARED(T, name, count)                                                \
    static const char name##_memory = 0;                                            \
    const ::densq::device::Shared<T> name(::densq::emulator::runtime::static_array( \
        &name##_memory, sizeof(T) * (count), ::densq::emulator::Site::here()))

namespace densq::device {

namespace runtime = emulator::runtime;
using emulator::GlobalWord;
using emulator::SharedRange;
using emulator::Site;
using emulator::WarpWord;

struct alignas(8) U32x2 {
    uint32_t x, y;
};

struct alignas(16) U32x4 {
    uint32_t x, y, z, w;
};

// "... launch_name() [with auto kernel = NAME]" (gcc), "... [kernel = NAME]" (clang)
template <auto kernel>
std::string kernel_name() {
    const std::string function = __PRETTY_FUNCTION__;
    const std::string before = "kernel = ";
    const size_t begin = function.find(before) + before.size();
    return function.substr(begin, function.find_first_of(";]", begin) - begin);
}

template <typename... Params>
int launch_pointer(std::string name, void (*kernel)(Params...), const LaunchShape &shape,
                   typename Same<Params>::type... arguments) {
    // Each thread gets its own copies, as it may change them.
    const std::tuple<Params...> originals(arguments...);
    return runtime::launch(std::move(name), shape, [&] { std::apply(kernel, originals); });
}

template <auto kernel, typename... Arguments>
int launch(const LaunchShape &shape, void *, Arguments... arguments) {
    return launch_pointer(kernel_name<kernel>(), kernel, shape, arguments...);
}

inline uint32_t thread_index() { return runtime::thread_index(); }
inline uint32_t warp_index() { return runtime::thread_index() / kWarpThreads; }
inline uint32_t lane_index() { return runtime::thread_index() % kWarpThreads; }
inline uint32_t thread_block_size() { return runtime::launch_shape().threads; }
inline Dim thread_block_index() { return runtime::thread_block_index(); }
inline Dim grid_size() { return runtime::launch_shape().grid; }

template <typename T>
class Shared {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    explicit Shared(SharedRange bytes) : range(bytes) {}

    T load(uint32_t i, Site site = Site::here()) const { return load_as<T>(i, site); }
    uint32_t load_u32(uint32_t i, Site site = Site::here()) const {
        return load_as<uint32_t>(i, site);
    }
    U32x2 load_u32x2(uint32_t i, Site site = Site::here()) const { return load_as<U32x2>(i, site); }
    U32x4 load_u32x4(uint32_t i, Site site = Site::here()) const { return load_as<U32x4>(i, site); }

    void store(uint32_t i, T value, Site site = Site::here()) const { store_as(i, value, site); }
    void store_u32(uint32_t i, uint32_t value, Site site = Site::here()) const {
        store_as(i, value, site);
    }
    void store_u32x2(uint32_t i, U32x2 value, Site site = Site::here()) const {
        store_as(i, value, site);
    }
    void store_u32x4(uint32_t i, U32x4 value, Site site = Site::here()) const {
        store_as(i, value, site);
    }

    Shared from(uint32_t i) const { return Shared({range.begin + offset(i), range.end}); }

    SharedRange bytes() const { return range; }
    static uint64_t offset(uint32_t i) { return static_cast<uint64_t>(i) * sizeof(T); }

private:
    template <typename V>
    V load_as(uint32_t i, Site site) const {
        V value;
        runtime::shared_load(range, offset(i), &value, sizeof value, site);
        return value;
    }

    template <typename V>
    void store_as(uint32_t i, const V &value, Site site) const {
        runtime::shared_store(range, offset(i), &value, sizeof value, site);
    }

    SharedRange range;
};

template <typename U, typename T>
Shared<U> shared_as(Shared<T> array) {
    return Shared<U>(array.bytes());
}

template <typename T>
Shared<T> dynamic_shared(uint32_t first_byte, uint32_t count, Site site = Site::here()) {
    return Shared<T>(runtime::dynamic_array(first_byte, sizeof(T) * count, site));
}

template <typename T>
T load_global(const T *p, GlobalWord word, Site site) {
    T value;
    runtime::global_load(p, &value, sizeof value, word, site);
    return value;
}

inline uint32_t load_streaming(const uint32_t *p, Site site = Site::here()) {
    return load_global(p, GlobalWord::kStreaming, site);
}

inline U32x2 load_streaming(const U32x2 *p, Site site = Site::here()) {
    return load_global(p, GlobalWord::kStreaming, site);
}

inline U32x4 load_streaming(const U32x4 *p, Site site = Site::here()) {
    return load_global(p, GlobalWord::kStreaming, site);
}

template <typename T>
T load_readonly(const T *p, Site site = Site::here()) {
    return load_global(p, GlobalWord::kReadonly, site);
}

template <typename T>
T load(const T *p, Site site = Site::here()) {
    return load_global(p, GlobalWord::kPlain, site);
}

template <typename T>
void store(T *p, typename Same<T>::type value, Site site = Site::here()) {
    runtime::global_store(p, &value, sizeof value, site);
}

template <typename T>
void copy_async(Shared<T> array, uint32_t i, const void *p, bool valid = true,
                Site site = Site::here()) {
    runtime::copy_async(array.bytes(), Shared<T>::offset(i), p, valid, site);
}

inline void copy_async_commit() { runtime::copy_async_commit(); }

template <int groups>
void copy_async_wait(Site site = Site::here()) {
    runtime::copy_async_wait(groups, site);
}

inline void sync_thread_block(Site site = Site::here()) { runtime::sync_thread_block(site); }

inline void sync_warp(uint32_t mask = kAllLanes, Site site = Site::here()) {
    runtime::warp_word(WarpWord::kSync, mask, 0, 0, site);
}

inline uint32_t shuffle_word(WarpWord word, uint32_t value, uint32_t argument, Site site) {
    return runtime::warp_word(word, kAllLanes, value, argument, site);
}

inline float shuffle_word(WarpWord word, float value, uint32_t argument, Site site) {
    return float_from_bits(shuffle_word(word, bits_from_float(value), argument, site));
}

template <typename T>
T shuffle(T value, uint32_t lane, Site site = Site::here()) {
    return shuffle_word(WarpWord::kShuffle, value, lane, site);
}

template <typename T>
T shuffle_xor(T value, uint32_t bits, Site site = Site::here()) {
    return shuffle_word(WarpWord::kShuffleXor, value, bits, site);
}

template <typename T>
T shuffle_down(T value, uint32_t delta, Site site = Site::here()) {
    return shuffle_word(WarpWord::kShuffleDown, value, delta, site);
}

inline uint32_t warp_ballot(bool predicate, Site site = Site::here()) {
    return runtime::warp_word(WarpWord::kBallot, kAllLanes, predicate, 0, site);
}

inline void mma_m16n8k16(float (&sum)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                         Site site = Site::here()) {
    runtime::warp_mma({sum, a, b}, site);
}

inline void fence_device() { runtime::fence_device(); }

inline uint32_t atomic_add(uint32_t *p, uint32_t n, Site site = Site::here()) {
    return runtime::atomic_add(p, n, site);
}

inline uint32_t atomic_ticket(uint32_t *p, uint32_t last, Site site = Site::here()) {
    return runtime::atomic_ticket(p, last, site);
}

}  // namespace densq::device
