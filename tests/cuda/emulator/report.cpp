// SPDX-License-Identifier: MIT
#include "report.hpp"

#include <algorithm>
#include <cstring>

namespace densq::emulator {

bool Site::operator==(const Site &other) const {
    return line == other.line && std::strcmp(file, other.file) == 0;
}

std::string Site::text() const { return std::string(file) + ":" + std::to_string(line); }

const char *name(Kind kind) {
    switch (kind) {
    case Kind::kSharedBounds: return "shared memory out of bounds";
    case Kind::kGlobalBounds: return "global memory out of bounds";
    case Kind::kMisaligned: return "misaligned access";
    case Kind::kUninitialised: return "uninitialised read";
    case Kind::kRace: return "data race";
    case Kind::kReadOnly: return "read-only load of written memory";
    case Kind::kAsyncPending: return "asynchronous copy not waited for";
    case Kind::kAsyncUnfinished: return "exit before an asynchronous copy is done";
    case Kind::kDivergence: return "divergence";
    case Kind::kEarlyExit: return "early exit";
    case Kind::kBadMask: return "bad mask";
    case Kind::kBadArgument: return "bad argument";
    }
    return "";
}

std::string Finding::text() const {
    return site.text() + ": " + name(kind) + ": " + kernel + ", thread block (" +
           std::to_string(block.x) + ", " + std::to_string(block.y) + ", " +
           std::to_string(block.z) + "), thread " + std::to_string(thread) + ": " + what + " (" +
           std::to_string(count) + " times)";
}

void Report::add(Finding finding) {
    const auto same = std::find_if(list.begin(), list.end(), [&](const Finding &other) {
        return other.kind == finding.kind && other.site == finding.site &&
               other.kernel == finding.kernel;
    });
    if (same != list.end())
        ++same->count;
    else
        list.push_back(std::move(finding));
}

size_t Report::count(Kind kind) const {
    return static_cast<size_t>(std::count_if(
        list.begin(), list.end(), [&](const Finding &finding) { return finding.kind == kind; }));
}

std::string Report::text() const {
    std::string lines;
    for (const Finding &finding : list) lines += finding.text() + "\n";
    return lines;
}

}  // namespace densq::emulator
