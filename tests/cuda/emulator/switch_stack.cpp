// SPDX-License-Identifier: MIT
#include "switch_stack.hpp"

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)
asm(R"(
    .text
    .p2align 4
    .globl densq_switch_stack
    .type densq_switch_stack, @function
densq_switch_stack:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size densq_switch_stack, . - densq_switch_stack
)");

static constexpr size_t kSavedWords = 8;  // six registers, the return address, one that aligns
static constexpr size_t kReturnAddress = 6;

#elif defined(__aarch64__)
asm(R"(
    .text
    .p2align 4
    .globl densq_switch_stack
    .type densq_switch_stack, %function
densq_switch_stack:
    sub sp, sp, #160
    stp x29, x30, [sp]
    stp x19, x20, [sp, #16]
    stp x21, x22, [sp, #32]
    stp x23, x24, [sp, #48]
    stp x25, x26, [sp, #64]
    stp x27, x28, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x9, sp
    str x9, [x0]
    mov sp, x1
    ldp x29, x30, [sp]
    ldp x19, x20, [sp, #16]
    ldp x21, x22, [sp, #32]
    ldp x23, x24, [sp, #48]
    ldp x25, x26, [sp, #64]
    ldp x27, x28, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #160
    ret
    .size densq_switch_stack, . - densq_switch_stack
)");

static constexpr size_t kSavedWords = 20;
static constexpr size_t kReturnAddress = 1;

#else
#error "the emulator switches stacks on x86-64 and AArch64 alone"
#endif

namespace densq::emulator {

void *new_stack(void *end, void (*entry)()) {
    auto *words = static_cast<uintptr_t *>(end) - kSavedWords;
    for (size_t i = 0; i < kSavedWords; ++i) words[i] = 0;
    words[kReturnAddress] = reinterpret_cast<uintptr_t>(entry);
    return words;
}

}  // namespace densq::emulator
