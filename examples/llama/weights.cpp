// SPDX-License-Identifier: MIT
#include "weights.hpp"

#include <cblas.h>

#include "error.hpp"
#include "floats.hpp"

namespace llama {
namespace {

std::string shape_text(const uint32_t *shape, size_t dimensions) {
    std::string text = "[";
    for (size_t i = 0; i < dimensions; ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + "]";
}

}  // namespace

Threads::Threads(uint32_t count) {
    if (densq_threads_create(&pool, count) != DENSQ_OK)
        throw Error("cannot start " + std::to_string(count) + " threads");
    openblas_set_num_threads(1);  // the pool runs all that runs side by side
}

void Threads::run(uint32_t count, const std::function<void(uint32_t)> &task) const {
    using Task = std::function<void(uint32_t)>;
    const densq_task_fn call = [](void *arg, uint32_t begin, uint32_t end) {
        for (uint32_t i = begin; i < end; ++i) (*static_cast<const Task *>(arg))(i);
    };
    densq_threads_run(pool, count, call, const_cast<Task *>(&task));
}

Weights::Weights(const std::string &path_, const std::string &backend, densq_precision precision,
                 const Threads &threads)
    : path(path_), pool(threads) {
    densq_fault fault = {};
    densq_file *file = nullptr;
    const densq_status status = densq_open_path(&file, path.c_str(), nullptr, &fault);
    if (status == DENSQ_ERR_IO) throw Error(fault.text);  // names the path
    if (status != DENSQ_OK) throw Error(path + ": " + fault.text);
    opened.reset(file);
    densq_backend_options options = {};
    options.struct_size = sizeof options;
    options.name = backend.empty() ? nullptr : backend.c_str();
    options.precision = static_cast<uint32_t>(precision);
    options.parallel = densq_threads_run;
    options.parallel_user = threads.get();
    chosen = make_multiplier(options);
}

std::string Weights::text(const std::string &key) const {
    uint32_t index = 0;
    densq_metadata metadata = {};
    metadata.struct_size = sizeof metadata;
    if (densq_find(file(), DENSQ_METADATA, key.c_str(), &index) != DENSQ_OK ||
        densq_get_metadata(file(), index, &metadata) != DENSQ_OK)
        throw Error(path + ": has no " + key + "; quantize from the model's folder");
    return {metadata.value, metadata.value_bytes};
}

densq_tensor Weights::tensor(const std::string &name, const std::vector<uint32_t> &shape) const {
    uint32_t index = 0;
    densq_tensor tensor = {};
    tensor.struct_size = sizeof tensor;
    if (densq_find(file(), DENSQ_TENSOR, name.c_str(), &index) != DENSQ_OK ||
        densq_get_tensor(file(), index, &tensor) != DENSQ_OK)
        throw Error(path + ": has no tensor '" + name + "'");
    if (shape != std::vector<uint32_t>(tensor.shape, tensor.shape + tensor.dimensions))
        throw Error(path + ": tensor '" + name + "' is " +
                    shape_text(tensor.shape, tensor.dimensions) + ", the config makes it " +
                    shape_text(shape.data(), shape.size()));
    return tensor;
}

std::vector<float> Weights::vector(const std::string &name, uint32_t length) const {
    std::vector<float> values(length);
    read_floats(tensor(name, {length}), 0, length, values.data());
    return values;
}

bool Weights::has_matrix(const std::string &name) const {
    uint32_t index;
    return densq_find(file(), DENSQ_MATRIX, name.c_str(), &index) == DENSQ_OK;
}

uint32_t Weights::matrix(const std::string &name, uint32_t rows, uint32_t cols) const {
    uint32_t index = 0;
    densq_matrix matrix = {};
    matrix.struct_size = sizeof matrix;
    if (densq_find(file(), DENSQ_MATRIX, name.c_str(), &index) != DENSQ_OK ||
        densq_get_matrix(file(), index, &matrix) != DENSQ_OK)
        throw Error(path + ": has no matrix '" + name + "'");
    if (matrix.rows != rows || matrix.cols != cols) {
        const uint32_t is[] = {matrix.rows, matrix.cols}, expected[] = {rows, cols};
        throw Error(path + ": matrix '" + name + "' is " + shape_text(is, 2) +
                    ", the config makes it " + shape_text(expected, 2));
    }
    return index;
}

}  // namespace llama
