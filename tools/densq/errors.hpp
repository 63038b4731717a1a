// SPDX-License-Identifier: MIT
// errors.hpp - what the user can put right.  The command line exits with 1 for data, with 2 for
// usage; any other exception is a fault of the machine or of this program.
#pragma once
#include <stdexcept>

namespace densq::tool {

// What is wrong with the user's data; the message names the file.
struct DataError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// What is wrong with the command line.
struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// What ended a run whose output is unfinished but can be gone on with; the cause is nested in it.
struct Unfinished : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace densq::tool
