// SPDX-License-Identifier: MIT
// switch_stack.hpp - goes on with another stack.
#pragma once

// Pushes the registers that a function must keep, stores the stack pointer at *from, takes `to` as
// the new one and pops what a former call has pushed there.
extern "C" void densq_switch_stack(void **from, void *to);

namespace densq::emulator {

// A stack pointer for densq_switch_stack to begin with `entry`, which must never return.
void *new_stack(void *end, void (*entry)());

}  // namespace densq::emulator
