// SPDX-License-Identifier: MIT
#include "lib/base/fault.hpp"

#include <string.h>

namespace densq {
namespace {

// The most characters of a name in a message: two names and a sentence fit in a fault.
constexpr size_t kMaxShownName = 72;

class Writer {
public:
    Writer(char *begin, size_t size) : at(begin), left(size - 1) { *at = '\0'; }

    void add_text(const char *text) {
        for (; *text; ++text) add_char(*text);
    }

    void add_number(uint64_t number, uint32_t base) {
        char digits[20];
        size_t count = 0;
        do {
            digits[count++] = "0123456789abcdef"[number % base];
            number /= base;
        } while (number);
        while (count) add_char(digits[--count]);
    }

    void add_name(Name name) {
        const char *bytes = name.bytes;
        const size_t size = name.size;
        add_char('\'');
        if (shown_size(bytes, size) <= kMaxShownName) {
            add_escaped(bytes, size);
        } else {
            size_t head = 0, tail = 0;
            while (shown_size(bytes, head + 1) <= kMaxShownName / 2) ++head;
            while (shown_size(bytes + size - tail - 1, tail + 1) <= kMaxShownName / 2) ++tail;
            add_escaped(bytes, head);
            add_text("...");
            add_escaped(bytes + size - tail, tail);
        }
        add_char('\'');
    }

private:
    void add_char(char c) {
        if (!left) return;
        *at++ = c;
        *at = '\0';
        --left;
    }

    static bool plain(char c) { return c >= ' ' && c <= '~' && c != '\\' && c != '\''; }

    static size_t shown_size(const char *bytes, size_t size) {
        size_t shown = 0;
        for (size_t i = 0; i < size; ++i) shown += plain(bytes[i]) ? 1 : 4;
        return shown;
    }

    void add_escaped(const char *bytes, size_t size) {
        for (size_t i = 0; i < size; ++i) {
            if (plain(bytes[i])) {
                add_char(bytes[i]);
            } else {
                const auto byte = static_cast<uint8_t>(bytes[i]);
                add_text("\\x");
                add_number(byte / 16u, 16);
                add_number(byte % 16u, 16);
            }
        }
    }

    char *at;
    size_t left;
};

}  // namespace

Piece::Piece(const char *words) : kind(kText), text(words) {}
Piece::Piece(uint64_t value) : kind(kDecimal), number(value) {}
Piece::Piece(Hex value) : kind(kHex), number(value.value) {}
Piece::Piece(Name name) : kind(kName), subject{DENSQ_METADATA, name} {}
Piece::Piece(Subject entry) : kind(kSubject), subject(entry) {}

const char *kind_name(densq_kind kind) {
    constexpr const char *kNames[] = {"metadata", "matrix", "tensor"};
    return kNames[kind];
}

void write_fault(densq_fault *fault, uint64_t offset, const Piece *pieces, size_t count) {
    if (!fault) return;
    fault->offset = offset;
    Writer writer(fault->text, sizeof fault->text);
    for (const Piece *piece = pieces; piece != pieces + count; ++piece) {
        switch (piece->kind) {
        case Piece::kText: writer.add_text(piece->text); break;
        case Piece::kDecimal: writer.add_number(piece->number, 10); break;
        case Piece::kHex:
            writer.add_text("0x");
            writer.add_number(piece->number, 16);
            break;
        case Piece::kSubject:
            writer.add_text(kind_name(piece->subject.kind));
            writer.add_text(" ");
            [[fallthrough]];
        case Piece::kName: writer.add_name(piece->subject.name); break;
        }
    }
}

const char *status_text(densq_status status) {
    switch (status) {
    case DENSQ_OK: return "success";
    case DENSQ_ERR_ARGUMENT: return "invalid argument";
    case DENSQ_ERR_MEMORY: return "out of memory";
    case DENSQ_ERR_IO: return "input/output error";
    case DENSQ_ERR_MAGIC: return "not a densq file";
    case DENSQ_ERR_VERSION: return "unknown version or feature of the densq format";
    case DENSQ_ERR_CORRUPT: return "the file breaks a rule of the densq format";
    case DENSQ_ERR_CHECKSUM: return "checksum mismatch";
    case DENSQ_ERR_LIMIT: return "larger than a limit";
    case DENSQ_ERR_NOT_FOUND: return "not found";
    case DENSQ_ERR_UNSUPPORTED: return "not supported here";
    case DENSQ_ERR_DEVICE: return "the device failed";
    default: return "unknown status";
    }
}

}  // namespace densq
