// SPDX-License-Identifier: MIT
#include "lib/base/caller_struct.hpp"

#include "lib/base/fault.hpp"

namespace densq {
namespace {

// No version will have a larger struct, so a larger struct_size was never set.
constexpr size_t kLargestStruct = 4096;

}  // namespace

densq_status check_struct_size(size_t struct_size, const KnownStruct &known, const char *parameter,
                               densq_fault *fault) {
    if (struct_size < known.first_size)
        return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset, parameter,
                    "->struct_size is smaller than ", known.name);
    if (struct_size > kLargestStruct)
        return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset, parameter, "->struct_size is ",
                    uint64_t{struct_size}, ": set it to sizeof(", known.name, ")");
    return DENSQ_OK;
}

densq_status copy_known(void *mine, const void *theirs, size_t struct_size,
                        const KnownStruct &known, const char *parameter, densq_fault *fault) {
    const densq_status status = check_struct_size(struct_size, known, parameter, fault);
    if (status) return status;
    const auto *bytes = static_cast<const uint8_t *>(theirs);
    for (size_t i = known.size; i < struct_size; ++i)
        if (bytes[i])
            return fail(fault, DENSQ_ERR_UNSUPPORTED, kNoOffset, parameter, ": byte ", uint64_t{i},
                        " of ", known.name, " is not zero, of which this library knows ",
                        uint64_t{known.size},
                        ": the caller was compiled with a newer header, and sets a field that "
                        "this version does not have");
    memcpy(mine, theirs, struct_size < known.size ? struct_size : known.size);
    return DENSQ_OK;
}

}  // namespace densq
