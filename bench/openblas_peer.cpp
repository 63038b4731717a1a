// SPDX-License-Identifier: MIT
#include <cblas.h>

#include <random>

#include "bench/peer.hpp"

namespace densq::bench {
namespace {

struct Matrices {
    Shape shape;
    int threads;
    std::vector<std::vector<float>> copies;
    size_t turn = 0;

    void multiply(uint32_t batch, const float *x, float *y) {
        const float *weights = copies[turn = (turn + 1) % copies.size()].data();
        openblas_set_num_threads(threads);
        const auto m = static_cast<blasint>(shape.rows), k = static_cast<blasint>(shape.cols);
        if (batch == 1)
            cblas_sgemv(CblasRowMajor, CblasNoTrans, m, k, 1, weights, k, x, 1, 0, y, 1);
        else
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<blasint>(batch), m, k,
                        1, x, k, weights, k, 0, y, m);
        openblas_set_num_threads(1);  // as the backends of densq/openblas.h want it
    }
};

}  // namespace

void add_openblas(Shape shape, const std::vector<uint32_t> &batches, uint32_t threads,
                  uint64_t cold_bytes, std::vector<tool::Peer> *to) {
    const size_t count = size_t{shape.rows} * shape.cols;
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::vector<float> weights(count);
    for (float &weight : weights) weight = normal(random);
    const auto matrices = std::make_shared<Matrices>();
    matrices->shape = shape;
    matrices->threads = static_cast<int>(threads);
    matrices->copies.assign(tool::copies_of(count * sizeof(float), cold_bytes), weights);
    for (const uint32_t batch : batches) {
        const std::vector<float> x(size_t{batch} * shape.cols, 0.5f);
        const auto y = std::make_shared<std::vector<float>>(size_t{batch} * shape.rows);
        to->push_back({"OpenBLAS F32", "OpenBLAS", batch, count * sizeof(float),
                       [=] { matrices->multiply(batch, x.data(), y->data()); }});
    }
}

}  // namespace densq::bench
