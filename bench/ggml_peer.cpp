// SPDX-License-Identifier: MIT
#include <ggml-backend.h>
#include <ggml-cpu.h>
#include <ggml.h>

#include <algorithm>
#include <random>
#include <stdexcept>

#include "bench/peer.hpp"

namespace densq::bench {
namespace {

constexpr ggml_type kTypes[] = {GGML_TYPE_F16,  GGML_TYPE_Q4_0,  GGML_TYPE_Q4_K, GGML_TYPE_IQ4_NL,
                                GGML_TYPE_Q3_K, GGML_TYPE_IQ3_S, GGML_TYPE_Q2_K};

template <auto release>
struct Release {
    template <typename T>
    void operator()(T *object) const {
        release(object);
    }
};
using Context = std::unique_ptr<ggml_context, Release<ggml_free>>;
using Buffer = std::unique_ptr<ggml_backend_buffer, Release<ggml_backend_buffer_free>>;

// How weights can be stored: as they stand in a file, and in the forms of other kernels.
std::vector<ggml_backend_buffer_type_t> buffer_types() {
    std::vector<ggml_backend_buffer_type_t> types{ggml_backend_cpu_buffer_type()};
    const ggml_backend_dev_t device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    const auto extra =
        reinterpret_cast<ggml_backend_dev_get_extra_bufts_t>(ggml_backend_reg_get_proc_address(
            ggml_backend_dev_backend_reg(device), "ggml_backend_dev_get_extra_bufts"));
    ggml_backend_buffer_type_t *others = extra ? extra(device) : nullptr;
    for (; others && *others; ++others) types.push_back(*others);
    return types;
}

Context make_context(size_t tensors) {
    const ggml_init_params parameters = {
        tensors * ggml_tensor_overhead() + tensors * ggml_graph_overhead_custom(8, false), nullptr,
        true};
    return Context(ggml_init(parameters));
}

// Copies of one matrix.
struct Matrices {
    Context context;
    Buffer memory;
    std::vector<ggml_tensor *> copies;
};

// Their products with a batch, a graph for each.
struct Products {
    std::shared_ptr<Matrices> matrices;
    std::shared_ptr<ggml_backend> backend;
    Context context;
    Buffer memory;
    std::vector<ggml_cgraph *> graphs;
    size_t turn = 0;

