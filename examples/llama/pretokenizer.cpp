// SPDX-License-Identifier: MIT
#include "pretokenizer.hpp"

#include <cstdint>

#include "unicode.hpp"

namespace llama {
namespace {

enum class Class { kLetter, kNumber, kSpace, kOther, kEnd };

struct Character {
    size_t bytes;
    uint32_t code;
};

// The character at `at`; a byte that begins no valid character stands for itself.
Character read_character(std::string_view text, size_t at) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[at + i]); };
    const uint8_t lead = byte(0);
    const size_t bytes = lead < 0x80   ? 1
                         : lead < 0xC2 ? 0
                         : lead < 0xE0 ? 2
                         : lead < 0xF0 ? 3
                         : lead < 0xF5 ? 4
                                       : 0;
    if (bytes <= 1 || at + bytes > text.size()) return {1, lead < 0x80 ? lead : 0xFFFDu};
    uint32_t code = lead & (0x7Fu >> bytes);
    for (size_t i = 1; i < bytes; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return {1, 0xFFFD};
        code = code << 6 | (byte(i) & 0x3Fu);
    }
    return {bytes, code};
}

Class classify(uint32_t code) {
    if (is_in(kLetters, code)) return Class::kLetter;
    if (is_in(kNumbers, code)) return Class::kNumber;
    return is_in(kWhiteSpace, code) ? Class::kSpace : Class::kOther;
}

Class class_at(std::string_view text, size_t at) {
    return at < text.size() ? classify(read_character(text, at).code) : Class::kEnd;
}

// The end of the run of characters of one class that begins at `at`.
size_t run_end(std::string_view text, size_t at) {
    const Class kind = class_at(text, at);
    while (class_at(text, at) == kind) at += read_character(text, at).bytes;
    return at;
}

size_t contraction_end(std::string_view text, size_t at) {
    for (const std::string_view suffix : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"})
        if (text.substr(at, suffix.size()) == suffix) return at + suffix.size();
    return at;
}

// White space before a word leaves its last character to the word.
size_t space_end(std::string_view text, size_t at) {
    const size_t end = run_end(text, at);
    if (end == text.size()) return end;
    size_t last = at;
    while (last + read_character(text, last).bytes < end) last += read_character(text, last).bytes;
    return last > at ? last : end;
}

size_t word_end(std::string_view text, size_t at) {
    if (const size_t end = contraction_end(text, at); end > at) return end;
    if (class_at(text, at) != Class::kSpace) return run_end(text, at);
    if (text[at] == ' ') {
        const Class next = class_at(text, at + 1);
        if (next != Class::kSpace && next != Class::kEnd) return run_end(text, at + 1);
    }
    return space_end(text, at);
}

}  // namespace

std::vector<std::string_view> split_words(std::string_view text) {
    std::vector<std::string_view> words;
    for (size_t at = 0; at < text.size();) {
        const size_t end = word_end(text, at);
        words.push_back(text.substr(at, end - at));
        at = end;
    }
    return words;
}

std::vector<std::string_view> split_digits(std::string_view text) {
    std::vector<std::string_view> pieces;
    size_t begin = 0;
    for (size_t at = 0; at < text.size();) {
        const Character character = read_character(text, at);
        if (is_in(kNumbers, character.code)) {
            if (at > begin) pieces.push_back(text.substr(begin, at - begin));
            pieces.push_back(text.substr(at, character.bytes));
            begin = at + character.bytes;
        }
        at += character.bytes;
    }
    if (begin < text.size()) pieces.push_back(text.substr(begin));
    return pieces;
}

}  // namespace llama
