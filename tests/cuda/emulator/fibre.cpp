// SPDX-License-Identifier: MIT
#include "fibre.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

#include "switch_stack.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define DENSQ_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DENSQ_ASAN 1
#endif
#endif

#ifdef DENSQ_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
static void __sanitizer_start_switch_fiber(void **, const void *, size_t) {}
static void __sanitizer_finish_switch_fiber(void *, const void **, size_t *) {}
#endif

namespace densq::emulator {

namespace {

constexpr size_t kStackSize = 256 << 10;  // touched pages alone take memory
thread_local Fibre *starting;

size_t page_size() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

}  // namespace

Fibre::Fibre() : memory_size(kStackSize + page_size()) {
    void *at = mmap(nullptr, memory_size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) throw std::bad_alloc();
    memory = static_cast<std::byte *>(at);
    mprotect(memory, page_size(), PROT_NONE);
    stack = memory + page_size();
    inside = new_stack(stack + kStackSize, enter);
}

Fibre::~Fibre() {
#ifdef DENSQ_ASAN
    __asan_unpoison_memory_region(memory, memory_size);  // the address may be mapped again
#endif
    munmap(memory, memory_size);
}

void Fibre::enter() {
    Fibre *self = starting;
    __sanitizer_finish_switch_fiber(nullptr, &self->outside_stack, &self->outside_size);
    self->loop();
}

void Fibre::loop() {
    for (;;) {
        work();
        suspend();
    }
}

void Fibre::resume() {
    void *outside_fake = nullptr;
    starting = this;
    __sanitizer_start_switch_fiber(&outside_fake, stack, kStackSize);
    densq_switch_stack(&outside, inside);
    __sanitizer_finish_switch_fiber(outside_fake, nullptr, nullptr);
}

void Fibre::suspend() {
    __sanitizer_start_switch_fiber(&inside_fake, outside_stack, outside_size);
    densq_switch_stack(&inside, outside);
    __sanitizer_finish_switch_fiber(inside_fake, &outside_stack, &outside_size);
}

}  // namespace densq::emulator