    void run() {
        turn = (turn + 1) % graphs.size();
        if (ggml_backend_graph_compute(backend.get(), graphs[turn]) != GGML_STATUS_SUCCESS)
            throw std::runtime_error("ggml: the product failed");
    }
};

// NULL: ggml does not multiply this type in that form on this CPU.
std::shared_ptr<Matrices> make_matrices(ggml_type type, ggml_backend_buffer_type_t buffer_type,
                                        ggml_backend *backend, Shape shape, size_t copies,
                                        const std::vector<uint8_t> &bytes) {
    const auto matrices = std::make_shared<Matrices>();
    matrices->context = make_context(copies + 2);
    ggml_context *context = matrices->context.get();
    for (size_t i = 0; i < copies; ++i)
        matrices->copies.push_back(ggml_new_tensor_2d(context, type, shape.cols, shape.rows));
    matrices->memory.reset(ggml_backend_alloc_ctx_tensors_from_buft(context, buffer_type));
    if (!matrices->memory) return nullptr;
    const bool has_kernel =
        buffer_type == ggml_backend_cpu_buffer_type() || matrices->copies[0]->extra;
    ggml_tensor *x = ggml_new_tensor_2d(context, GGML_TYPE_F32, shape.cols, 1);
    if (!has_kernel ||
        !ggml_backend_supports_op(backend, ggml_mul_mat(context, matrices->copies[0], x)))
        return nullptr;
    for (ggml_tensor *matrix : matrices->copies)
        ggml_backend_tensor_set(matrix, bytes.data(), 0, bytes.size());
    return matrices;
}

std::shared_ptr<Products> make_products(const std::shared_ptr<Matrices> &matrices,
                                        const std::shared_ptr<ggml_backend> &backend, Shape shape,
                                        uint32_t batch) {
    const auto products = std::make_shared<Products>();
    products->matrices = matrices;
    products->backend = backend;
    products->context = make_context(2 * matrices->copies.size() + 1);
    ggml_context *context = products->context.get();
    ggml_tensor *x = ggml_new_tensor_2d(context, GGML_TYPE_F32, shape.cols, batch);
    for (ggml_tensor *matrix : matrices->copies) {
        ggml_cgraph *graph = ggml_new_graph_custom(context, 8, false);
        ggml_build_forward_expand(graph, ggml_mul_mat(context, matrix, x));
        products->graphs.push_back(graph);
    }
    products->memory.reset(ggml_backend_alloc_ctx_tensors(context, backend.get()));
    const std::vector<float> values(size_t{batch} * shape.cols, 0.5f);
    ggml_backend_tensor_set(x, values.data(), 0, values.size() * sizeof(float));
    return products;
}

// The CPU backend with a pool of its own, which goes when the backend has gone.
std::shared_ptr<ggml_backend> make_backend(uint32_t threads) {
    ggml_threadpool_params parameters = ggml_threadpool_params_default(static_cast<int>(threads));
    ggml_threadpool *pool = ggml_threadpool_new(&parameters);
    const std::shared_ptr<ggml_backend> backend(ggml_backend_cpu_init(),
                                                [pool](ggml_backend *used) {
                                                    ggml_backend_free(used);
                                                    ggml_threadpool_free(pool);
                                                });
    ggml_backend_cpu_set_n_threads(backend.get(), static_cast<int>(threads));
    ggml_backend_cpu_set_threadpool(backend.get(), pool);
    return backend;
}

std::vector<uint8_t> quantized(ggml_type type, Shape shape) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::vector<float> row(shape.cols);
    const std::vector<float> importance(shape.cols, 1);
    const size_t row_bytes = ggml_row_size(type, shape.cols);
    std::vector<uint8_t> bytes(shape.rows * row_bytes);
    // Few different rows: quantizing takes longer than all measuring.
    constexpr uint32_t kDifferent = 64;
    for (uint32_t r = 0; r < shape.rows; ++r) {
        uint8_t *at = bytes.data() + r * row_bytes;
        if (r >= kDifferent) {
            std::copy(at - kDifferent * row_bytes, at - (kDifferent - 1) * row_bytes, at);
            continue;
        }
        for (float &weight : row) weight = normal(random);
        ggml_quantize_chunk(type, row.data(), at, 0, 1, shape.cols, importance.data());
    }
    return bytes;
}

}  // namespace

void add_ggml(Shape shape, const std::vector<uint32_t> &batches, uint32_t threads,
              uint64_t cold_bytes, std::vector<tool::Peer> *to) {
    ggml_log_set([](ggml_log_level, const char *, void *) {}, nullptr);  // a line for each tensor
    const std::shared_ptr<ggml_backend> backend = make_backend(threads);
    for (const ggml_type type : kTypes) {
        if (shape.cols % ggml_blck_size(type) != 0) continue;
        const std::vector<uint8_t> bytes = quantized(type, shape);
        for (const ggml_backend_buffer_type_t buffer_type : buffer_types()) {
            const std::shared_ptr<Matrices> matrices =
                make_matrices(type, buffer_type, backend.get(), shape,
                              tool::copies_of(bytes.size(), cold_bytes), bytes);
            if (!matrices) continue;
            const std::string name = std::string("ggml ") + ggml_type_name(type) + " " +
                                     ggml_backend_buft_name(buffer_type);
            for (const uint32_t batch : batches) {
                const auto products = make_products(matrices, backend, shape, batch);
                to->push_back({name, "ggml", batch, bytes.size(), [products] { products->run(); }});
            }
        }
    }
}

}  // namespace densq::bench
