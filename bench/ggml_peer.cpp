// SPDX-License-Identifier: MIT
#include <ggml-backend.h>
#include <ggml-cpu.h>
#include <ggml.h>

#include <random>
#include <stdexcept>

#include "bench/peer.hpp"

namespace densq::bench {
namespace {

struct Kind {
    ggml_type type;
    bool repacked;
};
constexpr Kind kKinds[] = {
    {GGML_TYPE_F16, false},    {GGML_TYPE_Q4_0, false}, {GGML_TYPE_Q4_0, true},
    {GGML_TYPE_Q4_K, false},   {GGML_TYPE_Q4_K, true},  {GGML_TYPE_IQ4_NL, false},
    {GGML_TYPE_IQ4_NL, true},  {GGML_TYPE_Q3_K, false}, {GGML_TYPE_IQ3_S, false},
    {GGML_TYPE_Q2_K, false},
};

template <auto release>
struct Release {
    template <typename T>
    void operator()(T *object) const {
        release(object);
    }
};
using Context = std::unique_ptr<ggml_context, Release<ggml_free>>;
using Buffer = std::unique_ptr<ggml_backend_buffer, Release<ggml_backend_buffer_free>>;
using Backend = std::unique_ptr<ggml_backend, Release<ggml_backend_free>>;

// The buffer type that stores weights as this CPU's kernels like them; NULL: there is none.
ggml_backend_buffer_type_t repacking_type() {
    const ggml_backend_dev_t device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    const auto extra = reinterpret_cast<ggml_backend_dev_get_extra_bufts_t>(
        ggml_backend_reg_get_proc_address(ggml_backend_dev_backend_reg(device),
                                          "ggml_backend_dev_get_extra_bufts"));
    ggml_backend_buffer_type_t *types = extra ? extra(device) : nullptr;
    for (; types && *types; ++types)
        if (std::string(ggml_backend_buft_name(*types)) == "CPU_REPACK") return *types;
    return nullptr;
}

Context make_context(size_t tensors) {
    const ggml_init_params parameters = {
        tensors * ggml_tensor_overhead() + tensors * ggml_graph_overhead_custom(8, false), nullptr,
        true};
    return Context(ggml_init(parameters));
}

// Copies of one matrix with a graph each.
struct Product {
    std::shared_ptr<ggml_threadpool> pool;  // one for all
    Backend backend;
    Context weights, graphs;
    Buffer weight_memory, graph_memory;
    std::vector<ggml_cgraph *> graph;
    size_t turn = 0;

    void run() {
        turn = (turn + 1) % graph.size();
        if (ggml_backend_graph_compute(backend.get(), graph[turn]) != GGML_STATUS_SUCCESS)
            throw std::runtime_error("ggml: the product failed");
    }
};

// Whether the buffer type takes a tensor for repacking: it then sets the tensor's traits.
bool is_repacked(const ggml_tensor *tensor) { return tensor->extra != nullptr; }

std::shared_ptr<Product> make_product(const Kind &kind, Shape shape, uint32_t batch,
                                      const std::shared_ptr<ggml_threadpool> &pool,
                                      uint32_t threads, size_t copies,
                                      const std::vector<uint8_t> &bytes) {
    const auto product = std::make_shared<Product>();
    product->pool = pool;
    product->backend.reset(ggml_backend_cpu_init());
    ggml_backend_cpu_set_n_threads(product->backend.get(), static_cast<int>(threads));
    ggml_backend_cpu_set_threadpool(product->backend.get(), pool.get());

    product->weights = make_context(copies);
    std::vector<ggml_tensor *> matrices;
    for (size_t i = 0; i < copies; ++i)
        matrices.push_back(
            ggml_new_tensor_2d(product->weights.get(), kind.type, shape.cols, shape.rows));
    const ggml_backend_buffer_type_t type =
        kind.repacked ? repacking_type() : ggml_backend_cpu_buffer_type();
    if (!type) return nullptr;
    product->weight_memory.reset(
        ggml_backend_alloc_ctx_tensors_from_buft(product->weights.get(), type));
    if (!product->weight_memory || (kind.repacked && !is_repacked(matrices[0]))) return nullptr;
    for (ggml_tensor *matrix : matrices)
        ggml_backend_tensor_set(matrix, bytes.data(), 0, bytes.size());

    product->graphs = make_context(2 * copies + 1);
    ggml_context *context = product->graphs.get();
    ggml_tensor *x = ggml_new_tensor_2d(context, GGML_TYPE_F32, shape.cols, batch);
    for (ggml_tensor *matrix : matrices) {
        ggml_cgraph *graph = ggml_new_graph_custom(context, 8, false);
        ggml_build_forward_expand(graph, ggml_mul_mat(context, matrix, x));
        product->graph.push_back(graph);
    }
    product->graph_memory.reset(
        ggml_backend_alloc_ctx_tensors(context, product->backend.get()));
    const std::vector<float> values(size_t{batch} * shape.cols, 0.5f);
    ggml_backend_tensor_set(x, values.data(), 0, values.size() * sizeof(float));
    return product;
}

}  // namespace

void add_ggml(Shape shape, uint32_t batch, uint32_t threads, uint64_t cold_bytes, Peers *to) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::vector<float> weights(size_t{shape.rows} * shape.cols);
    for (float &weight : weights) weight = normal(random);
    const std::vector<float> importance(shape.cols, 1);
    ggml_threadpool_params parameters = ggml_threadpool_params_default(static_cast<int>(threads));
    const std::shared_ptr<ggml_threadpool> pool(ggml_threadpool_new(&parameters),
                                                ggml_threadpool_free);
    for (const Kind &kind : kKinds) {
        if (shape.cols % ggml_blck_size(kind.type) != 0) continue;
        std::vector<uint8_t> bytes(shape.rows * ggml_row_size(kind.type, shape.cols));
        ggml_quantize_chunk(kind.type, weights.data(), bytes.data(), 0, shape.rows, shape.cols,
                            importance.data());
        const std::shared_ptr<Product> product = make_product(
            kind, shape, batch, pool, threads, copies_for(bytes.size(), cold_bytes), bytes);
        if (!product) continue;
        const std::string name = std::string("ggml ") + ggml_type_name(kind.type) +
                                 (kind.repacked ? " repacked" : "");
        to->keep.push_back(product);
        to->peers.push_back({name, "ggml", batch, bytes.size(), [raw = product.get()] { raw->run(); }});
    }
}

}  // namespace densq::bench
