// SPDX-License-Identifier: MIT
#include "lib/file/utf8.hpp"

#include <stdint.h>
#include <string.h>

namespace densq {
namespace {

// The number of bytes of the sequence that starts at `at`, where `left` > 0 bytes are left; 0 if it
// is malformed.
size_t sequence_size(const uint8_t *at, size_t left) {
    const uint8_t lead = at[0];
    if (lead < 0x80) return 1;
    if (lead < 0xC2 || lead > 0xF4) return 0;
    const size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (left < size) return 0;
    for (size_t i = 1; i < size; ++i)
        if ((at[i] & 0xC0) != 0x80) return 0;
    if (lead == 0xE0 && at[1] < 0xA0) return 0;  // overlong
    if (lead == 0xED && at[1] > 0x9F) return 0;  // surrogates
    if (lead == 0xF0 && at[1] < 0x90) return 0;  // overlong
    if (lead == 0xF4 && at[1] > 0x8F) return 0;  // above U+10FFFF
    return size;
}

bool eight_ascii(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return !(word & 0x8080808080808080u);
}

}  // namespace

size_t utf8_prefix(const char *bytes, size_t size) {
    const auto *at = reinterpret_cast<const uint8_t *>(bytes);
    size_t i = 0;
    while (i < size) {
        if (size - i >= 8 && eight_ascii(at + i)) {
            i += 8;
            continue;
        }
        const size_t sequence = sequence_size(at + i, size - i);
        if (!sequence) break;
        i += sequence;
    }
    return i;
}

size_t find_control(const char *bytes, size_t size) {
    const auto *at = reinterpret_cast<const uint8_t *>(bytes);
    for (size_t i = 0; i < size; ++i) {
        if (at[i] < 0x20 || at[i] == 0x7F) return i;
        if (at[i] == 0xC2 && at[i + 1] < 0xA0) return i;
    }
    return size;
}

}  // namespace densq
