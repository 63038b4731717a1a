// SPDX-License-Identifier: MIT
// test_errors.cpp - every bad file of make_errors.py gets its status, offset and text.
#include <sstream>

#include "tests/support/opened_files.hpp"

using namespace densq::test;

namespace {

struct Case {
    std::string name, status, offset, text;
};

std::vector<Case> read_cases() {
    std::ifstream list(kErrors + "expected.txt");
    std::vector<Case> cases;
    for (std::string line; std::getline(list, line);) {
        std::istringstream fields(line);
        Case c;
        std::getline(fields, c.name, '\t');
        std::getline(fields, c.status, '\t');
        std::getline(fields, c.offset, '\t');
        std::getline(fields, c.text);
        cases.push_back(c);
    }
    return cases;
}

const char *status_name(densq_status status) {
    switch (status) {
    case DENSQ_OK: return "OK";
    case DENSQ_ERR_MAGIC: return "MAGIC";
    case DENSQ_ERR_VERSION: return "VERSION";
    case DENSQ_ERR_CORRUPT: return "CORRUPT";
    case DENSQ_ERR_CHECKSUM: return "CHECKSUM";
    case DENSQ_ERR_LIMIT: return "LIMIT";
    default: return "another status";
    }
}

void check_fault(const Opened &opened, const Case &expected) {
    CHECK(status_name(opened.status) == expected.status);
    CHECK(std::to_string(opened.fault.offset) == expected.offset);
    CHECK(opened.fault.text == expected.text);
}

// CRCs that SKIP_CHECKSUM leaves unread.
bool is_section_checksum(const Case &c) { return c.name.rfind("crc_", 0) == 0; }

}  // namespace

TEST_CASE("the good file that the bad ones are made from") {
    CHECK(open_file(kErrors + "good.densq").status == DENSQ_OK);
}

TEST_CASE("bad files") {
    const std::vector<Case> cases = read_cases();
    CHECK(cases.size() > 100);
    for (const Case &c : cases) {
        CAPTURE(c.name);
        const std::string path = kErrors + c.name + ".densq";
        check_fault(open_file(path), c);
        check_fault(open_file(path, DENSQ_OPEN_COPY), c);
        const Opened unchecked = open_file(path, DENSQ_OPEN_SKIP_CHECKSUM);
        if (is_section_checksum(c))
            CHECK(unchecked.status == DENSQ_OK);
        else
            check_fault(unchecked, c);
    }
}

TEST_CASE("without a fault record") {
    for (const Case &c : read_cases()) {
        densq_file *file = nullptr;
        const densq_status status =
            densq_open_path(&file, (kErrors + c.name + ".densq").c_str(), nullptr, nullptr);
        CHECK(status_name(status) == c.status);
        CHECK(file == nullptr);
    }
}
