// SPDX-License-Identifier: MIT
#include "output.hpp"

#include <cstdio>

#include "interrupt.hpp"
#include "tools/densq/errors.hpp"

namespace densq::tool {

void write_output(const OutputTarget &target, const FilePlan &plan,
                  const Continuation &continuation,
                  const std::function<void(FileWriter *)> &add_all) {
    FileWriter writer(target, plan, continuation);
    if (!writer.notice().empty()) std::fprintf(stderr, "densq: %s\n", writer.notice().c_str());
    try {
        add_all(&writer);
        check_interrupt();
        writer.finish();
    } catch (...) {
        const std::string left = writer.left_text();
        if (left.empty()) throw;
        std::throw_with_nested(Unfinished(left));
    }
}

}  // namespace densq::tool
