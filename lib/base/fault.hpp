// SPDX-License-Identifier: MIT
// fault.hpp - writes densq_fault records: bounded text, without locale, safe to print.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "densq/densq.h"
#include "lib/base/name.hpp"

namespace densq {

constexpr uint64_t kNoOffset = UINT64_MAX;

struct Hex {
    uint32_t value;
};

// An entry of a file; written as its kind and name.
struct Subject {
    densq_kind kind;
    Name name;
};

// One part of a message.
struct Piece {
    Piece(const char *words);
    Piece(uint64_t value);
    Piece(Hex value);
    Piece(Name name);  // in quotes, with escapes; a long name loses its middle
    Piece(Subject entry);

    enum { kText, kDecimal, kHex, kName, kSubject } kind;
    const char *text = nullptr;
    uint64_t number = 0;
    Subject subject = {DENSQ_METADATA, {nullptr, 0}};
};

// "metadata", "matrix" or "tensor".
const char *kind_name(densq_kind kind);

const char *status_text(densq_status status);

// Writes the pieces one after the other, or nothing if fault is NULL.
void write_fault(densq_fault *fault, uint64_t offset, const Piece *pieces, size_t count);

template <typename... Pieces>
static densq_status fail(densq_fault *fault, densq_error status, uint64_t offset,
                         Pieces... pieces) {
    const Piece all[] = {pieces...};
    write_fault(fault, offset, all, sizeof...(pieces));
    return status;
}

}  // namespace densq
