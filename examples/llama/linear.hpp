// SPDX-License-Identifier: MIT
// linear.hpp - a linear layer y = W x: densq for a quantized matrix, OpenBLAS for a plain tensor.
#pragma once
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "weights.hpp"

namespace llama {

class Linear;
struct LayerOutput {
    const Linear *layer;
    float *y;
};
// Sees the input of a layer before it is applied: x[count][cols].
using LinearObserver = std::function<void(const Linear &layer, const float *x, uint32_t count)>;

class Linear {
public:
    // The entry `name` of the file, `rows` x `cols`.
    Linear(const Weights &weights, const std::string &name, uint32_t rows, uint32_t cols);

    // y[count][rows] = x[count][cols] W^T
    void apply(const float *x, uint32_t count, float *y) const;

    // Row `row` as floats.
    void read_row(uint32_t row, float *out) const;

    const std::string name;
    const uint32_t rows, cols;
    bool quantized() const { return bound != nullptr; }

    const LinearObserver *observer = nullptr;

private:
    struct Unbind {
        void operator()(densq_weights *object) const { densq_unbind(&object); }
    };
    friend void apply_all(std::initializer_list<LayerOutput>, const float *, uint32_t);
    void apply_plain(const float *x, uint32_t count, float *y) const;
    void apply_rows(uint32_t first, uint32_t number, const float *x, uint32_t count,
                    float *y) const;

    const Weights *weights;
    uint32_t index = 0;
    std::unique_ptr<densq_weights, Unbind> bound;
    densq_tensor plain = {};  // [rows][cols], in the file
};

// Applies layers of one input at once.
void apply_all(std::initializer_list<LayerOutput> outputs, const float *x, uint32_t count);

}  // namespace llama
