// SPDX-License-Identifier: MIT
// model_notes.hpp - what to warn of when all matrices are quantized: once for the whole model.
#pragma once
#include <string>
#include <vector>

#include "quantization_method.hpp"

namespace densq::tool {

class ModelNotes {
public:
    void add(const std::string &name, const MatrixNotes &notes);
    std::vector<std::string> warnings() const;

private:
    // Rows of one kind, and the matrix that has the worst of them.
    struct Affected {
        uint64_t rows = 0, matrices = 0;
        double worst = 0;
        std::string worst_matrix;

        void add(const std::string &name, uint32_t more_rows, double badness);
        std::string text() const;
    };

    Affected by_fp16, mostly_zero;
};

}  // namespace densq::tool
