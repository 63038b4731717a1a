// SPDX-License-Identifier: MIT
#include "safetensors_header.hpp"

#include "strict_json.hpp"

namespace densq::tool {
namespace {

class HeaderParser : public StrictJson {
public:
    HeaderParser() : StrictJson("its header is not what safetensors prescribes") {}

    std::vector<HeaderTensor> take_tensors() {
        if (!is_object) throw DataError("its header is no JSON object");
        std::vector<HeaderTensor> tensors;
        tensors.reserve(entries.size());
        for (Entry &entry : entries) {
            if (!entry.is_object) refuse_entry(entry, "is no object");
            if (!entry.has_dtype) refuse_entry(entry, "has no dtype");
            if (!entry.has_shape) refuse_entry(entry, "has no shape");
            if (!entry.has_offsets) refuse_entry(entry, "has no data_offsets");
            if (entry.offsets.size() != 2)
                throw DataError(describe(entry) + ": its data_offsets are not two numbers");
            tensors.push_back({std::move(entry.name), std::move(entry.dtype),
                               std::move(entry.shape), entry.offsets[0], entry.offsets[1]});
        }
        return tensors;
    }

private:
    struct Entry {
        std::string name, dtype;
        std::vector<uint64_t> shape, offsets;
        bool is_object, has_dtype = false, has_shape = false, has_offsets = false;
    };

    void value(const Value &value) override {
        if (depth() == 0) is_object = value.kind == Value::object;
        if (!is_object || depth() == 0) return;
        if (depth() == 1)
            begin_entry(value);
        else if (in_tensor && depth() == 2)
            begin_field(value);
        else if (list)
            add_to_list(value);
    }

    void close() override {
        if (depth() == 3) list = nullptr;
    }

    void begin_entry(const Value &value) {
        in_tensor = false;
        if (key_at(0) == "__metadata__") return;
        Entry &entry = entries.emplace_back();
        entry.name = key_at(0);
        in_tensor = entry.is_object = value.kind == Value::object;
        if (has_control(entry.name))
            throw DataError(describe(entry) + ": its name has a control character");
    }

    void begin_field(const Value &value) {
        Entry &entry = entries.back();
        const std::string &field = key_at(1);
        if (field == "dtype") {
            if (value.kind != Value::text) refuse_entry(entry, "has a dtype that is no text");
            entry.dtype = std::move(*value.string);
            entry.has_dtype = true;
        } else if (field == "shape") {
            begin_list(value, &entry.shape);
            entry.has_shape = true;
        } else if (field == "data_offsets") {
            begin_list(value, &entry.offsets);
            entry.has_offsets = true;
        }
    }

    void begin_list(const Value &value, std::vector<uint64_t> *numbers) {
        if (value.kind != Value::list) refuse_list();
        list = numbers;
    }

    void add_to_list(const Value &value) {
        if (value.kind != Value::whole_number) refuse_list();
        list->push_back(value.number);
    }

    [[noreturn]] void refuse_list() const {
        throw DataError(describe(entries.back()) + ": its " + key_at(1) +
                        " is no list of whole numbers");
    }

    [[noreturn]] void refuse_entry(const Entry &entry, const std::string &why) const {
        refuse(describe(entry) + " " + why);
    }

    static std::string describe(const Entry &entry) {
        return "tensor '" + printable(entry.name) + "'";
    }

    bool is_object = false, in_tensor = false;
    std::vector<Entry> entries;
    std::vector<uint64_t> *list = nullptr;  // the shape or offsets that are being read
};

}  // namespace

std::vector<HeaderTensor> parse_safetensors_header(const char *text, uint64_t size) {
    HeaderParser parser;
    parser.parse(text, size);
    return parser.take_tensors();
}

}  // namespace densq::tool
