// SPDX-License-Identifier: MIT
#include <cblas.h>

#include <random>

#include "bench/peer.hpp"

namespace densq::bench {
namespace {

struct Product {
    Shape shape;
    uint32_t batch;
    std::vector<std::vector<float>> copies;
    std::vector<float> x, y;
    size_t turn = 0;

    void run() {
        const float *weights = copies[turn = (turn + 1) % copies.size()].data();
        const auto m = static_cast<blasint>(shape.rows), k = static_cast<blasint>(shape.cols);
        if (batch == 1)
            cblas_sgemv(CblasRowMajor, CblasNoTrans, m, k, 1, weights, k, x.data(), 1, 0, y.data(),
                        1);
        else
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<blasint>(batch), m, k,
                        1, x.data(), k, weights, k, 0, y.data(), m);
    }
};

}  // namespace

void add_openblas(Shape shape, uint32_t batch, uint32_t threads, uint64_t cold_bytes, Peers *to) {
    openblas_set_num_threads(static_cast<int>(threads));
    const size_t count = size_t{shape.rows} * shape.cols;
    const auto product = std::make_shared<Product>();
    product->shape = shape;
    product->batch = batch;
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::vector<float> weights(count);
    for (float &weight : weights) weight = normal(random);
    product->copies.assign(copies_for(count * sizeof(float), cold_bytes), weights);
    product->x.assign(size_t{batch} * shape.cols, 0.5f);
    product->y.resize(size_t{batch} * shape.rows);
    to->keep.push_back(product);
    to->peers.push_back({"OpenBLAS F32", "OpenBLAS", batch, count * sizeof(float),
                         [raw = product.get()] { raw->run(); }});
}

}  // namespace densq::bench
