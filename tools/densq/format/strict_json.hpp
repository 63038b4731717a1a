// SPDX-License-Identifier: MIT
// strict_json.hpp - JSON as a stream of values, in time linear in its size; keys that come twice
// and deep nesting, which JSON readers disagree on, are refused.
#pragma once
#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include <nlohmann/json.hpp>

#include "text.hpp"
#include "tools/densq/errors.hpp"

namespace densq::tool {

// What a text is parsed into: a subclass is told of every value, and of objects and lists when they
// begin and end.
class StrictJson : public nlohmann::json_sax<nlohmann::json> {
public:
    // `wrong` begins the messages of errors: "not an index of shards".
    explicit StrictJson(std::string wrong_) : wrong(std::move(wrong_)) {}

    // DataError if the text is not one JSON value, or not what the subclass wants.
    void parse(const char *text, uint64_t size) {
        nlohmann::json_sax<nlohmann::json> *events = this;
        nlohmann::json::sax_parse(text, text + size, events);
    }

protected:
    struct Value {
        enum Kind { other, whole_number, text, object, list } kind;
        uint64_t number = 0;            // of a whole_number, which is not negative
        std::string *string = nullptr;  // of a text; may be moved from
    };
    // A value inside depth() objects and lists; key(level) is the key in the object at that level.
    virtual void value(const Value &value) = 0;
    virtual void close() {}  // the object or list at depth() has ended

    size_t depth() const { return levels.size(); }
    const std::string &key_at(size_t level) const { return levels[level].key; }

    [[noreturn]] void refuse(const std::string &why) const { throw DataError(wrong + ": " + why); }

private:
    static constexpr size_t kMaxDepth = 5;
    static constexpr size_t kMaxErrorBytes = 400;  // the JSON library quotes what it read

    struct Level {
        std::string key;
        std::unordered_set<std::string> keys;
    };

    bool pass(const Value &of) {
        value(of);
        return true;
    }

    bool open(Value::Kind kind) {
        value({kind});
        if (depth() == kMaxDepth) refuse("it is nested too deeply");
        levels.emplace_back();
        return true;
    }

    bool leave() {
        close();
        levels.pop_back();
        return true;
    }

    bool null() override { return pass({Value::other}); }
    bool boolean(bool) override { return pass({Value::other}); }
    bool number_integer(int64_t) override { return pass({Value::other}); }
    bool number_unsigned(uint64_t number) override { return pass({Value::whole_number, number}); }
    bool number_float(double, const std::string &) override { return pass({Value::other}); }
    bool string(std::string &text) override { return pass({Value::text, 0, &text}); }
    bool binary(nlohmann::json::binary_t &) override { return pass({Value::other}); }
    bool start_object(size_t) override { return open(Value::object); }
    bool end_object() override { return leave(); }
    bool start_array(size_t) override { return open(Value::list); }
    bool end_array() override { return leave(); }

    bool key(std::string &text) override {
        if (!levels.back().keys.insert(text).second)
            refuse("it has the key '" + printable(text) + "' twice");
        levels.back().key = std::move(text);
        return true;
    }

    bool parse_error(size_t, const std::string &,
                     const nlohmann::detail::exception &error) override {
        refuse(printable(error.what(), kMaxErrorBytes));
    }

    const std::string wrong;
    std::vector<Level> levels;
};

}  // namespace densq::tool
