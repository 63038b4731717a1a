// SPDX-License-Identifier: MIT
// info_report.hpp - what densq info prints for people, in 80 columns.
#pragma once
#include <string>

#include "file_facts.hpp"

namespace densq::tool {

// Facts, and entries in groups.
std::string summary_text(const FileFacts &facts);

// Every entry.
std::string table_text(const FileContents &contents);

}  // namespace densq::tool
