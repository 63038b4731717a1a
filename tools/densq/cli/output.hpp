// SPDX-License-Identifier: MIT
// output.hpp - writes the file of a command, and tells what is left if it ends before.
#pragma once
#include <functional>

#include "tools/densq/format/file_writer.hpp"

namespace densq::tool {

// Lets `add_all` add everything that is planned, and finishes the file.  What ends it when there is
// something to go on with becomes an Unfinished with that exception inside.
void write_output(const OutputTarget &target, const FilePlan &plan,
                  const Continuation &continuation,
                  const std::function<void(FileWriter *)> &add_all);

}  // namespace densq::tool
