// SPDX-License-Identifier: MIT
#include "tokenizer.hpp"

#include <algorithm>
#include <limits>

#include "error.hpp"
#include "model_json.hpp"
#include "pretokenizer.hpp"

namespace llama {
namespace {

constexpr Token kNone = std::numeric_limits<Token>::max();

// GPT-2 writes bytes as printable characters: those that are printable in Latin-1 as themselves,
// the others, in ascending order, as U+0100 and up.  The inverse, by code point.
std::array<int, 0x144> make_byte_of() {
    std::array<int, 0x144> byte_of;
    byte_of.fill(-1);
    size_t next = 0x100;
    for (int byte = 0; byte < 256; ++byte) {
        const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
        byte_of[printable ? static_cast<size_t>(byte) : next++] = byte;
    }
    return byte_of;
}

// The bytes that a vocabulary entry stands for.
std::string decode_entry(const std::string &entry) {
    static const std::array<int, 0x144> byte_of = make_byte_of();
    std::string out;
    for (size_t i = 0; i < entry.size(); ++i) {
        size_t code = static_cast<uint8_t>(entry[i]);
        if (code >= 0xC0 && code < 0xE0 && i + 1 < entry.size())
            code = (code & 0x1F) << 6 | (static_cast<uint8_t>(entry[++i]) & 0x3F);
        if (code >= byte_of.size() || byte_of[code] < 0)
            throw Error("tokenizer.json: the entry '" + entry +
                        "' is not of a byte-level vocabulary");
        out += static_cast<char>(byte_of[code]);
    }
    return out;
}

uint64_t pair_key(Token left, Token right) { return static_cast<uint64_t>(left) << 32 | right; }

}  // namespace

Tokenizer::Tokenizer(const std::string &json) {
    const TokenizerFile file = parse_tokenizer(json);
    split_digits = file.split_digits;
    add_prefix_space = file.add_prefix_space;
    ignore_merges = file.ignore_merges;
    for (const auto &[entry, token] : file.vocabulary) add_entry(token, entry);
    set_byte_tokens(file.unknown_token);
    uint32_t rank = 0;
    for (const auto &[left, right] : file.merges) add_merge(rank++, left, right);
    for (const auto &[text, token] : file.added) {
        add_token(token, text);
        if (!text.empty()) specials.emplace_back(text, token);
    }
    std::stable_sort(specials.begin(), specials.end(),
                     [](const auto &a, const auto &b) { return a.first.size() > b.first.size(); });
}

void Tokenizer::add_token(Token token, std::string text) {
    if (token >= bytes.size()) bytes.resize(token + 1);
    bytes[token] = std::move(text);
}

// Special tokens may stand in the vocabulary as they are; those that are added later set their
// text.
void Tokenizer::add_entry(Token token, const std::string &entry) {
    std::string text;
    try {
        text = decode_entry(entry);
    } catch (const Error &) {
        return add_token(token, entry);
    }
    token_of.emplace(text, token);
    add_token(token, std::move(text));
}

void Tokenizer::set_byte_tokens(const std::string &unknown_token) {
    for (size_t byte = 0; byte < 256; ++byte) {
        const auto found = token_of.find(std::string(1, static_cast<char>(byte)));
        byte_token[byte] = found == token_of.end() ? kNone : found->second;
        if (found == token_of.end() && !unknown_token.empty())
            throw Error("tokenizer.json: unk_token " + unknown_token + " is not supported");
    }
}

void Tokenizer::add_merge(uint32_t rank, const std::string &left_entry,
                          const std::string &right_entry) {
    const std::string left = decode_entry(left_entry), right = decode_entry(right_entry);
    const auto a = token_of.find(left), b = token_of.find(right), ab = token_of.find(left + right);
    if (a == token_of.end() || b == token_of.end() || ab == token_of.end())
        throw Error("tokenizer.json: a merge of tokens that are not in the vocabulary: '" +
                    left_entry + "' and '" + right_entry + "'");
    merges.emplace(pair_key(a->second, b->second), Merge{rank, ab->second});
}

std::vector<Token> Tokenizer::encode(std::string_view text) const {
    std::vector<Token> out;
    size_t begin = 0;
    for (size_t at = 0; at < text.size();) {
        const auto special =
            std::find_if(specials.begin(), specials.end(), [&](const auto &candidate) {
                return text.substr(at, candidate.first.size()) == candidate.first;
            });
        if (special == specials.end()) {
            ++at;
            continue;
        }
        encode_text(text.substr(begin, at - begin), &out);
        out.push_back(special->second);
        begin = at += special->first.size();
    }
    encode_text(text.substr(begin), &out);
    return out;
}

void Tokenizer::encode_text(std::string_view text, std::vector<Token> *out) const {
    if (text.empty()) return;
    const std::vector<std::string_view> pieces =
        split_digits ? llama::split_digits(text) : std::vector<std::string_view>{text};
    for (const std::string_view piece : pieces) {
        std::string spaced;
        const bool add_space = add_prefix_space && piece.front() != ' ';
        if (add_space) spaced.append(1, ' ').append(piece);
        for (const std::string_view word : split_words(add_space ? spaced : piece))
            encode_word(word, out);
    }
}

// Joins the pair of lowest rank, the leftmost of equals, until no pair can be joined.
void Tokenizer::encode_word(std::string_view word, std::vector<Token> *out) const {
    if (ignore_merges) {
        if (const auto whole = token_of.find(std::string(word)); whole != token_of.end())
            return out->push_back(whole->second);
    }
    std::vector<Token> parts;
    for (const char byte : word)
        if (const Token token = byte_token[static_cast<uint8_t>(byte)]; token != kNone)
            parts.push_back(token);
    while (parts.size() > 1) {
        Merge best = {std::numeric_limits<uint32_t>::max(), kNone};
        size_t place = 0;
        for (size_t i = 0; i + 1 < parts.size(); ++i) {
            const auto found = merges.find(pair_key(parts[i], parts[i + 1]));
            if (found == merges.end() || found->second.rank >= best.rank) continue;
            best = found->second;
            place = i;
        }
        if (best.joined == kNone) break;
        parts[place] = best.joined;
        parts.erase(parts.begin() + static_cast<ptrdiff_t>(place) + 1);
    }
    out->insert(out->end(), parts.begin(), parts.end());
}

const std::string &Tokenizer::bytes_of(Token token) const {
    static const std::string unknown;
    return token < bytes.size() ? bytes[token] : unknown;
}

}  // namespace llama
