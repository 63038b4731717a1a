// SPDX-License-Identifier: MIT
#include "tokenizer.hpp"

#include <algorithm>
#include <initializer_list>
#include <limits>

#include <nlohmann/json.hpp>

#include "error.hpp"
#include "pretokenizer.hpp"

namespace llama {
namespace {

using nlohmann::json;

constexpr Token kNone = std::numeric_limits<Token>::max();
constexpr size_t kMaxTokens = 1 << 24;

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

bool is_set(const json &object, const char *key) {
    return object.contains(key) && object[key].is_boolean() && object[key].get<bool>();
}

Token read_id(const json &id) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= kMaxTokens)
        throw Error("tokenizer.json: " + id.dump() + " is no number of a token");
    return id.get<Token>();
}

// Settings that change what a text is cut into; null, false, 0 and "" are those of byte-level BPE.
void refuse(const json &object, std::initializer_list<const char *> settings) {
    for (const char *setting : settings) {
        if (!object.contains(setting)) continue;
        const json &value = object[setting];
        if (!value.is_null() && value != false && value != 0 && value != "")
            throw Error("tokenizer.json: " + std::string(setting) + " " + value.dump() +
                        " is not supported");
    }
}

}  // namespace

Tokenizer::Tokenizer(const std::string &text) {
    try {
        const json root = json::parse(text);
        if (root.contains("normalizer") && !root["normalizer"].is_null())
            throw Error("tokenizer.json: normalizers are not supported");
        const json &model = root.at("model");
        if (model.at("type") != "BPE")
            throw Error("tokenizer.json: the model is " + model.at("type").dump() + ", not BPE");
        refuse(model,
               {"byte_fallback", "continuing_subword_prefix", "end_of_word_suffix", "dropout"});
        ignore_merges = is_set(model, "ignore_merges");
        read_pre_tokenizer(root.at("pre_tokenizer"));
        read_vocabulary(model);
        read_merges(model);
        if (root.contains("added_tokens")) read_added(root["added_tokens"]);
    } catch (const json::exception &error) {
        throw Error(std::string("tokenizer.json: ") + error.what());
    }
}

// ByteLevel, or Sequence[Digits, ByteLevel].
void Tokenizer::read_pre_tokenizer(const json &root) {
    const json steps = root.is_object() && root.value("type", "") == "Sequence"
                           ? root.at("pretokenizers")
                           : json::array({root});
    bool byte_level = false;
    for (const json &step : steps) {
        const std::string type = step.is_object() ? step.value("type", "") : step.dump();
        if (type == "Digits" && step.value("individual_digits", false) && !byte_level) {
            split_digits = true;
        } else if (type == "ByteLevel" && step.value("use_regex", true) && !byte_level) {
            byte_level = true;
            add_prefix_space = step.value("add_prefix_space", true);
        } else {
            throw Error("tokenizer.json: the pre-tokenizer step " + step.dump() +
                        " is not supported");
        }
    }
    if (!byte_level) throw Error("tokenizer.json: the pre-tokenizer is not ByteLevel");
}

void Tokenizer::add_token(Token token, std::string text) {
    if (token >= bytes.size()) bytes.resize(token + 1);
    bytes[token] = std::move(text);
}

void Tokenizer::read_vocabulary(const json &model) {
    const json &vocabulary = model.at("vocab");
    if (!vocabulary.is_object()) throw Error("tokenizer.json: the vocabulary is no object");
    for (const auto &[entry, id] : vocabulary.items()) {
        const Token token = read_id(id);
        // Special tokens may stand in the vocabulary as they are; read_added sets their text.
        std::string text;
        try {
            text = decode_entry(entry);
        } catch (const Error &) {
            add_token(token, entry);
            continue;
        }
        token_of.emplace(text, token);
        add_token(token, std::move(text));
    }
    for (size_t byte = 0; byte < 256; ++byte) {
        const auto found = token_of.find(std::string(1, static_cast<char>(byte)));
        byte_token[byte] = found == token_of.end() ? kNone : found->second;
        if (found == token_of.end()) refuse(model, {"unk_token"});
    }
}

void Tokenizer::read_merges(const json &model) {
    uint32_t rank = 0;
    for (const json &merge : model.at("merges")) {
        std::string left, right;
        if (merge.is_array()) {
            left = merge.at(0).get<std::string>();
            right = merge.at(1).get<std::string>();
        } else {
            const auto text = merge.get<std::string>();
            const size_t space = text.find(' ');
            if (space == std::string::npos)
                throw Error("tokenizer.json: the merge '" + text + "' has no space");
            left = text.substr(0, space);
            right = text.substr(space + 1);
        }
        left = decode_entry(left);
        right = decode_entry(right);
        const auto a = token_of.find(left), b = token_of.find(right),
                   ab = token_of.find(left + right);
        if (a == token_of.end() || b == token_of.end() || ab == token_of.end())
            throw Error("tokenizer.json: a merge of tokens that are not in the vocabulary: " +
                        merge.dump());
        merges.emplace(pair_key(a->second, b->second), Merge{rank++, ab->second});
    }
}

void Tokenizer::read_added(const json &added) {
    for (const json &token : added) {
        const auto content = token.at("content").get<std::string>();
        const Token id = read_id(token.at("id"));
        refuse(token, {"lstrip", "rstrip", "single_word"});
        add_token(id, content);
        if (!content.empty()) specials.emplace_back(content, id);
    }
    std::stable_sort(specials.begin(), specials.end(),
                     [](const auto &a, const auto &b) { return a.first.size() > b.first.size(); });
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
