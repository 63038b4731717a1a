// SPDX-License-Identifier: MIT
// fibre.hpp - a stack of its own for each CUDA thread, switched to and from within one host thread.
//
// Not swapcontext: the address sanitizer wipes a stack's red zones at each, and would find nothing
// wrong with a kernel's local arrays any more; it also enters the system twice.
#pragma once
#include <cstddef>
#include <functional>

namespace densq::emulator {

class Fibre {
public:
    Fibre();
    ~Fibre();
    Fibre(const Fibre &) = delete;
    Fibre &operator=(const Fibre &) = delete;

    // What the next resume() begins with.  The fibre must not be in the midst of other work; it
    // lives on when the work is done, for the next.
    void assign(std::function<void()> next) { work = std::move(next); }

    void resume();   // by the scheduler: until the fibre suspends itself or its work is done
    void suspend();  // by the fibre

private:
    static void enter();
    void loop();

    std::function<void()> work;
    std::byte *memory;  // a page that must not be touched, then the stack
    size_t memory_size;
    std::byte *stack;
    void *inside, *outside = nullptr;  // stack pointers of what is not running
    // For the address sanitizer, which must know on which stack it is.
    void *inside_fake = nullptr;
    const void *outside_stack = nullptr;
    size_t outside_size = 0;
};

}  // namespace densq::emulator
