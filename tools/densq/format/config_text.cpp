// SPDX-License-Identifier: MIT
#include "config_text.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

// Steps over the parts of a JSON text.
class JsonText {
public:
    explicit JsonText(std::string_view text_) : text(text_) {}

    // Whether `character` comes next, behind white space; then it is stepped over.
    bool accept(char character) {
        skip_space();
        if (at == text.size() || text[at] != character) return false;
        ++at;
        return true;
    }

    void expect(char character) {
        if (!accept(character)) fail(std::string("'") + character + "' is missing");
    }

    // What stands between the quotes, of which the first one has been stepped over.
    std::string_view string() {
        const size_t begin = at;
        for (; at < text.size(); ++at) {
            if (text[at] == '"') return text.substr(begin, at++ - begin);
            if (text[at] == '\\') ++at;
        }
        fail("a string does not end");
    }

    std::string_view value() {
        skip_space();
        const size_t begin = at;
        for (size_t depth = 0; at < text.size();) {
            const char character = text[at];
            if (depth == 0 && (character == ',' || character == '}' || character == ']')) break;
            ++at;
            if (character == '"') string();
            if (character == '{' || character == '[') ++depth;
            if (character == '}' || character == ']') --depth;
        }
        const std::string_view found = text.substr(begin, at - begin);
        return found.substr(0, found.find_last_not_of(kSpace) + 1);
    }

    void expect_end() {
        skip_space();
        if (at < text.size()) fail("something follows it");
    }

private:
    static constexpr const char *kSpace = " \t\r\n";

    void skip_space() { at = std::min(text.find_first_not_of(kSpace, at), text.size()); }

    [[noreturn]] void fail(const std::string &what) const {
        throw DataError("no JSON object: " + what + " at byte " + std::to_string(at));
    }

    const std::string_view text;
    size_t at = 0;
};

bool is_text_config(const Member &member) {
    return member.key == "text_config" && member.value.starts_with('{');
}

// The object with the values that `rewrite` gives its members; those with none are left out.
template <typename Rewrite>
std::string rewrite_object(std::string_view object, Rewrite rewrite) {
    std::string text = "{";
    size_t begin = object.find('{') + 1;  // of a member, with the white space before it
    size_t end = begin;
    for (const Member &member : members_of(object)) {
        const auto value_begin = static_cast<size_t>(member.value.data() - object.data());
        if (const std::optional<std::string> value = rewrite(member)) {
            if (text.size() > 1) text += ',';
            text.append(object.substr(begin, value_begin - begin)).append(*value);
        }
        end = value_begin + member.value.size();
        begin = object.find(',', end) + 1;
    }
    return text.append(object.substr(end));
}

// Calls visit(value) for every dtype and torch_dtype, in the order of the text.
template <typename Visit>
void for_each_dtype(std::string_view config, Visit visit) {
    const auto visit_dtype = [&](const Member &member) {
        if (member.key == "dtype" || member.key == "torch_dtype") visit(member.value);
    };
    for (const Member &member : members_of(config)) {
        visit_dtype(member);
        if (is_text_config(member))
            for (const Member &inner : members_of(member.value)) visit_dtype(inner);
    }
}

constexpr std::pair<densq_dtype, const char *> kTorchNames[] = {
    {DENSQ_F32, "\"float32\""}, {DENSQ_F16, "\"float16\""}, {DENSQ_BF16, "\"bfloat16\""}};

std::string torch_name(densq_dtype dtype) {
    for (const auto &[known, name] : kTorchNames)
        if (known == dtype) return name;
    return "null";
}

}  // namespace

std::string standard_json(std::string_view text) {
    constexpr std::string_view kWords[] = {"-Infinity", "Infinity", "NaN"};
    std::string result;
    bool quoted = false;
    for (size_t at = 0; at < text.size();) {
        const std::string_view rest = text.substr(at);
        const auto *word = std::find_if(std::begin(kWords), std::end(kWords),
                                        [&](auto w) { return !quoted && rest.starts_with(w); });
        if (word != std::end(kWords)) {
            result += "null";
            at += word->size();
            continue;
        }
        if (rest[0] == '"') quoted = !quoted;
        const size_t step = quoted && rest[0] == '\\' ? 2 : 1;
        result += rest.substr(0, step);
        at += step;
    }
    return result;
}

std::vector<Member> members_of(std::string_view object) {
    JsonText text(object);
    std::vector<Member> members;
    text.expect('{');
    if (!text.accept('}')) {
        do {
            text.expect('"');
            const std::string_view key = text.string();
            text.expect(':');
            members.push_back({key, text.value()});
        } while (text.accept(','));
        text.expect('}');
    }
    text.expect_end();
    return members;
}

Architecture read_architecture(std::string_view config) {
    using nlohmann::json;
    const json root = json::parse(standard_json(config), nullptr, false);
    if (!root.is_object()) throw DataError("no JSON object");
    Architecture architecture;
    const json type = root.value("model_type", json()), names = root.value("architectures", json());
    if (type.is_string()) architecture.model_type = type;
    for (const json &name : names)
        if (name.is_string()) architecture.classes.push_back(name);
    return architecture;
}

std::optional<densq_dtype> read_config_dtype(std::string_view config) {
    std::optional<densq_dtype> found;
    for_each_dtype(config, [&](std::string_view value) {
        for (const auto &[dtype, name] : kTorchNames)
            if (!found && value == name) found = dtype;
    });
    return found;
}

std::string with_config_dtype(std::string_view config, densq_dtype dtype) {
    std::string changed;
    size_t done = 0;
    for_each_dtype(config, [&](std::string_view value) {
        const auto begin = static_cast<size_t>(value.data() - config.data());
        changed.append(config.substr(done, begin - done)).append(torch_name(dtype));
        done = begin + value.size();
    });
    if (done > 0) return changed.append(config.substr(done));
    const size_t brace = config.find('{') + 1;
    const char *separator = members_of(config).empty() ? "" : ",";
    changed.append(config.substr(0, brace)).append("\n  \"torch_dtype\": ");
    return changed.append(torch_name(dtype)).append(separator).append(config.substr(brace));
}

std::string without_config_member(std::string_view config, std::string_view key) {
    return rewrite_object(config, [&](const Member &member) -> std::optional<std::string> {
        if (member.key == key) return std::nullopt;
        if (!is_text_config(member)) return std::string(member.value);
        return rewrite_object(member.value, [&](const Member &inner) {
            return inner.key == key ? std::nullopt : std::optional<std::string>(inner.value);
        });
    });
}

}  // namespace densq::tool
